#!/usr/bin/env bash
# npm-install.sh FROM [INTO]: what the lock file in a directory says, into another one or itself, unless
# it is there.
set -euo pipefail
from=$1 into=${2:-$1}
# npm removes `node_modules` first, so what it has installed is known when it is done.
if ! cmp -s "$from/package-lock.json" "$into/node_modules/installed.json"; then
    printf 'npm: installing packages into %s\n' "$into"
    mkdir -p "$into"
    [ "$from" -ef "$into" ] || cp "$from"/package{,-lock}.json "$into"
    npm ci --prefix "$into" --loglevel=error --engine-strict --no-audit --no-fund >/dev/null
    cp "$from/package-lock.json" "$into/node_modules/installed.json"
fi
