#!/usr/bin/env bash
# Compiles without instrumentation what is no parser and would be most of the work: hashes, ciphers, searches, the runtime.
set -euo pipefail
case ${CARGO_PKG_NAME:-} in
  aes* | aho-corasick | curve25519-dalek | ed25519-dalek | ghash | keccak | memchr | ml-dsa | module-lattice | polyval | regex-* | sha2 | \
    shake | sponge-cursor | tokio) plain=1 ;;
  *) plain= ;;
esac
words=()
for word in "$@"; do
  case $plain$word in
    1-Cpasses=* | 1-Cllvm-args=-sanitizer*) ;;
    *) words+=("$word") ;;
  esac
done
exec "${words[@]}"
