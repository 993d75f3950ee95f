#!/usr/bin/env bash
# Runs every check in order, stops at the first that fails, says how long each took, and closes with the totals.
#
# One profile (ci) and one feature set (the workspace's) throughout, so that nothing is compiled twice but for clippy,
# which needs metadata where the tests need code.
set -euo pipefail
cd "$(dirname "$0")/.."

log=target/test.log
totals=target/test-totals
passed=0
failed=0
mkdir -p target
rm -f "$totals"
[ -t 1 ] && export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-always}

close() {
    echo "$passed passed, $failed failed" | tee "$totals"
    exit $((failed > 0))
}

# Adds up what the runner in the log says of its tests: nextest's summary, libtest's results, or plain totals.
count() {
    local sums
    sums=$(sed 's/\x1b\[[0-9;]*m//g' "$log" | awk '
        /^ *Summary \[|^test result: |^[0-9]+ passed, [0-9]+ failed$/ {
            gsub(/[,;.]/, "")
            for (i = 2; i <= NF; i++) {
                if ($i == "passed") passed += $(i - 1)
                if ($i == "failed" && $(i - 1) ~ /^[0-9]+$/) failed += $(i - 1)
                if ($i == "timed" || $i == "exec") failed += $(i - 1)
            }
        }
        END { print passed + 0, failed + 0 }')
    passed=$((passed + ${sums% *}))
    failed=$((failed + ${sums#* }))
}

# Runs one check. A check that fails without a failed test counts as one failure.
step() {
    local name=$1 start=$SECONDS status=0 failed_before=$failed
    shift
    echo "── $name"
    "$@" 2>&1 | tee "$log" || status=$?
    count
    echo "── $name: $((SECONDS - start)) s"
    [ $status = 0 ] && return
    [ "$failed" -gt "$failed_before" ] || failed=$((failed + 1))
    echo "── $name failed"
    close
}

# Built among the workspace's packages, so that its dependencies have the features all others build with.
tidy() {
    cargo build --quiet --workspace --bin xtask --profile ci && "${CARGO_TARGET_DIR:-target}/ci/xtask" tidy
}

tests() {
    if cargo nextest --version >/dev/null 2>&1; then
        cargo nextest run --workspace --cargo-profile ci --no-fail-fast
    else
        cargo test --workspace --profile ci --no-fail-fast
    fi
}

step "tools" scripts/need.sh
step "format" cargo fmt --check
step "tidy" tidy
step "console" scripts/console.sh
step "clippy" cargo clippy --workspace --all-targets --profile ci -- -D warnings
# Each planted bug must be caught; the feature that plants them exists for this step alone.
mutants() {
    cargo test --profile ci -p countersign-stages --features mutants --test it mutants &&
        cargo test --profile ci -p countersign-sim --features mutants mutants
}

# Threads and journal are a scheduler's own here, so this too is a build for this step alone.
races() {
    cargo test --profile ci -p countersign-races --features shuttle,mutants
}

step "tests" tests
step "planted bugs" mutants
step "races" races
[ ! -e acceptance/fast.sh ] || step "acceptance" env PREBUILT=1 PROFILE=ci acceptance/fast.sh
close
