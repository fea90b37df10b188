#!/usr/bin/env bash
# Fails if runner.wasm and node/modules are not what their sources, as they lie here, were last built into.
# --print: the hashes, for build-runner.sh.
set -euo pipefail
cd "$(dirname "$0")"
hashes() {
    find runner.wasm build-runner.sh runner intrinsics runtime/{src,build.mjs,host.d.ts,package-lock.json} \
        node/{src,modules,build.mjs,package-lock.json} \
        ../../wit -name target -prune -o -type f -print | LC_ALL=C sort | xargs sha256sum
}
if [ "${1-}" = --print ]; then
    hashes
elif ! diff runner.sources <(hashes); then
    echo "sdk/typescript/runner.wasm or node/modules is older than its sources: make runner" >&2
    exit 1
fi
