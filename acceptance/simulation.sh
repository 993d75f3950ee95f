#!/usr/bin/env bash
# The simulation: the real control, ledger and executor over a scripted world, 10,000 seeds, and each planted bug noticed.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
SEEDS=${SEEDS:-10000}
cd "$ROOT"
OUT=$(mktemp)
trap 'rm -f "$OUT"' EXIT
folder=$PROFILE
[ "$PROFILE" = dev ] && folder=debug

cargo build --quiet --profile "$PROFILE" -p countersign-sim
"target/$folder/countersign-sim" road --seeds "$SEEDS" | tee "$OUT"
crashes=$(grep '^crashes:' "$OUT" | sed 's/^crashes: //')
last=$(tail -n 1 "$OUT")
figure "simulation of the road: seeds, wrong, crashes, time" "$last"
figure "simulation of the road: crashes by await point" "$crashes"

cargo test --quiet --profile "$PROFILE" -p countersign-sim --features mutants --test road -- --nocapture mutants | tee "$OUT"
noticed=$(grep -cE '^\([0-9]+\) ' "$OUT")
figure "simulation of the road: planted bugs noticed" "$noticed of 20"
[ "$noticed" = 20 ]
