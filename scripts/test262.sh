#!/usr/bin/env bash
# test262.sh DIR: the tests of ECMAScript in a checkout of https://github.com/tc39/test262, inside the
# TypeScript runner and in QuickJS on this machine. See build/src/typescript/runner_tests/test262.rs for what else is set.
set -euo pipefail
cd "$(dirname "$0")/.."
TEST262=$(realpath "${1:?where is the checkout of Test262?}")
scripts/npm-install.sh sdk/typescript/runtime
(cd sdk/typescript/runtime && node build.mjs >/dev/null)
harness=$PWD/target/typescript-harness
cargo build --quiet --release --locked --manifest-path sdk/typescript/runtime/harness/Cargo.toml \
    --target-dir "$harness"
HARNESS=$harness/release/rusm-typescript-runtime-tests
export TEST262 HARNESS
cargo test --release -p rusm-build --lib -- --ignored --nocapture test262
