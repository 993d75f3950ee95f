#!/usr/bin/env bash
# Logins at a provider that nobody here wrote: npm oidc-provider, with its own login and consent, by the authorization code flow with
# PKCE, with tokens signed by RS256, ES256 and EdDSA. Then its tokens are changed on their way: nonce, audience, issuer, time,
# key, a byte, no algorithm, a shared secret; each is refused with its own code, and nobody is logged in.
set -euo pipefail
source "$(dirname "$0")/lib/tools.sh"
"$ROOT/scripts/need.sh" oidc
VERSION=9.13.3
CS=$(countersign_program)
PATH="$("$ROOT/scripts/node22.sh"):${CS%/*}:$PATH"
NPM=$(npm_package oidc "oidc-provider@$VERSION")
# Modules are looked for beside the file that asks for them.
cp "$ROOT"/acceptance/oidc/*.mjs "$NPM/"
WORK=$(mktemp -d)
PIDS=()
trap '[ ${#PIDS[@]} = 0 ] || { kill "${PIDS[@]}"; wait "${PIDS[@]}" || true; } 2>/dev/null; rm -rf "$WORK"' EXIT
cd "$WORK"

fail() { echo "$*"; exit 1; }

# The address comes first, since the provider must know where a browser may come back to.
PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
SERVER=http://127.0.0.1:$PORT
node "$NPM/provider.mjs" "$SERVER/v1/login/oidc/callback" >issuer 2>provider.log &
PIDS+=($!)
for _ in $(seq 1 200); do
  [ ! -s issuer ] || break
  sleep 0.1
done
ISSUER=$(cat issuer)
[ -n "$ISSUER" ] || fail "$(cat provider.log)"

countersign demo --once --listen 127.0.0.1:0 >demo.log 2>&1 || fail "$(cat demo.log)"
countersign init --name inventory --owner ana -- "$CS" demo --serve "$WORK/countersign-demo/inventory.db" >init.log 2>&1 || fail "$(cat init.log)"
printf '%s\n' 's3cret/+%&=' >countersign/keys/oidc.secret
refused=0
for algorithm in RS256 ES256 EdDSA; do
  cat >countersign/oidc.toml <<TOML
name = "Example"
issuer = "$ISSUER"
client_id = "gate-$algorithm"
client_secret_file = "oidc.secret"
claim = "sub"
[people]
"u-ana" = "ana"
TOML
  countersign up --listen "127.0.0.1:$PORT" >up.log 2>&1 &
  UP=$!
  PIDS+=("$UP")
  wait_for "$SERVER/v1/health"
  node "$NPM/logins.mjs" "$SERVER" "$ISSUER" nonce=id-token-nonce audience=id-token-audience issuer=id-token-issuer \
    expired=id-token-expired key=id-token-signature byte=id-token-signature none=id-token-algorithm hmac=id-token-algorithm | tee logins.out || fail "$(cat up.log provider.log)"
  refused=$((refused + $(grep -c '^ok .*: ' logins.out)))
  countersign doctor >doctor.out || true
  grep -q "1 people log in at $ISSUER" doctor.out || fail "$(cat doctor.out)"
  kill "$UP" && wait "$UP"
done
# What cannot be understood, or names no person's own file, starts nothing.
sed -i 's/^issuer = .*/issuer = "http:\/\/login.example"/' countersign/oidc.toml
if countersign up --listen "127.0.0.1:$PORT" >up.log 2>&1; then fail "it started"; fi
grep -q oidc-invalid up.log || fail "$(cat up.log)"
[ "$refused" = 33 ] || fail "$refused of 33 logins were refused"
figure "logins at npm oidc-provider $VERSION: logged in by RS256, ES256 and EdDSA; refused with the code of their rule" "3 of 3; $refused of 33"
