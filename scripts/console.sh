#!/usr/bin/env bash
# Proves that what is checked in of the console is what its sources make: the types of the contract and the built pages. Checks
# the types, and runs the tests that need no browser. `scripts/console.sh write` writes it all anew.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$(scripts/node22.sh):$PATH"
cd console
# Installed anew only when the lock has changed.
lock=$(sha256sum package-lock.json)
if [ "$(cat node_modules/.lock 2>/dev/null)" != "$lock" ]; then
    npm ci --silent
    echo "$lock" >node_modules/.lock
fi
! grep -q '"resolved"' package-lock.json || { echo "console/package-lock.json names a registry" && exit 1; }

if [ "${1:-}" = write ]; then
    npm run --silent types && npm run --silent check && npm run --silent build
    exit
fi

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
npx openapi-typescript ../docs/reference/openapi.json --output "$fresh/contract.ts" --immutable --alphabetize >/dev/null
cmp "$fresh/contract.ts" src/api/contract.ts || { echo "the contract's types are stale: scripts/console.sh write" && exit 1; }
npm run --silent check
npx vite build --logLevel error --outDir "$fresh/dist"
for file in "$fresh"/dist/*; do
    name=${file##*/}
    cmp "$file" "dist/$name" || { echo "console/dist/$name is stale: scripts/console.sh write" && exit 1; }
    gzip -dc "dist/$name.gz" | cmp - "$file" || { echo "console/dist/$name.gz is stale: scripts/console.sh write" && exit 1; }
done
[ "$(ls dist | wc -l)" = $(($(ls "$fresh/dist" | wc -l) * 2)) ] || { echo "console/dist holds what the sources do not make" && exit 1; }
node scripts/weigh.ts --only-say
node --test --test-reporter=tap tests/unit/*.test.ts >"$fresh/unit.log" || { cat "$fresh/unit.log" && exit 1; }
awk '/^# pass/ { passed = $3 } /^# fail/ { failed = $3 } END { print passed + 0 " passed, " failed + 0 " failed" }' "$fresh/unit.log"
