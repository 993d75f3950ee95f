#!/usr/bin/env bash
# Kills under load on the real binary: actions are offered on loopback at a rate, whatever becomes of them; everything is killed and
# cleared again, over and over. Nothing may arrive at the target after a kill was acknowledged but what that very answer named as in
# flight; a kill is to be armed within twice what the disk itself takes to sync, measured beside it in the same folder. The target
# leaves that disk alone, as one elsewhere does. Then the same by `countersign drill kill`. At the end the log is checked and what is
# kept is counted again.
#
# KILLS, RATE: how many, and of how many actions a second. Of a hundred kills or two, the 99th percentile is one of the two slowest.
# PROFILE: of the programs; PREBUILT=1 builds nothing.
set -euo pipefail
PROFILE=${PROFILE:-dist}
source "$(dirname "$0")/lib/tools.sh"
KILLS=${KILLS:-60}
# Of the loops with kill -9, which name their kills alike.
[ "$KILLS" -le 1000 ] || KILLS=1000
RATE=${RATE:-1000}
CS=$(countersign_program)
[ -n "${PREBUILT:-}" ] || (cd "$ROOT" && cargo build --quiet --profile "$PROFILE" -p countersign-torture) >&2
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

"${CS%/*}/countersign-load" --countersign "$CS" --verify "$CS-verify" drill --rate "$RATE" --kills "$KILLS" | tee "$WORK/out"
if [ "$KILLS" -ge 50 ]; then
  figure "kills under load, $RATE actions offered a second, profile $PROFILE" "$(tail -1 "$WORK/out")"
fi
grep -q 'is met$' "$WORK/out" || { echo "a kill is armed later than it should be" && exit 1; }
