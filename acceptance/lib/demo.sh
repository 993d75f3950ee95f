# Sourced after tools.sh, with CS set: a demo of its own in a fresh folder, the working directory from here on, and its server,
# which ends with the script. HIDDEN is a folder that nobody searches.

WORK=$(mktemp -d)
HIDDEN=$(mktemp -d)
SERVER=
trap '[ -z "$SERVER" ] || { kill "$SERVER"; wait "$SERVER" || true; } 2>/dev/null; rm -rf "$WORK" "$HIDDEN"' EXIT
cd "$WORK"
export COUNTERSIGN_DIR=$WORK/countersign-demo
DATA=$COUNTERSIGN_DIR/data

# Starts the server, and keeps what it says of itself in up.json.
up() {
  rm -f up.json
  "$CS" up --listen 127.0.0.1:0 --json >up.json 2>up.log &
  SERVER=$!
  for _ in $(seq 1 200); do [ -s up.json ] && return; sleep 0.1; done
  cat up.log && exit 1
}

# Kills the server, which gets no chance to put anything in order.
killed() {
  kill -9 "$SERVER"
  wait "$SERVER" 2>/dev/null || true
  SERVER=
}

# expect CODE COMMAND…: demands an exit code, and keeps what was said in said.txt.
expect() {
  local code=0 wanted=$1
  shift
  "$@" >said.txt 2>&1 || code=$?
  [ "$code" = "$wanted" ] || { echo "$* ended with $code, not $wanted:"; cat said.txt; exit 1; }
}
