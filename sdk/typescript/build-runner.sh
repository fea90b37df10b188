#!/usr/bin/env bash
# Builds sdk/typescript/runner.wasm, and runner.sources: the hashes of what it was made of, for
# check-runner.sh. Needs rustup's target wasm32-unknown-unknown, clang 19 or later, and Node with
# npm. Authors need none of them: what is built stands in the repository.
set -euo pipefail
cd "$(dirname "$0")"
../../scripts/npm-install.sh runtime
(cd runtime && node build.mjs)
# Modules of Node, which `rusm build` takes into a bundle.
../../scripts/npm-install.sh node
(cd node && node build.mjs)
export CC_wasm32_unknown_unknown=${CLANG:-clang-19}
export AR_wasm32_unknown_unknown=${LLVM_AR:-llvm-ar-19}
# QuickJS needs more stack than a handler in Rust; what overflows it must trap, not overwrite data.
rust_flags="-Clink-arg=-zstack-size=524288 -Clink-arg=--stack-first"
target=${CARGO_TARGET_DIR:-$PWD/runner/target}
# File names in assertions and panics are relative: runner.wasm holds no path of the checkout.
registry=${CARGO_HOME:-$HOME/.cargo}/registry/src
export CFLAGS_wasm32_unknown_unknown="-O3 -ffile-prefix-map=$target=target"
export RUSTFLAGS="$rust_flags --remap-path-prefix=$PWD=. --remap-path-prefix=$registry=registry"
# QuickJS as it is published, and our patch.
quickjs=$target/rquickjs-sys
published=$(cargo metadata --locked --format-version 1 --manifest-path runner/Cargo.toml |
    grep -o '"manifest_path":"[^"]*/rquickjs-sys-[^"]*"' | cut -d'"' -f4)
rm -rf "$quickjs"
mkdir -p "$target"
cp -r "$(dirname "$published")" "$quickjs"
patch --quiet --strip=1 --directory="$quickjs" < runner/quickjs.patch
cargo build --release --locked --manifest-path runner/Cargo.toml --config "paths=['$quickjs']" \
    --target wasm32-unknown-unknown --target-dir "$target"
install -m 644 "$target/wasm32-unknown-unknown/release/rusm_typescript_runner.wasm" runner.wasm
./check-runner.sh --print > runner.sources
