#!/usr/bin/env bash
# OpenLineage's own Python client against the server: it emits runs, jobs and datasets with facets, plain, packed and again, also over a server that is
# killed and started again in between; then the graphs are compared with what a small reader of its own (openlineage/reader.py) makes of the
# same events. The fixtures of the specification are checked against its JSON schemas, and sent too.
#
# PROFILE: of the programs; PREBUILT=1 builds nothing.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
CS=$(countersign_program)
CLIENT=1.54.0
PY=$(venv openlineage openlineage-python==$CLIENT jsonschema==4.26.0 rfc3339-validator==0.1.4)
HERE=$ROOT/acceptance/openlineage
WORK=$(mktemp -d)
UP=
trap '[ -z "$UP" ] || { kill -9 "$UP" && wait "$UP"; } 2>/dev/null || true; rm -rf "$WORK"' EXIT
cd "$WORK"

fail() { echo "$*"; exit 1; }

port=$("$PY" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
URL=http://127.0.0.1:$port

start() {
  "$CS" --dir ours up --listen "127.0.0.1:$port" --json >>up.json 2>>up.log &
  UP=$!
  wait_for "$URL/v1/health" || fail "$(cat up.log)"
}

"$CS" demo --once --listen 127.0.0.1:0 >demo.log 2>&1 || fail "$(cat demo.log)"
"$CS" --dir ours init --name inventory --owner ana -- "$CS" demo --serve "$WORK/countersign-demo/inventory.db" >init.log 2>&1 || fail "$(cat init.log)"
start
KEY=$(cat ours/keys/admin.key)
"$PY" "$HERE/emit.py" "$URL" "$KEY" first "$WORK/events.jsonl"
# What was answered is kept though nobody could put anything in order.
kill -9 "$UP" && wait "$UP" 2>/dev/null || true
start
"$PY" "$HERE/emit.py" "$URL" "$KEY" second "$WORK/events.jsonl"
"$PY" "$HERE/compare.py" "$URL" "$KEY" "$WORK/events.jsonl" "$ROOT/crates/lineage/tests/data/spec" | tee out
figure "OpenLineage's client ($CLIENT) beside a reader of its own" "$(tail -1 out)"
