#!/usr/bin/env bash
# Formatting of all that is in the repository; clippy of the server, the load generator and the Rust SDK, without
# a warning.
set -euo pipefail
cd "$(dirname "$0")/.."

# The workspaces that are compiled for the host.
hosts=(Cargo.toml loadtest/Cargo.toml sdk/Cargo.toml)
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
