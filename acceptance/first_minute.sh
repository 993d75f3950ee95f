#!/usr/bin/env bash
# The first minute: from an empty folder to the first governed call of an official client, on a server from npm that is
# installed, over the very line that `init` prints; and how soon after the build the demo's agent makes its first call.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
CS=$(countersign_program)
NODE=$(node22)
SERVERS=$(npm_package servers @modelcontextprotocol/server-{everything,filesystem,memory}@2026.8.31)
PY=$(venv mcp2 mcp==2.3.0)
export PATH="${CS%/*}:$NODE:$SERVERS/node_modules/.bin:$PATH"
WORK=$(mktemp -d)
DEMO=
trap '[ -z "$DEMO" ] || { kill "$DEMO"; wait "$DEMO" || true; } 2>/dev/null; rm -rf "$WORK"' EXIT
INIT_SECONDS_MAX=60
DEMO_SECONDS_MAX=120

now() { date +%s.%N; }
since() { python3 -c "print(f'{$(now) - $1:.1f}')"; }
within() { python3 -c "raise SystemExit(not $1 <= $2)" || { echo "$1 s is longer than $2 s"; exit 1; }; }

# Words of the journal below a folder that are there so many times.
recorded() { countersign --dir "$1" log tail -n 100 --json 2>/dev/null | grep -c "\"kind\":\"$2\"" || true; }

mkdir "$WORK/project" "$WORK/files"
echo "read me" >"$WORK/files/a.txt"
cd "$WORK/project"
start=$(now)
countersign init --owner ana -- mcp-server-filesystem "$WORK/files" >init.log
set_up=$(since "$start")
line=$(grep -oE '\{"filesystem":.*\}' init.log)
"$PY" "$ROOT/acceptance/clients/first_call.py" "$line" read_text_file "{\"path\": \"$WORK/files/a.txt\"}" "read me"
whole=$(since "$start")
[ "$(recorded countersign outcome)" = 1 ] || { echo "the call was not recorded"; exit 1; }
echo "init took $set_up s, init and the first governed call $whole s"
within "$whole" "$INIT_SECONDS_MAX"

mkdir "$WORK/demo"
cd "$WORK/demo"
start=$(now)
countersign demo --listen 127.0.0.1:0 >demo.log 2>&1 &
DEMO=$!
until [ "$(recorded countersign-demo decided)" -gt 0 ]; do
  within "$(since "$start")" "$DEMO_SECONDS_MAX"
  sleep 0.1
done
demo=$(since "$start")
echo "the demo's first governed call came after $demo s"

figure "first minute: npm server-filesystem, init / init and first governed call (Python SDK 2.3.0)" "$set_up s / $whole s; the goal is $INIT_SECONDS_MAX s"
figure "demo: start to its first governed call, after the build" "$demo s; the goal is $DEMO_SECONDS_MAX s"
