#!/usr/bin/env bash
# Retention: a log is closed under a running server, goes on as a new one, is archived, verified by the auditor's program from the
# archive alone, and deleted. The server is killed between the steps. No byte of the deleted journal is left in any file, and what was
# exported before still proves what it did.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
CS=$(countersign_program)
VERIFY=${CS%/*}/countersign-verify
DISK="python3 $ROOT/acceptance/lib/disk.py"
source "$ROOT/acceptance/lib/demo.sh"

"$CS" demo --once --listen 127.0.0.1:0 >demo.log 2>&1
ACTION=$("$CS" trace last --json | python3 -c "import json, sys; print(json.load(sys.stdin)['action'])")
OLD=$("$CS" log key)
expect 0 "$CS" log export "$ACTION" -o before.evidence
expect 0 "$CS" audit trust-root -o trust.json
up
plant_canaries "$HIDDEN" up.json
expect 0 "$CS" log close --reason "the year is over"
grep -q "closed: the log is complete" said.txt
expect 1 "$CS" log close --reason "again"
grep -q log-closed said.txt
killed
up
killed
up
NEW=$("$CS" log key)
[ "$OLD" != "$NEW" ]
expect 0 "$CS" log check
expect 0 "$CS" log list
grep -q "closed" said.txt
expect 0 "$VERIFY" "$DATA/closed/1/log" --key "$OLD"
expect 0 "$VERIFY" "$DATA/log" --key "$NEW"
expect 1 "$CS" log delete 1 --reason "too early"
grep -q retention-forbids said.txt
printf 'minimum_days = 0\n' >"$COUNTERSIGN_DIR/bundle/retention.toml"
expect 0 "$CS" policy activate
expect 1 "$CS" log delete 1 --reason "without an archive"
grep -q retention-forbids said.txt
search_canaries "$HIDDEN" "$WORK"
expect 0 "$CS" log archive 1 --to log-1.archive
expect 0 "$CS" log archive 1 --to log-1/
expect 0 "$CS" log export --log 1 --agent sre-bot -o canaries.evidence
mkdir unpacked && (cd unpacked && python3 -m zipfile -e ../log-1.archive .)
cp -r "$DATA/log" log-2
for archive in log-1.archive log-1 unpacked; do
  expect 0 "$VERIFY" "$archive" --trust trust.json --next log-2
  grep -q "the next log begins with a record that commits" said.txt
  expect 1 "$VERIFY" "$archive" --key "$NEW"
done
expect 1 "$VERIFY" log-1.archive --trust trust.json --next log-1
LISTED=$(cd unpacked && find . -type f -printf '%P\n' | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -d' ' -f1)
expect 0 "$CS" log archive 1 --to log-1.archive
grep -q "$LISTED" said.txt || { echo "the digest is not what sha256sum says"; exit 1; }
$DISK whole "$DATA/closed/1/journal.db" noted.json
! $DISK none noted.json "$DATA" >said.txt || { echo "nothing of the closed log was found before its deletion"; exit 1; }
expect 0 "$CS" log delete 1 --reason "kept long enough"
$DISK none noted.json "$DATA" || { echo "bytes of the deleted log are on the disk"; exit 1; }
[ "$(ls "$DATA/closed/1")" = checkpoint ]
killed
up
$DISK none noted.json "$DATA" || { echo "after a kill, bytes of the deleted log are on the disk"; exit 1; }
expect 1 "$CS" log tail --log 1
grep -q log-deleted said.txt
expect 0 "$VERIFY" before.evidence --key "$OLD"
expect 0 "$VERIFY" log-1.archive --trust trust.json
expect 0 "$CS" log check
kill "$SERVER"
wait "$SERVER"
SERVER=
search_canaries "$HIDDEN" "$WORK"
echo "closed, archived and deleted, and every proof holds"
