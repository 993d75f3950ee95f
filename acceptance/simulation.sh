#!/usr/bin/env bash
# The simulation: the real control, ledger and executor over a scripted world, 10,000 seeds, in every fourth of which the disk
# fails and the power goes; and each of the 22 planted bugs noticed by its sign, by the road or by a loss of power.
#
# SEEDS: how many. THREADS: how many processes at once.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
SEEDS=${SEEDS:-10000}
cd "$ROOT"
OUT=$(mktemp)
trap 'rm -f "$OUT"' EXIT
folder=$PROFILE
[ "$PROFILE" = dev ] && folder=debug

cargo build --quiet --profile "$PROFILE" -p countersign-sim
"target/$folder/countersign-sim" road --seeds "$SEEDS" ${THREADS:+--threads "$THREADS"} | tee "$OUT"
line() { grep "^$1:" "$OUT" | sed "s/^$1: //"; }
figure "simulation of the road: seeds, wrong, crashes, losses of power, disk faults, time" "$(tail -n 1 "$OUT")"
figure "simulation of the road: crashes by await point" "$(line crashes)"
figure "simulation of the road: losses of power by await point" "$(line 'losses of power')"
figure "simulation of the road: what its disk did" "$(line disk)"

cargo test --quiet --profile "$PROFILE" -p countersign-sim --features mutants --test it --test road -- --nocapture mutants | tee "$OUT"
noticed=$(grep -oE '^\.*\([0-9]+\) ' "$OUT" | tr -d '.() ' | sort -n | uniq | awk '$1 >= 1 && $1 <= 22' | wc -l)
figure "simulation: planted bugs noticed by their sign, by the road or by a loss of power" "$noticed of 22"
echo "$noticed of 22"
[ "$noticed" = 22 ]
