#!/usr/bin/env bash
# A real log, its checkpoints and its receipts before software that nobody here wrote: Go's own implementation of
# transparency logs (x/mod/sumdb), proofbundle, tlog-scales, scitt-cose, securesystemslib and in-toto-attestation. Each
# must accept what is ours, and refuse it once it is altered.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
"$ROOT/scripts/need.sh" outsiders
CS=$(countersign_program)
PY=$(venv outsiders "${OUTSIDERS[@]}")
HERE=$ROOT/acceptance/outsiders
WORK=$(mktemp -d)
UP=
trap '[ -z "$UP" ] || { kill "$UP"; wait "$UP" || true; } 2>/dev/null; rm -rf "$WORK"' EXIT
CHUNKS=6
ACTIONS_A_CHUNK=80
FLIPS=120

CHECK=$(go_check)

# check DIR CHECKPOINT…: Go on the log of a folder.
check() {
  local dir=$1
  shift
  timeout 60 "$CHECK" "$("$CS" --dir "$dir" log key)" "$dir/data/log" "$@"
}

# The demo's story brings records of every kind.
cd "$WORK"
"$CS" demo --once --listen 127.0.0.1:0 >demo.log 2>&1 || { cat demo.log; exit 1; }
DEMO=$WORK/countersign-demo
check "$DEMO"

# What comes then is more than two tiles of them: an agent that executes by itself, so nothing pins a definition.
DIR=$WORK/cs
"$CS" --dir "$DIR" init --name inventory --owner ana -- "$CS" demo --serve "$DEMO/inventory.db" >init.log 2>&1
"$PY" "$ROOT/acceptance/lib/open_bundle.py" "$DIR/bundle"
sed -i '/^definition = /d' "$DIR"/bundle/catalog/*.toml
"$CS" --dir "$DIR" up --listen 127.0.0.1:0 --public-log --json >up.out 2>up.log &
UP=$!
URL=
for _ in $(seq 1 200); do
  URL=$(grep -o 'http://127.0.0.1:[0-9]*' up.out | head -1) && break
  sleep 0.1
done
"$CS" --dir "$DIR" policy activate >/dev/null
export LOG_FOLDER=$DIR/data/log
mkdir kept
for chunk in $(seq 1 "$CHUNKS"); do
  records=$("$PY" "$HERE/traffic.py" "$URL" "$(cat "$DIR/keys/agent-agent.key")" "$ACTIONS_A_CHUNK")
  cp "$LOG_FOLDER/checkpoint" "kept/$chunk"
done
"${PY%/*}/tlog-tiles" get-leaf --check "$URL/log" 300 >leaf.http
kill "$UP" && wait "$UP" || true
UP=
"${PY%/*}/tlog-tiles" get-leaf --check "$LOG_FOLDER" 300 | cmp - leaf.http
size=$(sed -n 2p "$LOG_FOLDER/checkpoint")
echo "the log holds $size records, $records of them at the last checkpoint that was kept"
[ "$size" -gt 600 ] || { echo "too few for two tiles"; exit 1; }

# number NAME: one figure of what the Go program has said.
number() { "$PY" -c "import json, sys; print(json.load(open('go.out'))[sys.argv[1]])" "$1"; }
check "$DIR" kept/* | tee go.out
[ "$(number size)" = "$size" ] && [ "$(number consistency)" = "$CHUNKS" ]
key=$("$CS" --dir "$DIR" log key)
flips=$("$PY" "$HERE/tamper.py" "$LOG_FOLDER" "$FLIPS" "$CHECK" "$key" LOG kept/*)
echo "Go refused the log with each of $flips flipped bytes"
"$CHECK" "$("$CS" --dir "$DIR" log key --statement)" "$LOG_FOLDER" 2>other.log && { echo "another key passes"; exit 1; }

"$PY" "$HERE/receipts.py" "$CS" "$DEMO" 7
"$PY" "$HERE/receipts.py" "$CS" "$DIR" 0 255 256 $((size - 1)) | tee receipts.out
figure "log of $size records before Go x/mod/sumdb 0.7.0: tiles / entry bundles / inclusion / consistency proofs; bytes flipped and refused" \
  "$(number tiles) / $(number bundles) / $(number inclusion) / $(number consistency) accepted; $flips of $FLIPS refused"
figure "receipts and bundles before proofbundle $PROOFBUNDLE_VERSION, tlog-scales 0.0.3, scitt-cose 0.5.0, securesystemslib 1.6.0, in-toto-attestation 0.9.3, and ours: verdicts that were right" \
  "$("$PY" -c "import json; print(', '.join(f'{k} {v}' for k, v in json.load(open('receipts.out')).items()))"), 0 wrong"
