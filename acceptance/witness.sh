#!/usr/bin/env bash
# Witnesses, with the programs as they are shipped: two over HTTP and one by files cosign a log, a reader demands two of
# the three, a dead witness holds nothing up, and an older copy of the whole folder is refused.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
CS=$(countersign_program)
NODE=$(node22)
PROOFBUNDLE=$(dirname "$(venv outsiders "${OUTSIDERS[@]}")")/proofbundle
SERVERS=$(npm_package servers @modelcontextprotocol/server-{everything,filesystem,memory}@2026.8.31)
export PATH="${CS%/*}:$NODE:$SERVERS/node_modules/.bin:$PATH"
WORK=$(mktemp -d)
PIDS=()
trap 'for pid in "${PIDS[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true; done; rm -rf "$WORK"' EXIT
cd "$WORK"

fail() { echo "$*"; exit 1; }
# Waits until a command succeeds, for at most 30 seconds.
until_true() { for _ in $(seq 300); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done; fail "not within 30 s: $*"; }

mkdir files
countersign init --owner ana -- mcp-server-filesystem "$WORK/files" >/dev/null 2>&1
KEY=$(countersign log key)

# Says where a witness listens, once it does.
witness() {
  countersign-witness init "w$1" --name "witness$1.example/w" >/dev/null
  countersign-witness add-log "w$1" "$KEY" >/dev/null
}
serve() {
  countersign-witness serve "w$1" --listen 127.0.0.1:0 >"w$1.out" 2>&1 &
  PIDS+=($!)
  until_true grep -qE '127.0.0.1:[0-9]+' "w$1.out"
}
address() { grep -oE '127.0.0.1:[0-9]+' "w$1.out" | head -1; }
# The first key that a witness names is its Ed25519 key, the second its ML-DSA-44 key; the second witness is known by that.
key_of() {
  countersign-witness keys "w$1" | grep -oE 'witness[^ ]+\+[0-9a-f]{8}\+B[A-Za-z0-9+/=]+' | sed -n "$(($1 == 2 ? 2 : 1))p"
}
for n in 1 2 3; do witness $n; done
serve 1
serve 2
printf 'witness w1 %s http://%s\nwitness w2 %s http://%s\nwitness w3 %s\ngroup two 2 w1 w2 w3\nquorum two\n' \
  "$(key_of 1)" "$(address 1)" "$(key_of 2)" "$(address 2)" "$(key_of 3)" >countersign/keys/witness.policy
(echo "log $KEY"; cat countersign/keys/witness.policy) >trust.policy

up() {
  countersign up --listen 127.0.0.1:0 >up.out 2>&1 &
  PIDS+=($!)
  SERVER=$!
  until_true grep -q 'http://127' up.out
}
stop() { kill "$SERVER"; wait "$SERVER" || true; }
holds() { countersign-verify countersign/data/log --policy trust.policy "$@"; }

up
until_true holds
countersign kill --agent nobody --reason "a record" >/dev/null
until_true sh -c "countersign doctor --json | grep -q 'a quorum has cosigned'"
holds | grep -q 'holds      a quorum' || fail "no quorum is told"

# What our witnesses sign, by Ed25519 and by ML-DSA-44, counts for a verifier that nobody here wrote; a stranger's key does not.
countersign log receipt 0 --format tlog-proof --output proof --leaf leaf >/dev/null
counts() {
  local words=() key
  for key in "${@:3}"; do words+=(--witness-vkey "$key"); done
  "$PROOFBUNDLE" verify-proof "$1" --payload-file leaf --log-vkey "$KEY" --threshold "$2" "${words[@]}" >proofbundle.out 2>&1
}
for n in 1 2; do
  counts proof 1 "$(key_of $n)" || fail "proofbundle does not count witness $n: $(cat proofbundle.out)"
done
counts proof 2 "$(key_of 1)" "$(key_of 2)" || fail "proofbundle does not count two: $(cat proofbundle.out)"
if counts proof 1 "$(key_of 3)"; then fail "proofbundle counts a witness that has not signed"; fi
python3 - <<'PY'
import base64, pathlib
lines = pathlib.Path("proof").read_text().split("\n")
for at, line in enumerate(lines):
    if line.startswith("\u2014 witness"):
        head, name, data = line.split(" ")
        data = bytearray(base64.b64decode(data))
        data[-1] ^= 1
        lines[at] = f"{head} {name} {base64.b64encode(data).decode()}"
pathlib.Path("flipped").write_text("\n".join(lines))
PY
for n in 1 2; do
  if counts flipped 1 "$(key_of $n)"; then fail "proofbundle counts a flipped cosignature of witness $n"; fi
done
cp countersign/data/log/checkpoint.witnessed kept
stop
cp -r countersign backup

# The second witness dies; the third, which no network reaches, takes its place by files.
kill "${PIDS[1]}"
up
for n in 1 2 3; do countersign kill --agent nobody --reason "record $n" >/dev/null; done
until_true sh -c "countersign doctor --json | grep -q 'w2'"
# What the first witness has cosigned alone is kept, and a request is about the latest that there is.
until_true sh -c 'test -e "countersign/data/log/witnessing/$(sed -n 2p countersign/data/log/checkpoint)"'
countersign log witness-request w3 -o request >/dev/null
countersign-witness cosign w3 request >answer
stop
countersign log witness-answer --request request answer >/dev/null || fail "two of three are no quorum"
holds --earlier kept | grep -q 'it goes on from the checkpoint' || fail "it does not go on"

# An older copy of everything, as a restored disk snapshot: what the first witness has seen is not there.
mv countersign newer
mv backup countersign
code=0; timeout 20 countersign up --listen 127.0.0.1:0 >behind.out 2>&1 || code=$?
[ $code = 1 ] && grep -q 'journal-behind' behind.out || fail "an older copy was started: $(cat behind.out)"

figure "witnesses: countersign-witness over HTTP and by files, quorum 2 of 3, a dead witness, an older copy of the whole folder; its Ed25519 and ML-DSA-44 cosignatures before proofbundle $PROOFBUNDLE_VERSION" \
  "cosigned, demanded, held nothing up, refused; each counted, each flipped one refused"
