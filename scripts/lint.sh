#!/usr/bin/env bash
# Formatting, clippy and the documentation of everything that is in the repository, without a warning: the server,
# the load generator, the SDKs, the benches, the examples' and the tests' components.
set -euo pipefail
cd "$(dirname "$0")/.."

guests=target/guests
# The workspaces that are compiled for the host.
hosts=(Cargo.toml loadtest/Cargo.toml sdk/Cargo.toml benches/actors/Cargo.toml)
step() { printf '\nlint: %s\n' "$*"; }

step "formatting"
git ls-files '*.rs' | grep -v '^sdk/rust/tests/ui/' | xargs rustfmt --check --edition 2024

step "features, so that builds share what they compile"
scripts/check-features.py

step "the runner of TypeScript is that of its sources"
sdk/typescript/check-runner.sh

for manifest in "${hosts[@]}"; do
    step "clippy, $manifest"
    cargo clippy --release --manifest-path "$manifest" --target-dir target --workspace --all-targets -- -D warnings
done
step "clippy, the slim server"
cargo clippy --release -p rusm --no-default-features --features serve --all-targets -- -D warnings
cargo clippy --release -p rusm --no-default-features --features serve,build -- -D warnings

step "clippy, components"
target=()
# The fallback toolchain compiles the standard library, and has no clippy for it.
if rustc --print target-libdir --target wasm32-wasip2 2>/dev/null | xargs test -d; then
    target=(--target wasm32-wasip2)
fi
git ls-files 'examples/**/Cargo.lock' 'rusm/tests/apps/**/Cargo.lock' | while read -r lock; do
    cargo clippy --quiet --release --manifest-path "${lock%.lock}.toml" --target-dir "$guests" "${target[@]}" \
        --workspace -- -D warnings
done

step "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --release --workspace --no-deps --document-private-items

if [ -x scripts/check-typescript.sh ]; then
    step "types of TypeScript"
    scripts/check-typescript.sh
fi
