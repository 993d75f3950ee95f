#!/usr/bin/env bash
# Finds what this repository needs and is not here, installs it where it may, and otherwise says exactly what to install.
#
#   scripts/need.sh build   what `make run` needs: Rust and a C compiler
#   scripts/need.sh fuzz    what `scripts/fuzz.sh` needs: also a C++ compiler and Python
#   scripts/need.sh timestamps  what `acceptance/timestamp.sh` needs: also openssl, Python and Node
#   scripts/need.sh passkeys    what `acceptance/passkey.sh` needs: also Python
#   scripts/need.sh contract    what `acceptance/contract.sh` needs: also Python
#   scripts/need.sh oidc        what `acceptance/oidc.sh` needs: also Python and Node
#   scripts/need.sh notify      what `acceptance/notify.sh` needs: also openssl and Python
#   scripts/need.sh reversal    what `acceptance/reversal.sh` needs: also Python and PostgreSQL
#   scripts/need.sh outsiders   what `acceptance/outsiders.sh` needs: also Python and Go's x/mod as Debian packages it
#   scripts/need.sh console     what `acceptance/console.sh` needs: also Python, Node and Chromium
#   scripts/need.sh         what `make test` needs: that, Rust's formatter and linter, curl, Node and PostgreSQL
#
# Quick and silent when all is there. It installs Debian packages as root only, and Rust's components by rustup.
set -euo pipefail
cd "$(dirname "$0")/.."

rust_min=1.90
python_min=3.11
node_min=20

has() { command -v "$1" >/dev/null 2>&1; }

# Says whether the version $1 is at least $2.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

has_rust() { has cargo && has rustc && at_least "$(rustc --version | cut -d ' ' -f 2)" "$rust_min"; }
has_compiler() { has cc && echo '#include <stdlib.h>' | cc -E -x c - >/dev/null 2>&1; }
has_cxx() { has c++ && echo '#include <vector>' | c++ -E -x c++ - >/dev/null 2>&1; }
has_formatter() { cargo fmt --version >/dev/null 2>&1; }
has_linter() { cargo clippy --version >/dev/null 2>&1; }
has_git() { has git; }
has_openssl() { has openssl; }
has_curl() { has curl; }
has_python() {
    has python3 && python3 -c "import sys, venv, ensurepip; sys.exit(sys.version_info < (${python_min/./, }))" 2>/dev/null
}
# Go itself comes by pip.
has_go_mod() { [ -e /usr/share/gocode/src/golang.org/x/mod/sumdb/tlog/tlog.go ]; }
has_postgres() { ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && has setpriv; }
has_chromium() { has chromium; }
# An older Node will do if its npm can fetch a newer one into target/tools.
has_node() {
    has npm && has node || return 1
    at_least "$(node --version | tr -d v)" "$node_min" || scripts/node22.sh >/dev/null 2>&1
}

# Prints the Debian packages that bring what is named.
packages() {
    case $1 in
        compiler) echo gcc libc6-dev ;;
        cxx) echo g++ ;;
        git) echo git ;;
        curl) echo curl ca-certificates ;;
        openssl) echo openssl ;;
        python) echo python3 python3-venv ;;
        node) echo nodejs npm ;;
        go_mod) echo golang-golang-x-mod-dev ;;
        chromium) echo chromium ;;
        postgres) echo postgresql ;;
    esac
}

advice() {
    case $1 in
        rust) echo "Rust $rust_min or newer: see https://rustup.rs; an older one there: rustup update stable" ;;
        compiler) echo "a C compiler with its headers: apt-get install $(packages compiler)" ;;
        cxx) echo "a C++ compiler: apt-get install $(packages cxx)" ;;
        formatter) echo "rustfmt: rustup component add rustfmt" ;;
        linter) echo "clippy: rustup component add clippy" ;;
        git) echo "git: apt-get install $(packages git)" ;;
        openssl) echo "openssl: apt-get install $(packages openssl)" ;;
        curl) echo "curl: apt-get install $(packages curl)" ;;
        python) echo "Python $python_min or newer with venv: apt-get install $(packages python)" ;;
        node) echo "Node $node_min or newer with npm: apt-get install $(packages node)" ;;
        chromium) echo "Chromium: apt-get install $(packages chromium)" ;;
        postgres) echo "PostgreSQL's server, which tests start by themselves: apt-get install $(packages postgres)" ;;
        go_mod) echo "Go's x/mod, as Debian and Ubuntu have it: apt-get install $(packages go_mod)" ;;
    esac
}

# Prints what is missing of what is named.
missing() {
    local name
    for name in "$@"; do
        "has_$name" || printf '%s ' "$name"
    done
}

install_components() {
    local name
    has rustup || return 0
    for name in "$@"; do
        case $name in
            formatter) rustup component add rustfmt || true ;;
            linter) rustup component add clippy || true ;;
        esac
    done
}

install_packages() {
    local name wanted=()
    for name in "$@"; do
        # shellcheck disable=SC2207 # the names hold no blanks
        wanted+=($(packages "$name"))
    done
    [ ${#wanted[@]} -gt 0 ] && [ "$(id -u)" = 0 ] && has apt-get || return 0
    echo "installing: ${wanted[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq || true
    apt-get install -qq -y --no-install-recommends "${wanted[@]}" >/dev/null || true
}

case ${1:-test} in
    build) names=(rust compiler) ;;
    fuzz) names=(rust compiler cxx git python) ;;
    test) names=(rust compiler formatter linter git curl openssl python node go_mod postgres) ;;
    timestamps) names=(rust compiler git python openssl node) ;;
    notify) names=(rust compiler git python openssl) ;;
    contract | passkeys) names=(rust compiler git python) ;;
    oidc) names=(rust compiler git python node) ;;
    reversal) names=(rust compiler git python postgres) ;;
    outsiders) names=(rust compiler git python go_mod) ;;
    console) names=(rust compiler git python node chromium) ;;
    *) echo "usage: scripts/need.sh [build | fuzz | test | timestamps | notify | passkeys | oidc | contract | reversal | outsiders | console]" && exit 2 ;;
esac

# Word by word: the names hold no blanks.
absent=$(missing "${names[@]}")
if [ -n "$absent" ]; then
    # shellcheck disable=SC2086
    install_components $absent
    # shellcheck disable=SC2086
    install_packages $absent
    absent=$(missing "${names[@]}")
fi
if [ -n "$absent" ]; then
    echo "This machine lacks:"
    for name in $absent; do
        echo "  - $(advice "$name")"
    done
    exit 1
fi >&2
