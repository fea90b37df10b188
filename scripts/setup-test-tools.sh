#!/usr/bin/env bash
# Makes sure that the clients which the tests talk with are here, and does nothing if they are:
# curl, wrk, h2load, ab, valgrind, nginx, a JDK and Chromium; Python with HTTP and WebSocket clients, the
# Autobahn cases (kosoku) and what drives Chromium (Playwright), in a virtual environment of the repo's;
# Node with WebSocket and EventSource clients, and the npm packages of a test app, in directories of the
# repo's.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=target/test-venv
node=target/test-node
clients=rusm/tests/server/clients
app=rusm/tests/apps/typescript

say() { printf 'test tools: %s\n' "$*"; }
die() { printf 'test tools: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

main() {
    local missing=()
    have curl || missing+=(curl)
    have wrk || missing+=(wrk)
    have h2load || missing+=(nghttp2-client)
    have ab || missing+=(apache2-utils)
    have node || missing+=(nodejs)
    have npm || missing+=(npm)
    have chromium || missing+=(chromium)
    have strace || missing+=(strace)
    have nginx || missing+=(nginx)
    # `java X.java` compiles, so a runtime alone does not do.
    have javac || missing+=(default-jdk-headless)
    have valgrind || missing+=(valgrind)
    python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
    if [ ${#missing[@]} -gt 0 ]; then
        install "${missing[@]}"
    fi
    if ! "$venv/bin/python" -c 'import httpx, websockets, aiohttp, kosoku, playwright, prometheus_client, h2, jsonschema' 2>/dev/null; then
        say "installing clients into $venv"
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet 'httpx>=0.28,<0.29' 'websockets>=15' 'aiohttp>=3.12' kosoku \
            'playwright>=1.50' 'prometheus-client>=0.21,<1' 'h2>=4.2,<5' 'jsonschema>=4.20,<5'
    fi
    scripts/npm-install.sh "$clients" "$node"
    scripts/npm-install.sh "$app"
    say "ready"
}

install() {
    have apt-get || die "please install: $*"
    [ "$(id -u)" = 0 ] || die "please install, as root: apt-get install $*"
    say "installing: $*"
    # nginx is installed, not started.
    local policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap "rm -f $policy" EXIT
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod +x "$policy"
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

main
