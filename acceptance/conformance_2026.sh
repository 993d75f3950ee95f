#!/usr/bin/env bash
# The official MCP conformance suite for 2026-07-28 against the Python SDK's fixture server, direct and through
# Countersign: the results must be identical, scenario by scenario and check by check.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
CS=$(countersign_program)
NODE=$(node22)
SUITE=$(npm_package conformance-2026 @modelcontextprotocol/conformance@0.2.0-alpha.12)
PY=$(venv everything-2.3.0 mcp==2.3.0 click)
WORK=$(mktemp -d)
PIDS=()
trap 'kill "${PIDS[@]}" 2>/dev/null; wait 2>/dev/null; rm -rf "$WORK"' EXIT

FIXTURE=$TOOLS/everything-2.3.0
if [ ! -e "$FIXTURE/done" ]; then
  mkdir -p "$FIXTURE"
  "$TOOLS/venv-everything-2.3.0/bin/pip" download --quiet --no-deps --no-binary :all: mcp==2.3.0 -d "$FIXTURE"
  tar -xzf "$FIXTURE"/mcp-2.3.0.tar.gz -C "$FIXTURE" --strip-components=4 mcp-2.3.0/examples/servers/everything-server
  touch "$FIXTURE/done"
fi
(cd "$FIXTURE" && exec "$PY" -m mcp_everything_server --port 3121 >"$WORK/server.log" 2>&1) &
PIDS+=($!)
wait_for http://127.0.0.1:3121/mcp

# suite URL FOLDER: runs what the revision requires; the suite leaves each scenario's checks in the folder.
suite() {
  "$NODE/node" "$SUITE/node_modules/@modelcontextprotocol/conformance/dist/index.js" \
    server --url "$1" --requirements 2026-07-28 --output-dir "$2" 2>&1 || true
}

# results FOLDER: `scenario check status`, a line each, ordered.
results() {
  python3 - "$1" <<'PY'
import json, pathlib, re, sys
for path in sorted(pathlib.Path(sys.argv[1]).glob("*/checks.json")):
    scenario = re.sub(r"-\d{4}-\d\d-\d\dT.*$", "", path.parent.name).removeprefix("server-")
    for line in sorted(f'{scenario} {check["id"]} {check["status"]}' for check in json.loads(path.read_text())):
        print(line)
PY
}
total() { sed 's/\x1b\[[0-9;]*m//g' "$1" | grep -E '^Total: ' | tail -1 | sed 's/Total: //'; }

suite http://127.0.0.1:3121/mcp "$WORK/direct.out" >"$WORK/direct.log"
results "$WORK/direct.out" >"$WORK/direct"

"$CS" --dir "$WORK/cs" init --name everything -- http://127.0.0.1:3121/mcp >/dev/null 2>&1
python3 "$ROOT/acceptance/lib/open_bundle.py" "$WORK/cs/bundle"
"$CS" --dir "$WORK/cs" up --listen 127.0.0.1:3122 --anonymous agent >"$WORK/up.log" 2>&1 &
PIDS+=($!)
wait_for http://127.0.0.1:3122/v1/health
"$CS" --dir "$WORK/cs" policy activate >/dev/null
suite http://127.0.0.1:3122/mcp "$WORK/through.out" >"$WORK/through.log"
results "$WORK/through.out" >"$WORK/through"

echo "direct:  $(total "$WORK/direct.log")"
echo "through: $(total "$WORK/through.log")"
if ! diff "$WORK/direct" "$WORK/through"; then
  echo "conformance 2026-07-28: 0 passed, 1 failed"
  exit 1
fi
[ "$(grep -c ' SUCCESS$' "$WORK/direct")" -gt 0 ] || { echo "the suite ran no check"; exit 1; }
scored=$(sed 's/\x1b\[[0-9;]*m//g' "$WORK/direct.log" | grep -cE '^[✓✗] [a-z0-9-]+: ')
figure "MCP conformance 0.2.0-alpha.12 (2026-07-28), checks through Countersign / direct" \
  "$(total "$WORK/through.log") / $(total "$WORK/direct.log"), $scored scenarios identical"
echo "conformance 2026-07-28: 1 passed, 0 failed"
