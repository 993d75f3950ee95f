#!/usr/bin/env bash
# A flood of escalations on the real binary: four agents propose something else each time that people must decide, 1,000 times a second for a
# minute, beside four that need people for their work, and people who look and vote at once. Those must wait less than twice as long
# as without the flood, measured before in the same run; nothing may be permitted without everybody's vote; and what the flood leaves behind, in the
# journal and in the inbox, is bounded. At the end the log is checked and what is kept is counted again.
#
# SECONDS_OF_FLOOD, SECONDS_OF_QUIET, RATE. PROFILE: of the programs; PREBUILT=1 builds nothing.
set -euo pipefail
PROFILE=${PROFILE:-dist}
source "$(dirname "$0")/lib/tools.sh"
LONG=${SECONDS_OF_FLOOD:-60}
QUIET=${SECONDS_OF_QUIET:-20}
RATE=${RATE:-1000}
CS=$(countersign_program)
[ -n "${PREBUILT:-}" ] || (cd "$ROOT" && cargo build --quiet --profile "$PROFILE" -p countersign-torture) >&2
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

"${CS%/*}/countersign-load" --countersign "$CS" --verify "$CS-verify" flood --rate "$RATE" --quiet "$QUIET" --flood "$LONG" | tee "$WORK/out"
if [ "$LONG" -ge 60 ]; then
  figure "flood of escalations, $RATE offered a second, profile $PROFILE" "$(tail -1 "$WORK/out")"
fi
# In a few seconds there are too few waits for a percentile to say much.
[ "$LONG" -lt 60 ] || grep -q 'p99 is met)' "$WORK/out" || { echo "legitimate agents waited too long" && exit 1; }
