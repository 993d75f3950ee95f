#!/usr/bin/env bash
# Erasing: the demo's agent lives its story and is erased. Every file of the data folder is searched for what was sealed about
# it: while the server runs, after it was killed, and after it has stopped. What proved things before still does.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
CS=$(countersign_program)
VERIFY=${CS%/*}/countersign-verify
DISK="python3 $ROOT/acceptance/lib/disk.py"
source "$ROOT/acceptance/lib/demo.sh"

searched() {
  $DISK search noted.json "$DATA/journal.db" "$DATA" || { echo "$1, erased bytes are on the disk"; exit 1; }
}

"$CS" demo --once --listen 127.0.0.1:0 >demo.log 2>&1
ACTION=$("$CS" log tail -n 1000 --json | python3 -c "
import json, sys
lines = [json.loads(line)['leaf'] for line in sys.stdin]
print(next(leaf['action'] for leaf in lines if leaf['kind'] == 'outcome' and leaf.get('session')))")
KEY=$("$CS" log key)
expect 0 "$CS" log export "$ACTION" -o before.evidence
up
plant_canaries "$HIDDEN" up.json
expect 1 "$CS" erase agent:sre-bot --reason "request 4711"
grep -q subject-in-use said.txt
sed -i 's/sre-bot/heir-bot/g' "$COUNTERSIGN_DIR"/bundle/*.toml "$COUNTERSIGN_DIR"/bundle/*/*.toml
expect 0 "$CS" policy activate
expect 1 "$CS" erase agent:sre-bot --reason "request 4711"
grep -q "switch agent:sre-bot is set" said.txt
expect 0 "$CS" switch clear agent:sre-bot --reason "it has left"
$DISK note "$DATA/journal.db" noted.json
expect 0 "$CS" erase agent:sre-bot --reason "request 4711"
cat said.txt
searched "While the server runs"
killed
searched "After a kill"
up
expect 0 "$CS" erase agent:sre-bot --reason "request 4711"
grep -q "erased before" said.txt
kill "$SERVER"
wait "$SERVER"
SERVER=
searched "After a stop"
search_canaries "$HIDDEN" "$WORK"
search_keys "$COUNTERSIGN_DIR/keys" "$DATA" said.txt demo.log up.log
expect 0 "$CS" log check
expect 0 "$VERIFY" "$DATA/log" --key "$KEY"
expect 0 "$VERIFY" before.evidence --key "$KEY"
expect 0 "$CS" log export "$ACTION" -o after.evidence
expect 4 "$VERIFY" after.evidence --key "$KEY"
grep -qi erased said.txt
! "$CS" log tail -n 1000 | grep "sre-bot" || { echo "the journal still names it"; exit 1; }
echo "erased, and every proof holds"
