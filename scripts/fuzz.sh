#!/usr/bin/env bash
# Fuzzes every parser that reads what others wrote, each from the inputs kept in crates/parsers/corpus, and ends by itself.
#
#   scripts/fuzz.sh              every target, 1,000,000 executions each
#   scripts/fuzz.sh json sse     these targets
#   RUNS=10000 scripts/fuzz.sh   fewer executions
#   PREBUILT=1 scripts/fuzz.sh   takes the programs as they are
#   MERGE=1 scripts/fuzz.sh      also keeps what was found to reach more code, made small, in crates/parsers/corpus
#
# A crash, a hang, or a run short of its executions is a failure; the input is then in fuzz/artifacts.
set -uo pipefail
cd "$(dirname "$0")/.."
source acceptance/lib/tools.sh
scripts/need.sh fuzz || exit 1

RUNS=${RUNS:-1000000}
# A run that has not ended by then is stopped, and short of its executions.
MINUTES_MAX=${MINUTES_MAX:-240}
# What is kept of one target, as text, in bytes.
KEPT_BYTES_MAX=24576
KEPT=crates/parsers/corpus
FOUND=fuzz/target/corpus
HOST=$(rustc -vV | sed -n 's/^host: //p')
PROGRAMS=fuzz/target/$HOST/release
ALL=($(ls fuzz/src/bin/*.rs | xargs -n 1 basename -s .rs))
TARGETS=("${@:-${ALL[@]}}")
[ $# -gt 0 ] || TARGETS=("${ALL[@]}")
mkdir -p fuzz/artifacts

# Stable Rust has the instrumentation that libFuzzer reads; with a target named, build scripts go without it.
build() {
  local flag flags="--cfg fuzzing -Cpasses=sancov-module"
  for flag in level=4 inline-8bit-counters pc-table trace-compares; do
    flags+=" -Cllvm-args=-sanitizer-coverage-$flag"
  done
  (cd fuzz && RUSTC_WRAPPER=$PWD/rustc.sh RUSTFLAGS=$flags cargo build --quiet --release --locked --target "$HOST")
}

# unpack NAME FOLDER: a file for every line kept of a target.
unpack() {
  mkdir -p "$2"
  python3 - "$KEPT/$1.txt" "$2" <<'PY'
import hashlib, pathlib, sys
kept, folder = map(pathlib.Path, sys.argv[1:])
for line in kept.read_text().splitlines() if kept.exists() else []:
    data = line.encode().decode("unicode_escape").encode("latin-1")
    (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)
PY
}

# pack NAME FOLDER: the files of a folder as lines, as many as there is room for.
pack() {
  python3 - "$KEPT/$1.txt" "$2" "$KEPT_BYTES_MAX" <<'PY'
import pathlib, sys
kept, folder, bytes_max = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
names = {9: "\\t", 10: "\\n", 13: "\\r", 34: '\\"', 39: "\\'", 92: "\\\\"}
escape = lambda data: "".join(names.get(b) or (chr(b) if 32 <= b < 127 else f"\\x{b:02x}") for b in data)
lines = sorted({escape(file.read_bytes()) for file in folder.iterdir()}, key=len)
# Where there is not room for all, one in so many of every length: what is deep is long.
step = -(-sum(len(line) + 1 for line in lines) // bytes_max)
lines = lines[::-1][:: max(step, 1)]
kept.write_text("".join(line + "\n" for line in sorted(lines)))
PY
}

# The longest input of a target, in bytes: room for what is whole there.
bytes_max() {
  case $1 in
    archive) echo 12288 ;;
    disclosure | leaf | passkeys | receipts | statements | timestamps) echo 4096 ;;
    tree | verify) echo 256 ;;
    *) echo 1024 ;;
  esac
}

# fuzz NAME: one run; prints how it went.
fuzz() {
  local name=$1 log=fuzz/target/$1.log start=$SECONDS done_runs
  unpack "$name" "$FOUND/$name"
  timeout $((MINUTES_MAX * 60)) "$PROGRAMS/$name" -runs="$RUNS" -max_len="$(bytes_max "$name")" -timeout=20 -rss_limit_mb=2048 \
    -print_final_stats=1 -artifact_prefix="fuzz/artifacts/$name-" "$FOUND/$name" >"$log" 2>&1
  local status=$?
  done_runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  printf '%-14s %10s executions in %s s\n' "$name" "${done_runs:-0}" "$((SECONDS - start))"
  [ $status = 0 ] && [ "${done_runs:-0}" -ge "$RUNS" ] && return
  echo "$name failed with status $status:"
  grep -E 'panicked|ERROR|SUMMARY|Test unit written' -A 2 "$log" | cut -c 1-300 | head -20
  return 1
}

# keep NAME: what reaches the code that everything found reaches.
keep() {
  local small=fuzz/target/merged/$1
  rm -rf "$small" && mkdir -p "$small"
  "$PROGRAMS/$1" -merge=1 -max_len="$(bytes_max "$1")" -timeout=20 "$small" "$FOUND/$1" >"fuzz/target/$1.merge.log" 2>&1 && pack "$1" "$small"
}

[ -n "${PREBUILT:-}" ] || build || exit 1
passed=0
for name in "${TARGETS[@]}"; do
  if fuzz "$name" && { [ -z "${MERGE:-}" ] || keep "$name"; }; then passed=$((passed + 1)); fi
done
failed=$((${#TARGETS[@]} - passed))
[ $# -gt 0 ] || figure "fuzzing, targets × executions" "$passed of ${#TARGETS[@]} × $(printf "%'d" "$RUNS"), $failed with a crash, a hang or too few"
echo "$passed passed, $failed failed"
exit $((failed > 0))
