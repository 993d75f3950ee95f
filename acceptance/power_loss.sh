#!/usr/bin/env bash
# Loses the power of a journal's disk 10,000 times and more, with faults between: nothing that was acknowledged may be lost.
# Two processes share the seeds; SEEDS says how many there are.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
SEEDS=${SEEDS:-2000}
HALF=$((SEEDS / 2))
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

(cd "$ROOT" && cargo build --quiet --profile "$PROFILE" -p countersign-sim)
FOLDER=$PROFILE
[ "$PROFILE" = dev ] && FOLDER=debug
lose() { "$ROOT/target/$FOLDER/countersign-sim" power-loss --from "$1" --seeds "$2" --commit "$COMMIT"; }

lose 0 "$HALF" >"$WORK/first" &
FIRST=$!
STATUS=0
lose "$HALF" $((SEEDS - HALF)) >"$WORK/second" || STATUS=1
wait "$FIRST" || STATUS=1
if [ $STATUS != 0 ]; then
  cat "$WORK/first" "$WORK/second"
  exit 1
fi

awk '/^ *[0-9]+  / { n = $1; sub(/^ *[0-9]+  /, ""); if (!($0 in sum)) order[++rows] = $0; sum[$0] += n }
  END { for (i = 1; i <= rows; i++) printf "%10d  %s\n", sum[order[i]], order[i] }' "$WORK/first" "$WORK/second" | tee "$WORK/counts"
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
