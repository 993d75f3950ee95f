#!/usr/bin/env bash
# The tamper corpus: 200 cases of each class of attack and kind of record against the verifier, 1,200 honest variants,
# and the verifier's program on one case of each.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
(cd "$ROOT" && cargo build --quiet --profile "$PROFILE" -p countersign-tamper -p countersign-verify) >&2
BUILT=$ROOT/target/${PROFILE/#dev/debug}
OUT=$(mktemp)
trap 'rm -f "$OUT"' EXIT
START=$SECONDS
"$BUILT/countersign-tamper" --verifier "$BUILT/countersign-verify" >"$OUT" || { cat "$OUT"; exit 1; }
cat "$OUT"
DETECTED=$(grep -oE '^[0-9]+ of [0-9]+ detected for the right reason' "$OUT")
HONEST=$(grep -oE '[0-9]+ of [0-9]+ honest variants accepted' "$OUT")
PROGRAM=$(grep -oE '^[0-9]+ of [0-9]+ judged the same by the program' "$OUT")
figure "tamper corpus: 10 classes × 18 kinds of record, 200 cases each, by who holds the log's key and no witness's" \
  "$DETECTED; $HONEST; $PROGRAM; $((SECONDS - START)) s"
