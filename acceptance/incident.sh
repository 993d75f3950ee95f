#!/usr/bin/env bash
# A recorded session replayed on another machine: the guide's blocks as they stand, and official clients of both generations of
# the protocol, unmodified, on the tools of a server that is gone.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
CS=$(countersign_program)
PYTHON1=$(venv mcp1 mcp==1.25.0)
PYTHON2=$(venv mcp2 mcp==2.3.0)
export PATH="${CS%/*}:$PATH"
WORK=$(mktemp -d)
HIDDEN=$(mktemp -d)
SERVER=
trap '[ -z "$SERVER" ] || { kill "$SERVER"; wait "$SERVER" || true; } 2>/dev/null; rm -rf "$WORK" "$HIDDEN"' EXIT
# What the blocks of the guide end with, in order: differences are 1.
EXPECTED=(0 0 0 0 1 1 1 0)

mkdir "$WORK/blocks" "$WORK/guide"
python3 - "$ROOT/docs/guides/incident.md" "$WORK/blocks" <<'PY'
import pathlib, re, sys
page, folder = (pathlib.Path(arg) for arg in sys.argv[1:])
blocks = re.findall(r"^```sh\n(.*?)^```$", page.read_text(), re.M | re.S)
for number, block in enumerate(blocks):
    (folder / f"{number:02}").write_text(block)
PY
[ "$(ls "$WORK/blocks" | wc -l)" = ${#EXPECTED[@]} ] || { echo "the guide has another number of blocks"; exit 1; }
cd "$WORK/guide"
number=0
for block in "$WORK"/blocks/*; do
  code=0
  bash -euo pipefail "$block" >"$WORK/said" 2>&1 || code=$?
  [ $code = "${EXPECTED[$number]}" ] || { echo "block $number of the guide ended with $code:"; cat "$block" "$WORK/said"; exit 1; }
  number=$((number + 1))
done
echo "the guide's $number blocks end as they should"

# A session with secrets in it, decided again from the journal and from what was exported of it.
mv gone countersign-demo
export COUNTERSIGN_DIR=$WORK/guide/countersign-demo
"$CS" up --listen 127.0.0.1:0 --json >"$HIDDEN/up.json" 2>up.log &
SERVER=$!
for _ in $(seq 1 200); do [ -s "$HIDDEN/up.json" ] && break; sleep 0.1; done
plant_canaries "$HIDDEN" "$HIDDEN/up.json"
SESSION=$(grep -oE 'ses_[0-9a-z-]+' "$HIDDEN/said" | head -1)
"$CS" log export --session "$SESSION" -o secrets.evidence
"$CS" incident run "$SESSION" --json >journal.json
"$CS" incident run secrets.evidence --log-key "$(cat log.key)" --json >exported.json
grep -qF "(secret)" journal.json
grep -qF "(secret)" exported.json
kill "$SERVER"
wait "$SERVER"
SERVER=
search_canaries "$HIDDEN" "$WORK"
unset COUNTERSIGN_DIR

# The client's own command is the record; neither journal nor server are there any more.
mv incident.evidence log.key "$WORK"
rm -rf countersign-demo
cd "$WORK"
for python in "$PYTHON1" "$PYTHON2"; do
  timeout 30 "$python" "$ROOT/acceptance/clients/incident.py" stdio incident.evidence
done
countersign incident run incident.evidence --log-key "$(cat log.key)" --runs 2 --json -- \
  timeout 30 "$PYTHON1" "$ROOT/acceptance/clients/incident.py" http >report.json && code=0 || code=$?
python3 - $code <<'PY'
import json, sys
report = json.load(open("report.json"))
summary = report["summary"]
assert sys.argv[1] == "1" and not report["ended"], (sys.argv, report["ended"])
assert (summary["same"], summary["missing"], summary["extra"]) == (4, 20, 2), summary
assert report["extra"][0]["tool"] == "inventory.get_service", report["extra"]
PY
echo "official clients of both generations are served from the record"
