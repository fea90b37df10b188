#!/usr/bin/env bash
# Formatting of all that is in the repository; clippy of the server with all of its features and with the fewest,
# of the load generator, the Rust SDK and the guests; the types of all TypeScript; documentation. No warning passes.
set -euo pipefail
cd "$(dirname "$0")/.."

# The workspaces that are compiled for the host.
hosts=(Cargo.toml loadtest/Cargo.toml sdk/Cargo.toml benches/actors/Cargo.toml)
# Guests are linted as if for the host, which works with the SDK: each app but those that use the SDK of the registry
# (guide, seven).
apps() {
    git ls-files 'examples/*Cargo.toml' 'rusm/tests/apps/*Cargo.toml' | xargs grep -l '^\[workspace\]' |
        grep -v -e /apps/guide/ -e /apps/seven/
}
# What uses WebAssembly's own instructions.
wasm_only=(--exclude small --exclude large --exclude stock-faults)
step() { printf '\nlint: %s\n' "$*"; }
clippy() { cargo clippy --release --target-dir target "$@" -- -D warnings; }

step "formatting"
git ls-files '*.rs' | grep -v '^sdk/rust/tests/ui/' | xargs rustfmt --check --edition 2024

step "features, so that builds share what they compile"
scripts/check-features.py

step "no words that have been given up"
scripts/check-words.py

step "no circles of files"
scripts/check-circles.py

step "licenses, duplicates and bans of dependencies"
scripts/check-dependencies.py

step "the runner of TypeScript is that of its sources"
sdk/typescript/check-runner.sh

step "the types of TypeScript"
scripts/check-typescript.sh

for manifest in "${hosts[@]}"; do
    step "clippy, $manifest"
    clippy --manifest-path "$manifest" --workspace --all-targets
done

step "clippy, the server with the fewest features"
clippy -p rusm --no-default-features --features serve

step "clippy, guests"
for manifest in $(apps); do
    clippy --quiet --manifest-path "$manifest" --workspace "${wasm_only[@]}"
done

step "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --quiet --release --workspace --no-deps --document-private-items
