#!/usr/bin/env bash
# The official MCP conformance suite for 2025-11-25 against its own fixture server, direct and through Countersign: the
# check results must be identical.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
CS=$(countersign_program)
NODE=$(node22)
SUITE=$(npm_package conformance @modelcontextprotocol/conformance@0.1.16)
PY=$(venv mcp1 mcp==1.25.0)
WORK=$(mktemp -d)
PIDS=()
trap 'kill "${PIDS[@]}" 2>/dev/null; wait 2>/dev/null; rm -rf "$WORK"' EXIT

FIXTURE=$TOOLS/everything-1.25.0
if [ ! -e "$FIXTURE/done" ]; then
  mkdir -p "$FIXTURE"
  "$TOOLS/venv-mcp1/bin/pip" download --quiet --no-deps --no-build-isolation --no-binary :all: mcp==1.25.0 -d "$FIXTURE" >/dev/null 2>&1 ||
    "$TOOLS/venv-mcp1/bin/pip" download --quiet --no-deps --no-binary :all: mcp==1.25.0 -d "$FIXTURE"
  tar -xzf "$FIXTURE"/mcp-1.25.0.tar.gz -C "$FIXTURE" --strip-components=4 mcp-1.25.0/examples/servers/everything-server
  touch "$FIXTURE/done"
fi
(cd "$FIXTURE" && exec "$PY" -m mcp_everything_server --port 3111 >"$WORK/server.log" 2>&1) &
PIDS+=($!)
wait_for http://127.0.0.1:3111/mcp

suite() { "$NODE/node" "$SUITE/node_modules/@modelcontextprotocol/conformance/dist/index.js" server --url "$1" 2>&1 || true; }
results() { grep -E '^[✓✗]|^Total' | sed 's/\x1b\[[0-9;]*m//g'; }

# The fixture drops a notification now and then when nothing stands before it; what counts is what it can do.
for _ in 1 2 3; do
  suite http://127.0.0.1:3111/mcp | tee "$WORK/direct.log" | results >"$WORK/direct"
  grep -qE '^Total: .*, 0 failed' "$WORK/direct" && break
done

"$CS" --dir "$WORK/cs" init --name everything -- http://127.0.0.1:3111/mcp >/dev/null 2>&1
python3 "$ROOT/acceptance/lib/open_bundle.py" "$WORK/cs/bundle"
"$CS" --dir "$WORK/cs" up --listen 127.0.0.1:3112 --anonymous agent >"$WORK/up.log" 2>&1 &
PIDS+=($!)
wait_for http://127.0.0.1:3112/v1/health
"$CS" --dir "$WORK/cs" policy activate >/dev/null
suite http://127.0.0.1:3112/mcp | tee "$WORK/through.log" | results >"$WORK/through"

echo "direct:  $(tail -1 "$WORK/direct")"
echo "through: $(tail -1 "$WORK/through")"
if ! diff "$WORK/direct" "$WORK/through"; then
  grep -B2 -A12 -E 'FAIL|✗' "$WORK/through.log" | head -80
  echo "the results differ"
  exit 1
fi
grep -qE '^Total: [1-9][0-9]* passed' "$WORK/direct" || { echo "the suite ran no check"; exit 1; }
figure "MCP conformance 0.1.16 (2025-11-25), checks through Countersign / direct" "$(tail -1 "$WORK/through" | sed 's/Total: //') / $(tail -1 "$WORK/direct" | sed 's/Total: //')"
echo "the results are identical"
