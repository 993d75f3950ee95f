#!/usr/bin/env bash
# The tracking server beside MLflow's own: one scenario of raw requests is played to both, and everything they answer is compared, but for what is
# masked and for the differences that `mlflow/differences.json` lists with their reasons. Then each field of our answers is changed, one
# at a time, and each change must be noticed.
#
# PROFILE: of the programs; PREBUILT=1 builds nothing.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
CS=$(countersign_program)
MLFLOW=3.17.2
OLDER=3.6.0
PY=$(venv mlflow mlflow==$MLFLOW)
HERE=$ROOT/acceptance/mlflow
WORK=$(mktemp -d)
PIDS=()
trap 'for pid in "${PIDS[@]}"; do kill -- "$pid" 2>/dev/null && wait "${pid#-}" 2>/dev/null || true; done; rm -rf "$WORK"' EXIT
cd "$WORK"

fail() { echo "$*"; exit 1; }

# answers URL: waits until a server is there.
answers() {
  for _ in $(seq 600); do
    curl --silent --fail --output /dev/null "$1/health" && return
    sleep 0.2
  done
  fail "no answer from $1"
}

port=$("$PY" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
# A group of its own, as the server starts others that outlive it.
setsid "${PY%/*}/mlflow" server --host 127.0.0.1 --port "$port" --workers 1 --backend-store-uri "sqlite:///$WORK/mlflow.db" \
  --artifacts-destination "$WORK/artifacts" >mlflow.log 2>&1 &
PIDS+=("-$!")
"$CS" demo --once --listen 127.0.0.1:0 >demo.log 2>&1 || fail "$(cat demo.log)"
"$CS" --dir ours init --name inventory --owner ana -- "$CS" demo --serve "$WORK/countersign-demo/inventory.db" >init.log 2>&1 || fail "$(cat init.log)"
# Everything of the scenario comes within a minute, from one person.
sed -i 's/^burst = .*/burst = 100000/' ours/bundle/limits.toml
"$CS" --dir ours up --listen 127.0.0.1:0 --json >up.json 2>up.log &
PIDS+=($!)
for _ in $(seq 100); do grep -qo 'http://127.0.0.1:[0-9]*' up.json && break || sleep 0.1; done
OURS=$(grep -o 'http://127.0.0.1:[0-9]*' up.json | head -1)
answers "$OURS"
answers "http://127.0.0.1:$port"

python3 "$HERE/exchanges.py" "http://127.0.0.1:$port" >theirs.jsonl
python3 "$HERE/exchanges.py" "$OURS" "$(cat ours/keys/admin.key)" >ours.jsonl
[ -z "${KEEP:-}" ] || cp theirs.jsonl ours.jsonl "$KEEP"
python3 "$HERE/compare.py" theirs.jsonl ours.jsonl | tee out
figure "tracking beside MLflow $MLFLOW, one scenario played to both" "$(tail -1 out)"

# Webhooks: both servers are started again, as those that may reach this machine, and what they deliver is compared.
hooks_port=$("$PY" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
MLFLOW_WEBHOOK_ALLOWED_SCHEMES=http,https MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS=true setsid "${PY%/*}/mlflow" server --host 127.0.0.1 --port "$hooks_port" --workers 1 \
  --backend-store-uri "sqlite:///$WORK/hooks.db" --artifacts-destination "$WORK/hooks" >hooks.log 2>&1 &
PIDS+=("-$!")
"$CS" --dir hooked init --name inventory --owner ana -- "$CS" demo --serve "$WORK/countersign-demo/inventory.db" >hooked.log 2>&1 || fail "$(cat hooked.log)"
printf '[registry_webhooks]\nallow_private = true\nprivate = ["127.0.0.1/32"]\n' >hooked/notify.toml
"$CS" --dir hooked up --listen 127.0.0.1:0 --json >hooked.json 2>hooked.log &
PIDS+=($!)
for _ in $(seq 100); do grep -qo 'http://127.0.0.1:[0-9]*' hooked.json && break || sleep 0.1; done
HOOKED=$(grep -o 'http://127.0.0.1:[0-9]*' hooked.json | head -1)
answers "$HOOKED"
answers "http://127.0.0.1:$hooks_port"
told=$(python3 "$HERE/deliveries.py" "http://127.0.0.1:$hooks_port" "$HOOKED" "$(cat hooked/keys/admin.key)" 2>&1) || fail "$told"
echo "$told"
figure "webhooks of the registry beside MLflow $MLFLOW" "${told#webhooks: }"

# What two releases of the stock client do all day, the present one and one a year older: each tells the same of both servers.
for release in $MLFLOW $OLDER; do
  python=$PY
  [ "$release" = $MLFLOW ] || python=$(venv mlflow-older "mlflow==$OLDER")
  does() { MLFLOW_HTTP_REQUEST_MAX_RETRIES=1 "$python" "$HERE/client.py" "$@" 2>client.log | tail -1; }
  theirs=$(does "http://127.0.0.1:$port") || fail "$release: $(cat client.log)"
  ours=$(does "$OURS" "$(cat ours/keys/admin.key)") || fail "$release: $(cat client.log)"
  python3 "$HERE/same.py" "$release" "$theirs" "$ours"
done

# The tampered champion: the stock client logs a model, and somebody writes other bytes over it.
champion() { "$PY" "$HERE/tampered.py" "$@" 2>"tampered.log" | tail -1; }
theirs=$(champion "http://127.0.0.1:$port") || fail "$(cat tampered.log)"
ours=$(champion "$OURS" "$(cat ours/keys/admin.key)") || fail "$(cat tampered.log)"
python3 - "$theirs" "$ours" <<'END' || fail "the tampered champion: $theirs / $ours"
import json, sys
theirs, ours = map(json.loads, sys.argv[1:])
alike = ["listed", "read", "predicted", "ready", "same"]
sys.exit(not (all(theirs[key] == ours[key] for key in alike)
              and (theirs["write"], theirs["changed"]) == (200, True)
              and (ours["write"], ours["remove"], ours["reason"], ours["changed"]) == (403, 403, "model-sealed", False)))
END
echo "the tampered champion: MLflow $MLFLOW writes other bytes over it and serves them; here 403, and the bytes are what they were"
