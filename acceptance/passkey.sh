#!/usr/bin/env bash
# Votes that a person signs, before software that nobody here wrote: an authenticator made of PyPI `cryptography` enrols and
# signs over the HTTP contract with each of the three algorithms, the action runs, `countersign-verify` confirms the vote offline,
# and PyPI `webauthn` and `fido2` confirm registration and assertion from the exported bundle, over the challenge computed from the
# ballot in it. Every byte that is signed is changed once, and both refuse it.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
"$ROOT/scripts/need.sh" passkeys
source "$ROOT/acceptance/lib/signed_votes.sh"
PY=$(venv passkey webauthn==3.0.1 fido2==2.2.1)
HERE=$ROOT/acceptance/passkey

prepare ben
# An agent that executes by itself, so nothing pins a definition.
sed -i '/^definition = /d' countersign/bundle/catalog/*.toml
up
AGENT=$(cat countersign/keys/agent-agent.key)
BEN=$(countersign key create --person ben)
LOG_KEY=$(countersign log key)

for algorithm in ES256 EdDSA RS256; do
  TOKEN=$(countersign passkey invite ben --reason "they approve" 2>/dev/null)
  "$PY" "$HERE/browser.py" "$URL" "$AGENT" "$BEN" "$TOKEN" "$algorithm" >"$algorithm.action"
  countersign log export "$(cat "$algorithm.action")" -o "$algorithm.evidence" >/dev/null
  countersign-verify "$algorithm.evidence" --key "$LOG_KEY" >"$algorithm.report" || fail "$(cat "$algorithm.report")"
  grep -q 'holds .*person:ben signed this vote with pk_.* on this exact action' "$algorithm.report" || fail "$(cat "$algorithm.report")"
  countersign-verify reconstruct "$algorithm.evidence" --key "$LOG_KEY" >"$algorithm.told"
  grep -q '^proved .*on this exact action is signed with pk_' "$algorithm.told" || fail "$(cat "$algorithm.told")"
done
countersign passkey list
[ "$(countersign passkey list | grep -c ' enrolled ')" = 3 ] || fail "three passkeys are enrolled"

"$PY" "$HERE/outsiders.py" http://localhost:"${URL##*:}" ES256.evidence EdDSA.evidence RS256.evidence | tee outsiders.out
number() { "$PY" -c "import json, sys; print(json.load(open('outsiders.out'))[sys.argv[1]])" "$1"; }
figure "votes signed with ES256, EdDSA and RS256, before PyPI webauthn 3.0.1 and fido2 2.2.1: accepted from the exported bundle; changed bytes refused" \
  "$(number accepted) of 12; $(number refused) of $(number changed)"
