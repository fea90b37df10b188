#!/usr/bin/env bash
# Run each target of fuzz/, or those that are named, for as many seconds as FUZZ_SECONDS says (60).
# Installs what it needs: a nightly compiler and cargo-fuzz.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${FUZZ_SECONDS:-60}
toolchain=${FUZZ_TOOLCHAIN:-nightly}

give_up() {
    echo "fuzz: $1" >&2
    exit 1
}

if ! command -v rustup >/dev/null; then
    give_up "rustup is needed, for a nightly compiler: https://rustup.rs"
fi
if ! rustup toolchain list | grep -q "^$toolchain"; then
    rustup toolchain install "$toolchain" --profile minimal ||
        give_up "no nightly compiler: rustup could not install the toolchain \`$toolchain\`"
fi
if ! cargo fuzz --version >/dev/null 2>&1; then
    cargo install --locked cargo-fuzz ||
        give_up "cargo-fuzz is needed and could not be installed: cargo install cargo-fuzz"
fi
if ! command -v c++ >/dev/null; then
    give_up "a C++ compiler is needed to build libFuzzer: apt install g++"
fi

targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    mapfile -t targets < <(cargo "+$toolchain" fuzz list)
fi
for target in "${targets[@]}"; do
    echo "fuzz: $target for $seconds s"
    mkdir -p "fuzz/corpus/$target" "fuzz/seeds/$target"
    cargo "+$toolchain" fuzz run "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 ||
        give_up "$target found something: see fuzz/artifacts/$target"
done
