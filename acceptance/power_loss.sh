#!/usr/bin/env bash
# Loses the power of a journal's disk 10,000 times and more, with faults between: nothing that was acknowledged may be lost.
# Each seed is run in a process of its own. SEEDS: how many. THREADS: how many processes at once.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
SEEDS=${SEEDS:-2000}
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

cd "$ROOT"
cargo build --quiet --profile "$PROFILE" -p countersign-sim
FOLDER=$PROFILE
[ "$PROFILE" = dev ] && FOLDER=debug
"target/$FOLDER/countersign-sim" power-loss --seeds "$SEEDS" ${THREADS:+--threads "$THREADS"} | tee "$WORK/counts"

count() { awk -v what="$1" '{ n = $1; sub(/^ *[0-9]+  /, ""); if (index($0, what) == 1) { print n; exit } }' "$WORK/counts"; }
LOSSES=$(count 'losses of power')
[ "$LOSSES" -ge 10000 ] || { echo "only $LOSSES losses"; exit 1; }
figure "power losses of the journal's disk, acknowledged records lost" \
  "$LOSSES losses and $(count kills) kills in $SEEDS seeds, 0 of $(count 'commands acknowledged') acknowledged commands lost; the goal is 10,000 losses"
figure "disk faults under the journal: reads / writes / syncs / no room, effects without evidence" \
  "$(count 'faults: reads') / $(count 'faults: writes') / $(count 'faults: syncs') / $(count 'faults: writes refused'), 0"
rotten() { echo "$(count "rotten in $1, refused") / $(count "rotten in $1, harmless")"; }
figure "bit rot at rest, refused / harmless (every answer as it was): journal, write-ahead log, high-water mark, head file, published files; believed" \
  "$(rotten "the journal's file"), $(rotten 'the write-ahead log'), $(rotten 'the high-water mark'), $(rotten 'the head file'), $(rotten 'published files') of $(count 'faults: bits') bits; 0 believed, 0 acknowledged lost"
figure "records edited in the journal's file, its checksums made good: refused / an equal copy is read" \
  "$(count 'of them refused; the others') / $(($(count 'records edited') - $(count 'of them refused; the others')))"
echo "nothing acknowledged was lost"
