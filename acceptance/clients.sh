#!/usr/bin/env bash
# The official clients, unmodified, in front of Countersign: two generations of the Python and of the JavaScript SDK, each
# over stdio and over Streamable HTTP, each in its newest protocol version, on the reference servers.
set -uo pipefail
source "$(dirname "$0")/lib/tools.sh"
CS=$(countersign_program)
NODE=$(node22)
export CS PATH="$NODE:$PATH"
DRIVERS=$ROOT/acceptance/clients
SERVERS=$(npm_package servers @modelcontextprotocol/server-{everything,filesystem,memory}@2026.8.31)/node_modules/@modelcontextprotocol
PYTHON1=$(venv mcp1 mcp==1.25.0)
PYTHON2=$(venv mcp2 mcp==2.3.0)
PACKAGES1=$(npm_package client1 @modelcontextprotocol/sdk@1.32.2)
PACKAGES2=$(npm_package client2 @modelcontextprotocol/client@2.4.0)
WORK=$(mktemp -d)
trap 'stop; rm -rf "$WORK"' EXIT

CLIENTS=("mcp 1.25.0" "mcp 2.3.0" "sdk 1.32.2" "client 2.4.0")
CELLS=(call approved denied cancelled progress)
UP=
GOOD=0
ALL=0

stop() {
  [ -n "$UP" ] || return 0
  kill "$UP" 2>/dev/null
  wait "$UP" 2>/dev/null
  UP=
}

# drive CLIENT WORD…: one driver, with what is to be done.
drive() {
  local client=$1
  shift
  case $client in
    "mcp 1.25.0") timeout 20 "$PYTHON1" "$DRIVERS/driver1.py" "$@" ;;
    "mcp 2.3.0") timeout 20 "$PYTHON2" "$DRIVERS/driver2.py" "$@" ;;
    "sdk 1.32.2") PACKAGES=$PACKAGES1 timeout 20 "$NODE/node" "$DRIVERS/driver1.mjs" "$@" ;;
    "client 2.4.0") PACKAGES=$PACKAGES2 timeout 20 "$NODE/node" "$DRIVERS/driver2.mjs" "$@" ;;
  esac
}

# Prints the case that is open, if one is.
open_case() { "$CS" --dir "$CS_DIR" approvals --json 2>/dev/null | grep -o 'case_[0-9A-Za-z]*' | head -1; }

# decide approve|deny: the owner's part, as soon as a call is held.
decide() {
  local case_id words=(--reason "looked at it")
  [ "$1" = approve ] && words+=(--solo)
  for _ in $(seq 1 150); do
    case_id=$(open_case)
    [ -n "$case_id" ] && exec "$CS" --dir "$CS_DIR" approvals "$1" "$case_id" "${words[@]}"
    sleep 0.1
  done
  echo "nothing was held"
  return 1
}

# govern NAME TRANSPORT COMMAND…: a fresh folder with a starter bundle and, for HTTP, the server on it.
govern() {
  export CS_DIR CS_SERVER=$1 CS_URL CS_KEY
  local transport=$2
  shift 2
  stop
  CS_DIR=$(mktemp -d "$WORK/run.XXXXXX")/countersign
  "$CS" --dir "$CS_DIR" init --name "$CS_SERVER" --owner ana -- "$@" >"$WORK/init.log" 2>&1 || return 1
  [ "$transport" = http ] || return 0
  CS_KEY=$(cat "$CS_DIR/keys/agent-agent.key")
  : >"$WORK/up.out"
  "$CS" --dir "$CS_DIR" up --listen 127.0.0.1:0 --json >"$WORK/up.out" 2>"$WORK/up.log" &
  UP=$!
  for _ in $(seq 1 200); do
    CS_URL=$(grep -o 'http://127.0.0.1:[0-9]*' "$WORK/up.out" | head -1)/mcp
    [ "$CS_URL" = /mcp ] || break
    sleep 0.1
  done
  wait_for "${CS_URL%/mcp}/v1/health"
}

# withdrawn TRANSPORT: says what is wrong with the case of a call that its client has withdrawn.
withdrawn() {
  local last
  "$CS" --dir "$CS_DIR" log tail -n 100 --json | grep '"kind":"case_ended"' >/dev/null || { echo "no end of the case is recorded"; return 1; }
  # Over stdio the server has ended with its client.
  [ "$1" = http ] || return 0
  last=$("$CS" --dir "$CS_DIR" approvals list --all --json | grep -o 'case_[0-9A-Za-z]*","state":"[a-z]*"' | tail -1)
  [[ $last = *'"withdrawn"' ]] || { echo "the case is ${last#*,}"; return 1; }
  ! "$CS" --dir "$CS_DIR" approvals approve "${last%%\"*}" --solo --reason "too late" >/dev/null 2>&1 || { echo "the case can still be approved"; return 1; }
}

# cell CLIENT TRANSPORT CELL [TOOL]: runs one cell and puts its line into the table.
cell() {
  local client=$1 transport=$2 name=$3 said word wrong decider=
  case $name in approved) word=approve ;; denied) word=deny ;; *) word= ;; esac
  [ -n "$word" ] && { decide "$word" >"$WORK/decide.log" 2>&1 & decider=$!; }
  said=$(drive "$@" 2>"$WORK/driver.log")
  case $? in
    0) ;;
    124) said="no end within 20 s" ;;
    *) [ -n "$said" ] || said=$(tail -1 "$WORK/driver.log") ;;
  esac
  [ -z "$decider" ] || { kill "$decider" 2>/dev/null; wait "$decider" 2>/dev/null; }
  if [ "$name" = cancelled ] && ! wrong=$(withdrawn "$transport"); then said=$wrong; fi
  ALL=$((ALL + 1))
  said=$(tail -1 <<<"$said" | cut -c1-160)
  case $said in "$name ok "*) GOOD=$((GOOD + 1)) ;; esac
  printf '%-13s %-6s %-11s %-12s %s\n' "$client" "$transport" "${CS_SERVER}" "$name" "$said"
}

for client in "${CLIENTS[@]}"; do
  for transport in stdio http; do
    govern everything "$transport" "$NODE/node" "$SERVERS/server-everything/dist/index.js" stdio || cat "$WORK/init.log"
    for name in "${CELLS[@]}"; do cell "$client" "$transport" "$name"; done
  done
done
CELLS_GOOD=$GOOD CELLS_ALL=$ALL

mkdir -p "$WORK/files"
for client in "${CLIENTS[@]}"; do
  for transport in stdio http; do
    govern filesystem "$transport" "$NODE/node" "$SERVERS/server-filesystem/dist/index.js" "$WORK/files" || cat "$WORK/init.log"
    cell "$client" "$transport" plain list_allowed_directories
    govern memory "$transport" env "MEMORY_FILE_PATH=$WORK/memory.jsonl" "$NODE/node" "$SERVERS/server-memory/dist/index.js" || cat "$WORK/init.log"
    cell "$client" "$transport" plain read_graph
  done
done
stop

figure "official clients × transports × cells" "$CELLS_GOOD of $CELLS_ALL"
figure "official clients × transports × reference servers, a plain call" "$((GOOD - CELLS_GOOD)) of $((ALL - CELLS_ALL))"
echo "clients: $GOOD passed, $((ALL - GOOD)) failed"
[ "$GOOD" = "$ALL" ]
