#!/usr/bin/env bash
# The tests of the TypeScript runtime (sdk/typescript/runtime/tests), in QuickJS on this machine:
# seconds, once the harness is built. Arguments are files of tests; without any it is all of them.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/npm-install.sh sdk/typescript/runtime
harness=$PWD/target/typescript-harness
cd sdk/typescript/runtime
node build.mjs
cargo build --quiet --release --locked --manifest-path harness/Cargo.toml --target-dir "$harness"
[ $# -gt 0 ] || set -- tests/*.test.mjs
failed=0
for file in "$@"; do
    printf '%s: ' "$file"
    # It says which have failed, and then how many have not.
    output=$("$harness/release/rusm-typescript-runtime-tests" dist/runtime.js tests/test.js "$file" 2>&1) ||
        failed=1
    printf '%s\n' "$output"
    if ! [[ $output =~ ([0-9]+)" of "([0-9]+)" passed"$ ]] || [ "${BASH_REMATCH[1]}" != "${BASH_REMATCH[2]}" ]; then
        failed=1
    fi
done
exit "$failed"
