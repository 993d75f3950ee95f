#!/usr/bin/env bash
# The kill -9 loop on the real binary, as it is shipped: never fewer than 64 calls in flight through `countersign up`, in
# front of a target that syncs every effect and cannot take one back. Nothing that was answered may be lost, nothing may
# happen twice, and every doubt must come from a kill. First the checker has to see faults that are planted.
#
# KILLS: how many kills under load. SEED: of everything that is drawn. PROFILE: of the server; PREBUILT=1 builds nothing.
set -euo pipefail
PROFILE=${PROFILE:-dist}
source "$(dirname "$0")/lib/tools.sh"
KILLS=${KILLS:-2000}
SEED=${SEED:-$(date +%s)}
FULL=2000
CS=$(countersign_program)
[ -n "${PREBUILT:-}" ] ||
  (cd "$ROOT" && cargo build --quiet --profile ci -p countersign -p countersign-verify -p countersign-torture) >&2
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
rm -rf "$ROOT/target/torture"

start=$SECONDS
status=0
"$ROOT/target/ci/countersign-torture" --countersign "$CS" --verify "$CS-verify" --kills "$KILLS" --seed "$SEED" \
  --keep "$ROOT/target/torture" | tee "$WORK/out" || status=$?
took=$((SECONDS - start))
echo "$took s, profile $PROFILE, commit $COMMIT"
if [ $status != 0 ]; then
  echo "kill: 0 passed, 1 failed"
  exit 1
fi

if [ "$KILLS" -ge $FULL ]; then
  states=$(sed -n '/^calls cut off, by/,/^[0-9]/p' "$WORK/out" | sed -n 's/^  \(.*[^ ]\)  *\([0-9][0-9]*\)  *\([0-9][0-9]*\)$/\1 \2 (\3)/p' | paste -sd ';' | sed 's/;/; /g')
  figure "kill -9 under load, profile $PROFILE" "$(tail -1 "$WORK/out"); $took s, seed $SEED"
  figure "kill points: calls cut off by how far they had come (kills that hit such)" "$states"
fi
echo "kill: 1 passed, 0 failed"
