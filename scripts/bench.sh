#!/usr/bin/env bash
# Measures speed on the checked-in workload, with the binary as it is shipped; the check of a log beside Go's own, and the tracking server
# beside MLflow's own, each in the same run.
#
#   scripts/bench.sh [PART…] [CALLERS…] [runs=COUNT]   parts: alone, saga, record, watched, http, call, evidence, lineage, capture, mlflow; none means all
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/need.sh outsiders
source acceptance/lib/tools.sh
MLFLOW=3.17.2
parts=$(for word in "$@"; do case $word in *=* | [0-9]*) ;; *) echo "$word" ;; esac; done)
# wants PART: whether it was named, or none was.
wants() { [ -z "$parts" ] || grep -qx "$1" <<<"$parts"; }
named=()
if wants evidence; then named+=("go=$(go_check)"); fi
if wants mlflow; then
    cargo build --quiet --profile dist --package countersign
    python=$(venv mlflow mlflow==$MLFLOW)
    named+=("countersign=$ROOT/target/dist/countersign" "mlflow=${python%/*}/mlflow")
fi
if wants capture; then
    scripts/need.sh postgres
    cargo bench --quiet --profile dist --package countersign-targets --bench capture
    [ "$parts" != capture ] || exit 0
fi
exec cargo run --profile dist --package countersign-bench -- "${named[@]}" "$@"
