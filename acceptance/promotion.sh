#!/usr/bin/env bash
# Promotions with the stock MLflow client: an agent asks for an alias, a person approves, and the server moves it without being asked
# again; then a person promotes, goes back, and stops promotions with a kill. What the journal has of it is replayed, rebuilt, exported
# and verified.
#
# PROFILE: of the programs; PREBUILT=1 builds nothing.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
CS=$(countersign_program)
MLFLOW=3.17.2
PY=$(venv mlflow mlflow==$MLFLOW)
HERE=$ROOT/acceptance/promotion
WORK=$(mktemp -d)
SERVER=
trap '[ -z "$SERVER" ] || { kill "$SERVER" && wait "$SERVER" || true; }; rm -rf "$WORK"' EXIT
cd "$WORK"

fail() { echo "$*"; exit 1; }
cs() { "$CS" --dir ours "$@"; }
client() { MLFLOW_HTTP_REQUEST_MAX_RETRIES=1 "$PY" "$HERE/client.py" "$URL" "$@" 2>>client.log || fail "$(tail -5 client.log)"; }

# start: starts the server, and waits until it tells its address.
start() {
  "$CS" --dir ours up --listen 127.0.0.1:0 --json >up.json 2>>up.log &
  SERVER=$!
  for _ in $(seq 100); do grep -q 'http://127.0.0.1:[0-9]*' up.json && break || sleep 0.1; done
  URL=$(grep -o 'http://127.0.0.1:[0-9]*' up.json | head -1)
}

# is WANTED GOT WHAT
is() { [ "$1" = "$2" ] && echo "ok      $3" || fail "failed  $3: $2 instead of $1"; }

"$CS" demo --once --listen 127.0.0.1:0 >demo.log 2>&1 || fail "$(cat demo.log)"
cs init --name inventory --owner ana -- "$CS" demo --serve "$WORK/countersign-demo/inventory.db" >init.log 2>&1 || fail "$(cat init.log)"
start
AGENT=$(cat ours/keys/agent-*.key)
PERSON=$(cat ours/keys/admin.key)

client "$PERSON" register 3
refused=$(client "$AGENT" promote 1)
is PERMISSION_DENIED "$(cut -d' ' -f1 <<<"$refused")" "an agent's promotion is refused in a way that no client repeats"
case=$(grep -o 'case_[0-9a-f]*' <<<"$refused" | head -1)
is "$case" "$(client "$AGENT" promote 1 | grep -o 'case_[0-9a-f]*' | head -1)" "asked again, it is the same case"
is none "$(client "$PERSON" champion)" "nothing runs before a person has looked"
cs approvals approve "$case" --reason "better on October" --solo >/dev/null
for _ in $(seq 50); do [ "$(client "$PERSON" champion)" = 1 ] && break || sleep 0.2; done
is 1 "$(client "$PERSON" champion)" "approved, it is done without another request"

# A case that is approved after a restart.
case=$(client "$AGENT" promote 2 | grep -o 'case_[0-9a-f]*' | head -1)
kill "$SERVER" && wait "$SERVER" || true
start
cs approvals approve "$case" --reason "better on November" --solo >/dev/null
for _ in $(seq 50); do [ "$(client "$PERSON" champion)" = 2 ] && break || sleep 0.2; done
is 2 "$(client "$PERSON" champion)" "what was asked before a restart is done after it"

cs model promote fraud 3 --reason "better still" >/dev/null
is 3 "$(client "$PERSON" champion)" "a person promotes"
cs model rollback fraud --reason "it refuses too many" >/dev/null
is 2 "$(client "$PERSON" champion)" "and goes back with one command"
cs kill --tool registry.set_alias --reason "nothing today" >/dev/null
is PERMISSION_DENIED "$(client "$PERSON" promote 3 | cut -d' ' -f1)" "a kill stops promotions, a person's too"
status=0
cs model promote fraud 3 --reason "all the same" >/dev/null 2>&1 || status=$?
[ "$status" != 0 ] || fail "failed  a killed promotion is told as done"
is 2 "$(client "$PERSON" champion)" "and nothing is moved"

cs model history fraud --json >history.json
actions=$(python3 -c 'import json; print(" ".join(m["action"] for m in json.load(open("history.json"))["moves"] if m["kind"] == "alias-moved"))')
is 4 "$(wc -w <<<"$actions")" "each of four moves names its action"
cs replay >replay.log || fail "$(cat replay.log)"
cs rebuild >rebuild.log || fail "$(cat rebuild.log)"
key=$(cs log key)
for action in $actions; do
  cs trace "$action" >/dev/null
  cs log export "$action" -o "$action.evidence" >/dev/null 2>&1
  "$CS-verify" "$action.evidence" --key "$key" >verify.log || fail "$(cat verify.log)"
done
echo "ok      decisions are replayed equal, state is rebuilt equal, and each move's evidence verifies offline"
