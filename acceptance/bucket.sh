#!/usr/bin/env bash
# Files of training in a bucket: the stock MLflow client writes and reads through the server, small files and one in parts; a byte that
# changes in the bucket is not served; what was kept in the folder before stays readable; and while the store is away, nothing is lost and
# nothing is taken for kept. The store is moto's, which speaks S3.
#
# PROFILE: of the programs; PREBUILT=1 builds nothing.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
CS=$(countersign_program)
PY=$(venv mlflow mlflow==3.17.2)
MOTO=$(venv bucket moto[server]==5.2.5 boto3)
HERE=$ROOT/acceptance/bucket
LARGE=$((40 << 20))
WORK=$(mktemp -d)
SERVER=
STORE=
trap '[ -z "$SERVER" ] || { kill "$SERVER" && wait "$SERVER" || true; }; [ -z "$STORE" ] || { kill "$STORE" && wait "$STORE" || true; }; rm -rf "$WORK"' EXIT
cd "$WORK"

fail() { echo "$*"; exit 1; }
cs() { "$CS" --dir ours "$@"; }
client() { MLFLOW_HTTP_REQUEST_MAX_RETRIES=0 "$PY" "$HERE/client.py" "$URL" "$PERSON" "$@" 2>>client.log || fail "$(tail -5 client.log)"; }
# get RUN: prints the status and the reason of a file's answer, or that it was broken off.
get() {
  local status
  status=$(curl -s -o answer -w '%{http_code}' -H "Authorization: Bearer $PERSON" "$URL/api/2.0/mlflow-artifacts/artifacts/0/$1/artifacts/weights") || { echo broken-off; return; }
  echo "$status $(grep -ao '"reason":"[a-z-]*"' answer | cut -d'"' -f4)"
}
store() { "$MOTO" "$HERE/store.py" "http://127.0.0.1:$PORT" "$@"; }
is() { [ "$1" = "$2" ] && echo "ok      $3" || fail "failed  $3: $2 instead of $1"; }
like() { [[ $2 == $1 ]] && echo "ok      $3" || fail "failed  $3: $2"; }

# start: starts the server, and waits until it tells its address.
start() {
  "$CS" --dir ours up --listen 127.0.0.1:0 --json >up.json 2>>up.log &
  SERVER=$!
  for _ in $(seq 100); do grep -q 'http://127.0.0.1:[0-9]*' up.json && break || sleep 0.1; done
  URL=$(grep -o 'http://127.0.0.1:[0-9]*' up.json | head -1)
}
stop() { kill "$SERVER" && wait "$SERVER" || true; SERVER=; }

# start_store: starts moto's store, on the port it had before if it had one.
start_store() {
  [ -n "${PORT:-}" ] || PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  "${MOTO%/*}/moto_server" -H 127.0.0.1 -p "$PORT" >>store.log 2>&1 &
  STORE=$!
  for _ in $(seq 100); do curl -s "http://127.0.0.1:$PORT" >/dev/null && break || sleep 0.1; done
  store make
}

"$CS" demo --once --listen 127.0.0.1:0 >demo.log 2>&1 || fail "$(cat demo.log)"
cs init --name inventory --owner ana -- "$CS" demo --serve "$WORK/countersign-demo/inventory.db" >init.log 2>&1 || fail "$(cat init.log)"
start
PERSON=$(cat ours/keys/admin.key)
read -r before before_digest <<<"$(client log 1000)"
stop

start_store
printf 'very-secret\n' >ours/keys/s3.secret
cat >ours/artifacts.toml <<TOML
[s3]
bucket = "models"
prefix = "training"
endpoint = "http://127.0.0.1:$PORT"
access_key_id = "models"
secret_access_key_file = "gone.secret"
TOML
status=0
cs up --listen 127.0.0.1:0 >refused.log 2>&1 || status=$?
is "2 artifacts-invalid" "$status $(grep -o artifacts-invalid refused.log | head -1)" "a file of settings that cannot be understood stops the start"
sed -i s/gone.secret/s3.secret/ ours/artifacts.toml
start

kept=$(find ours/data/artifacts -type f | wc -l)
read -r small small_digest <<<"$(client log 100001)"
read -r large large_digest <<<"$(client log $LARGE)"
is "$small_digest" "$(client read "$small")" "a file comes back from the bucket"
is "$large_digest" "$(client read "$large")" "so does one of 40 MiB, in parts"
is 2 "$(store count)" "both are there, each under its digest"
is "$kept" "$(find ours/data/artifacts -type f | wc -l)" "and nothing of them is in the data folder"
is "$before_digest" "$(client read "$before")" "what was kept in the folder before is read from there"

model=$(client log-model | tail -1)
like "refused*403*model-sealed*" "$(client overwrite "$model")" "a model in the bucket is sealed, and another MLmodel is refused"
cs model signature "$model" -o model.sig >/dev/null
echo "ok      it is signed"

store change "$small_digest"
store change "$large_digest"
is "500 artifact-changed" "$(get "$small")" "a byte that was changed in the bucket is not served"
is broken-off "$(get "$large")" "and a large file with one is broken off before its end"
like "refused*" "$(client read "$large")" "which MLflow's client notices"

kill "$STORE" && wait "$STORE" || true
like "refused*503*" "$(client log 1000)" "while the store is away, a file is refused for now"
is "503 artifact-store-unusable" "$(get "$small")" "and one that is there is not told as changed"
is "$kept" "$(find ours/data/artifacts -type f | wc -l)" "and what had arrived is gone"
is "$before_digest" "$(client read "$before")" "what is in the folder is read all the same"
grep -q very-secret up.log up.json && fail "failed  the store's key is in the log"
start_store
read -r again again_digest <<<"$(client log 1000)"
is "$again_digest" "$(client read "$again")" "once it is back, so are files"
