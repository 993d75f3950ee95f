#!/usr/bin/env bash
# Races: the real control, ledger and executor under a scheduler that decides every step, 100,000 schedules of each race,
# and each planted bug noticed. One build for both: in the first part nothing is planted.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
SCHEDULES=${SCHEDULES:-100000}
cd "$ROOT"
OUT=$(mktemp)
trap 'rm -f "$OUT"' EXIT
folder=$PROFILE
[ "$PROFILE" = dev ] && folder=debug

cargo build --quiet --profile "$PROFILE" -p countersign-races --features shuttle,mutants
# told RACE…: what came of each.
told() { for race; do sed -nE "s/^$race: ([0-9]+ schedules.*)/\1/p" "$OUT"; done | paste -sd/ | sed 's,/, / ,g'; }
"target/$folder/countersign-races" --schedules "$SCHEDULES" --commit "$COMMIT" | tee "$OUT"
figure "races, approvals and calls against timeout / kill / policy change / duplicate votes: schedules, wrong" \
  "$(told timeout kill policy votes)"
figure "races, votes in others' places and on call / signed votes, against the end of what they rest on: schedules, wrong" \
  "$(told deputy ballot)"

cargo test --quiet --profile "$PROFILE" -p countersign-races --features shuttle,mutants --test it -- --nocapture planted | tee "$OUT"
noticed=$(grep -cE '^\.*\([0-9]+\) ' "$OUT")
within=$(grep -E '^\.*\([0-9]+\) ' "$OUT" | sed -E 's/^\.*\(([0-9]+)\) .*schedule ([0-9]+):.*/\1 in \2/' | paste -sd, | sed 's/,/, /g')
figure "races: planted bugs noticed, each in how many schedules" "$noticed of 19: $within"
[ "$noticed" = 19 ]
