#!/usr/bin/env bash
# The network under simulation: gateway, agents, people and upstream over links that break, each seed in a process of its
# own, and each planted bug noticed that a network must show.
#
# SEEDS: how many. THREADS: how many at once.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
SEEDS=${SEEDS:-3000}
FULL=3000
cd "$ROOT"
OUT=$(mktemp)
trap 'rm -f "$OUT"' EXIT
folder=$PROFILE
[ "$PROFILE" = dev ] && folder=debug

cargo build --quiet --profile "$PROFILE" -p countersign-sim
"target/$folder/countersign-sim" net --seeds "1..$((SEEDS + 1))" ${THREADS:+--threads "$THREADS"} | tee "$OUT"
crashes=$(grep '^crashes:' "$OUT" | sed 's/^crashes: //')
faults=$(grep '^faults:' "$OUT" | sed 's/^faults: //')
last=$(tail -n 1 "$OUT")
if [ "$SEEDS" -ge $FULL ]; then
  figure "simulation of the network: seeds, wrong, crashes, faults, time" "$last"
  figure "simulation of the network: where calls were when the gateway ended" "$crashes"
  figure "simulation of the network: faults" "$faults"
fi

cargo test --quiet --profile "$PROFILE" -p countersign-sim --features mutants --test net -- --nocapture mutants | tee "$OUT"
noticed=$(grep -cE '^\.*\([0-9]+\) ' "$OUT")
[ "$SEEDS" -lt $FULL ] || figure "simulation of the network: planted bugs noticed" "$noticed of 8"
[ "$noticed" = 8 ]
