#!/usr/bin/env bash
# The acceptance runs that fit the time of `make test`. Closes with the totals; what cannot run counts as failed.
set -uo pipefail
cd "$(dirname "$0")"
passed=0
failed=0
for script in ${SCRIPTS:-conformance.sh conformance_2026.sh}; do
  echo "── $script"
  if "./$script"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
done
echo "$passed passed, $failed failed"
exit $((failed > 0))
