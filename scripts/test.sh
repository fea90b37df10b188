#!/usr/bin/env bash
# All tests. What can be fetched is fetched while what has to be compiled is compiled.
#
#   scripts/test.sh          everything, the slow tests in their short form
#   scripts/test.sh --long   the slow tests too, which are `#[ignore]`d with a reason that begins with `long:`
set -euo pipefail
cd "$(dirname "$0")/.."

args=(--no-fail-fast)
harness=()
if [ "${1:-}" = --long ]; then
    harness=(--include-ignored)
fi
# Most tests wait, for a clock, a client or a build: more at once than there are cores.
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-4}
unset RUST_BACKTRACE

step() { printf '\ntest: %s\n' "$*"; }

step "installing clients, and compiling; the first time it takes Wasmtime with it: 10 minutes on two cores"
tools=$(mktemp)
trap 'rm -f "$tools"' EXIT
scripts/setup-test-tools.sh >"$tools" 2>&1 &
installing=$!
cargo test --release --workspace --no-run
cargo test --release --manifest-path loadtest/Cargo.toml --target-dir target --no-run
cargo test --release --manifest-path sdk/Cargo.toml --target-dir target --workspace --no-run
if ! wait "$installing"; then
    cat "$tools" >&2
    exit 1
fi
cat "$tools"

failed=()
run() {
    step "$1"
    shift
    "$@" || failed+=("$*")
}
run "the slim servers" scripts/test-slim.sh
run "the server" cargo test --release --workspace "${args[@]}" -- "${harness[@]}"
run "the load generator" cargo test --release --manifest-path loadtest/Cargo.toml --target-dir target "${args[@]}" -- "${harness[@]}"
run "the SDK" cargo test --release --manifest-path sdk/Cargo.toml --target-dir target --workspace "${args[@]}" -- "${harness[@]}"
if [ -x scripts/test-typescript-runtime.sh ]; then
    run "the runtime of TypeScript" scripts/test-typescript-runtime.sh
fi
if [ ${#failed[@]} -gt 0 ]; then
    printf '\ntest: failed: %s\n' "${failed[@]}" >&2
    exit 1
fi
