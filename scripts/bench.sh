#!/usr/bin/env bash
# Measures speed on the checked-in workload, with the binary as it is shipped; the check of a log beside Go's own in the same run.
#
#   scripts/bench.sh [PART…] [CALLERS…]   parts: alone, record, watched, http, call, evidence, lineage; none means all
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/need.sh outsiders
source acceptance/lib/tools.sh
GO=$(go_check)
exec cargo run --profile dist --package countersign-bench -- "go=$GO" "$@"
