#!/usr/bin/env bash
# Time-stamps, with software that nobody here wrote: openssl's authority dates the log over HTTP and by files, openssl and
# rfc3161-client accept what is kept, `countersign-verify` accepts it and nothing that is altered, and answers that do not
# do (another request's, about other bytes, by a stranger, an expired certificate, one for another use) are refused.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
"$ROOT/scripts/need.sh" timestamps
CS=$(countersign_program)
NODE=$(node22)
SERVERS=$(npm_package servers @modelcontextprotocol/server-{everything,filesystem,memory}@2026.8.31)
PY=$(venv timestamp rfc3161-client==1.0.9)
HERE=$ROOT/acceptance/timestamp
export PATH="${CS%/*}:$NODE:$SERVERS/node_modules/.bin:$PATH"
WORK=$(mktemp -d)
PIDS=()
trap 'for pid in "${PIDS[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true; done; rm -rf "$WORK"' EXIT
cd "$WORK"
right=0

fail() { echo "$*"; exit 1; }
until_true() { for _ in $(seq 300); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done; fail "not within 30 s: $*"; }
# says CODE TEXT COMMAND…: the command must end with that code and say that text.
says() {
  local expected=$1 text=$2 code=0
  shift 2
  "$@" >said 2>&1 || code=$?
  [ $code = "$expected" ] && grep -qF -- "$text" said || fail "instead of $expected and '$text', $code: $(cat said) ($*)"
  right=$((right + 1))
}

source "$HERE/authority.sh"
"$PY" "$HERE/serve.py" "$WORK" >port &
PIDS+=($!)
until_true test -s port

mkdir files
countersign init --owner ana -- mcp-server-filesystem "$WORK/files" >init.log 2>&1
KEY=$(countersign log key)
LOG=countersign/data/log
cp root.pem countersign/keys/tsa.pem
printf 'url = "http://127.0.0.1:%s/tsa"\nevery_s = 1\n' "$(cat port)" >countersign/keys/tsa.toml
countersign up --listen 127.0.0.1:0 >up.out 2>&1 &
PIDS+=($!)
SERVER=$!
until_true grep -q 'http://127' up.out
countersign kill --agent nobody --reason "a record" >/dev/null
until_true test -s $LOG/checkpoint.timestamped
sleep 1.5
countersign kill --agent nobody --reason "another record" >/dev/null
until_true cmp -s $LOG/checkpoint $LOG/checkpoint.timestamped
says 0 'vouches' countersign-verify $LOG --key "$KEY" --tsa-roots root.pem
grep -q 'was there at 20' said && grep -q 'CN=authority' said || fail "no time is told: $(cat said)"
countersign doctor >doctor || true
grep -q 'were there at' doctor || fail "the doctor says nothing: $(cat doctor)"

# What is kept, before openssl and rfc3161-client, for the bytes of the checkpoint that are published.
accepted=0
for token in $LOG/timestamps/*.tst; do
  note=${token%.tst}.checkpoint
  quiet openssl ts -verify -data "$note" -in "$token" -token_in -CAfile root.pem -untrusted below.pem
  (cat "$note"; echo) >altered
  openssl ts -verify -data altered -in "$token" -token_in -CAfile root.pem -untrusted below.pem >/dev/null 2>&1 && fail "openssl accepts other bytes"
  granted "$token" >outside.tsr
  verdicts=$("$PY" "$HERE/outside.py" root.pem below.pem "$note" outside.tsr)
  accepted=$((accepted + 1))
done
[ $accepted -ge 2 ] && [ "$verdicts" = 2 ] || fail "too few tokens: $accepted"

# Evidence carries the first time-stamp after it; demanded and not there, broken, or by others, it is no pass.
countersign log export --from 2020-01-01T00:00:00Z -o all.evidence >/dev/null 2>&1 || fail "no evidence"
verify() { countersign-verify all.evidence --key "$KEY" "$@"; }
says 0 'vouches' verify --tsa-roots root.pem
says 0 'you named no authority' verify
says 1 'it leads to none of the authorities' verify --tsa-roots strange.pem
"$PY" - all.evidence without.evidence flipped.evidence <<'PY'
import sys, zipfile
entries = [(info.filename, zipfile.ZipFile(sys.argv[1]).read(info)) for info in zipfile.ZipFile(sys.argv[1]).infolist()]
token = dict(entries)["timestamp.tst"]
def write(path, entries):
    with zipfile.ZipFile(path, "w") as file:
        for name, data in entries:
            file.writestr(name, data)
write(sys.argv[2], [entry for entry in entries if entry[0] != "timestamp.tst"])
at = token.index(dict(entries)["checkpoint"] and bytes.fromhex("0420")) + 5
write(sys.argv[3], [(n, d[:at] + bytes([d[at] ^ 1]) + d[at + 1:] if n == "timestamp.tst" else d) for n, d in entries])
PY
says 4 'there is no time-stamp' countersign-verify without.evidence --key "$KEY" --tsa-roots root.pem
says 1 "its content is not what was signed" countersign-verify flipped.evidence --key "$KEY" --tsa-roots root.pem
countersign log receipt 0 --format tlog-proof --leaf one.leaf --timestamp one.tst -o one.tlog-proof >/dev/null 2>&1
receipt() { countersign-verify one.tlog-proof --key "$KEY" --leaf one.leaf "$@"; }
says 0 'vouches' receipt --tsa-roots root.pem --timestamp one.tst
says 4 'there is no time-stamp' receipt --tsa-roots root.pem
sed '1,/^$/d' one.tlog-proof >one.checkpoint
quiet openssl ts -verify -data one.checkpoint -in one.tst -token_in -CAfile root.pem -untrusted below.pem
says 2 'a COSE receipt holds no checkpoint' countersign log receipt 0 --format cose --leaf one.leaf --timestamp other.tst -o one.cose

# An auditor whose trust root names the authority.
countersign audit trust-root --timestamps -o trust.json >/dev/null 2>&1
says 0 'dated by     CN=root' countersign-verify trust trust.json
grep -q "$(openssl x509 -in root.pem -noout -fingerprint -sha256 | cut -d= -f2)" said || fail "another fingerprint: $(cat said)"
says 0 'decisions' countersign-verify population $LOG --trust trust.json
cp -r $LOG undated && rm -r undated/timestamps
says 4 'there is no time-stamp' countersign-verify population undated --trust trust.json

# The authority dies: nothing waits for it, and the doctor says so.
kill "${PIDS[0]}" && wait "${PIDS[0]}" 2>/dev/null || true
countersign kill --agent nobody --reason "a third" >/dev/null
until_true sh -c "countersign doctor | grep -q 'the authority does not answer'"
says 0 'which no authority has time-stamped yet' countersign-verify $LOG --key "$KEY" --tsa-roots root.pem
kill $SERVER && wait $SERVER 2>/dev/null || true

# Without a network. Each answer that does not do is refused and nothing of it kept; then the right one is taken.
rm -rf before && cp -r $LOG/timestamps before
countersign log timestamp-request -o one.tsq >/dev/null
openssl ts -query -in one.tsq -text >asked
grep -q 'Certificate required: yes' asked || fail "openssl reads another request: $(cat asked)"
refused() { says 1 "$1" countersign log timestamp-answer --request one.tsq "$2"; diff -r before $LOG/timestamps || fail "kept: $2"; }
quiet openssl ts -query -data $LOG/checkpoint -sha256 -cert -out other_nonce.tsq
reply other_nonce.tsq answer && refused 'its nonce is another' answer
"$PY" -c 'import sys; d = bytearray(open("one.tsq", "rb").read()); d[30] ^= 1; open("other_imprint.tsq", "wb").write(d)'
reply other_imprint.tsq answer && refused 'the token is about other bytes' answer
reply one.tsq answer stranger && refused 'it leads to none of the authorities' answer
reply_by_hand one.tsq answer expired && refused "had expired at the token's time" answer
reply_by_hand one.tsq answer plain && refused 'it is not, or not only, for time-stamping' answer
quiet openssl ts -query -data $LOG/checkpoint -sha256 -tspolicy 1.2.3.4.9 -out policy.tsq
reply policy.tsq answer && refused 'the authority refuses: status 2' answer
reply one.tsq good
"$PY" - good <<'PY'
# Flips a byte in each part that is signed: the content, the attributes, the signature, the signer's certificate.
import sys
data = open(sys.argv[1], "rb").read()
for n in range(24):
    flipped = bytearray(data)
    flipped[12 + (len(data) - 12) * n // 24] ^= 1 << n % 8
    open(f"flipped.{n}", "wb").write(flipped)
PY
flips=0
for n in $(seq 0 23); do
  code=0
  countersign log timestamp-answer --request one.tsq flipped.$n >said 2>&1 || code=$?
  # What no signature covers is the copy of the certificate above; a flip there breaks the path instead.
  [ $code = 1 ] && flips=$((flips + 1)) || fail "flip $n passes: $(cat said)"
done
diff -r before $LOG/timestamps || fail "something of a flipped answer was kept"
says 0 'were there at' countersign log timestamp-answer --request one.tsq good
says 1 'no such request was written here' countersign log timestamp-answer --request one.tsq good
countersign-verify $LOG --key "$KEY" --tsa-roots root.pem >said || fail "$(cat said)"
grep -q 'time-stamped yet' said && fail "the last records are not dated: $(cat said)"

figure "time-stamps by openssl $(openssl version | cut -d' ' -f2) over HTTP and by files; before openssl and rfc3161-client 1.0.9; verdicts of ours that were right; flipped answers refused" \
  "$accepted tokens accepted by both; $right of $right; $flips of 24"
