#!/usr/bin/env bash
# Votes that a person signs in a browser: Chromium and its virtual authenticator enrol, an agent escalates over MCP by the official client,
# the case is approved in the console with a passkey, the action runs, `countersign-verify` confirms the signature offline, and so do
# PyPI `webauthn` and `fido2` on the exported bundles. The same case denied, expired, changed and replayed; every field of an answer changed
# once; every byte that is signed changed once in the exported bundle.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
"$ROOT/scripts/need.sh" console
source "$ROOT/acceptance/lib/signed_votes.sh"
PY=$(venv passkey webauthn==3.0.1 fido2==2.2.1)
HERE=$ROOT/acceptance/passkey
PATH="$("$ROOT/scripts/node22.sh"):$PATH"

prepare ben cleo
up
cd "$ROOT/console"
[ -d node_modules ] || npm ci --silent
node tests/browser/signed.ts "$CS" "$WORK" "$URL"
cd "$WORK"
"$PY" "$HERE/outsiders.py" http://localhost:"${URL##*:}" approved.evidence denied.evidence | tee outsiders.out
"$PY" "$HERE/tampered.py" "${CS%/*}/countersign-verify" "$(countersign log key)" approved.evidence denied.evidence | tee tampered.out
number() { "$PY" -c "import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])" "$@"; }
figure "votes signed in Chromium: fields of an answer changed and refused; before PyPI webauthn 3.0.1 and fido2 2.2.1, accepted from the exported bundles, changed bytes and fields refused; changed bytes of a bundle that countersign-verify refused" \
  "$("$PY" -c 'import json; print(len(json.load(open("mutated.json"))))'); $(number outsiders.out accepted) of 8, $(number outsiders.out refused) of $(number outsiders.out changed); $(number tampered.out refused) of $(number tampered.out changed)"
