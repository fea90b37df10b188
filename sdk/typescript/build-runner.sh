#!/usr/bin/env bash
# Builds sdk/typescript/runner.wasm: needs rustup's target wasm32-unknown-unknown, and clang 19 or
# later. Authors need neither: what is built stands in the repository.
set -euo pipefail
cd "$(dirname "$0")/runner"
export CC_wasm32_unknown_unknown=${CLANG:-clang-19}
export AR_wasm32_unknown_unknown=${LLVM_AR:-llvm-ar-19}
export CFLAGS_wasm32_unknown_unknown="-O3"
# QuickJS needs more stack than a handler in Rust; what overflows it must trap, not overwrite data.
export RUSTFLAGS="-Clink-arg=-zstack-size=524288 -Clink-arg=--stack-first"
cargo build --release --target wasm32-unknown-unknown --target-dir "${CARGO_TARGET_DIR:-target}"
cp "${CARGO_TARGET_DIR:-target}/wasm32-unknown-unknown/release/rusm_typescript_runner.wasm" ../runner.wasm
