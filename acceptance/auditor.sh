#!/usr/bin/env bash
# The auditor's page, followed word for word: every block of docs/guides/auditor.md is run as it stands, by its side, on a log of
# 100,000 decisions that two witnesses have cosigned. The auditor's blocks run without a network, and their machine time is
# measured. A second log under the same key, which no witness cosigns, is refused.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
COUNT=${COUNT:-100000}
SECONDS_MAX=60
# In one go: each alone would be built with other features.
(cd "$ROOT" && cargo build --quiet --profile "$PROFILE" -p countersign -p countersign-verify -p countersign-witness -p countersign-bench) >&2
CS=$(PREBUILT=1 countersign_program)
export PATH="${CS%/*}:$PATH"
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
mkdir -p "$WORK/operator/audit" "$WORK/blocks"

OFFLINE="unshare --map-root-user --net"
$OFFLINE true || { echo "this machine cannot take the network away from a process"; exit 1; }

(cd "$WORK/operator" && countersign-bench write countersign "$COUNT")
# The bench signs every log it writes with one key, so a second one is what a forger makes who holds it.
mkdir "$WORK/forger"
(cd "$WORK/forger" && countersign-bench write countersign 200)
KEY=$(cd "$WORK/operator" && countersign log key)
[ "$KEY" = "$(cd "$WORK/forger" && countersign log key)" ] || { echo "the fork is signed with another key"; exit 1; }

cd "$WORK"
for n in 1 2; do
  countersign-witness init "w$n" --name "witness$n.example/w" >/dev/null
  countersign-witness add-log "w$n" "$KEY" >/dev/null
done
key_of() { countersign-witness keys "w$1" | grep -oE 'witness[^ ]+\+[0-9a-f]{8}\+B[A-Za-z0-9+/=]+' | head -1; }
printf 'witness w1 %s http://10.1.2.3:7719\nwitness w2 %s\ngroup both all w1 w2\nquorum both\n' \
  "$(key_of 1)" "$(key_of 2)" | tee operator/countersign/keys/witness.policy >forger/countersign/keys/witness.policy
for side in operator forger; do (cd $side && countersign log witness-request w1 -o "$WORK/request.$side" >/dev/null); done
for n in 1 2; do
  countersign-witness cosign "w$n" request.operator >"answer.$n"
  if countersign-witness cosign "w$n" request.forger >fork.answer 2>&1; then echo "witness $n cosigned a fork"; exit 1; fi
done
(cd operator && countersign log witness-answer --request ../request.operator ../answer.1 ../answer.2)

python3 - "$ROOT/docs/guides/auditor.md" "$WORK/blocks" <<'PY'
import pathlib, re, sys
page, folder = (pathlib.Path(arg) for arg in sys.argv[1:])
blocks = re.findall(r"^```sh\n(.*?)^```$", page.read_text(), re.M | re.S)
for number, block in enumerate(blocks):
    side = re.match(r"# (operator|auditor)\n", block)
    assert side, f"block {number} does not say whose it is"
    (folder / f"{number:02}.{side[1]}").write_text(block)
PY

TIMEFORMAT="%R %U %S"
: >"$WORK/times"
for block in "$WORK"/blocks/*; do
  side=${block##*.}
  if [ "$side" = auditor ]; then
    { time (cd "$WORK/operator/audit" && $OFFLINE bash -euo pipefail "$block" >>"$WORK/said" 2>>"$WORK/complaints"); } 2>>"$WORK/times"
  else
    (cd "$WORK/operator" && bash -euo pipefail "$block")
  fi
done

cd "$WORK/operator/audit"
if grep "10.1.2.3" trust.json; then echo "the trust root tells where a witness is reached"; exit 1; fi
for said in population.txt log.txt; do grep -E "^holds +a quorum of the policy's witnesses .*w1 at .*w2 at" $said; done
grep "^proved  .*signature: a quorum of the policy's witnesses" report.txt
fork=$WORK/forger/countersign/data/log
countersign-verify population "$fork" --key "$KEY" >/dev/null || { echo "the fork is no log at all"; exit 1; }
for step in population "sample --seed dice"; do
  code=0; countersign-verify $step "$fork" --trust trust.json >fork.txt || code=$?
  [ $code = 4 ] && grep "do not make its quorum" fork.txt || { echo "a fork passed for the log"; exit 1; }
done
grep -E "^population +all decisions of the log: $COUNT$" population.txt
grep -E "^decisions +25 of 25 hold$" report.txt
if grep -E "^(BROKEN|MISSING|withheld|erased)" report.txt; then exit 1; fi
[ "$(grep -c '^proved .*decision: ' report.txt)" = 25 ]
grep "^statements" report.txt
countersign-verify sample log --trust trust.json -n 25 --seed "dice 4 1 6 6 2 5 3 1" --json >again.json
python3 -c 'import json; raise SystemExit(json.load(open("request.json")) != json.load(open("again.json")))' ||
  { echo "the sample did not come out the same"; exit 1; }

# What goes over to the auditor, and what comes of it, holds no key of the operator's.
search_secrets "$WORK/operator/countersign/keys" "$WORK/operator/audit" "$WORK/operator/handover" "$WORK/operator/countersign/data" \
  "$WORK/said" "$WORK/complaints" "$WORK"/request.* "$WORK"/answer.*

read -r whole processor < <(awk '{ r += $1; c += $2 + $3 } END { printf "%.1f %.1f\n", r, c }' "$WORK/times")
echo "the auditor's blocks took $whole s, $processor s of it on the processor"
python3 -c "raise SystemExit(not $whole <= $SECONDS_MAX)" || { echo "longer than $SECONDS_MAX s"; exit 1; }
figure "auditor's page on a log of $COUNT decisions that two witnesses have cosigned: quorum, population, sample, 25 reconstructed offline, finding signed; a fork under the same key refused (profile $PROFILE)" \
  "$whole s, $processor s processor time; the goal is $SECONDS_MAX s"
