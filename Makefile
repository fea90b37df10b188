# Two commands for a fresh machine: `make serve` and `make test`. Each does all of its set-up.
# Everything is built in the release profile, so that Wasmtime is compiled once.

EXAMPLES := $(wildcard examples/*/rusm.toml examples/*/*/rusm.toml)
RUSM := target/release/rusm

.PHONY: build serve test lint guard bench-peers runner setup test-tools clean

## target/release/rusm, and the examples' components
build: setup
	cargo build --release -p rusm
	set -e; for app in $(dir $(EXAMPLES)); do $(RUSM) build $$app; done

## serve examples/hello on http://127.0.0.1:8080
serve: build
	$(RUSM) serve examples/hello

## all tests: the server's, the SDK's, and those with other people's clients
test: build test-tools
	cargo test --release --workspace --no-fail-fast
	cargo test --release --manifest-path sdk/Cargo.toml

## is a request of examples/hello as cheap as it was? counts instructions
guard: build test-tools
	benches/instructions.sh

## RUSM beside its peers, one table: installs them under target/peers; takes half an hour
bench-peers: build
	cargo build --release -p rusm-loadtest
	benches/peers/run.py

## what TypeScript runs in, sdk/typescript/runner.wasm, anew from its sources
runner:
	sdk/typescript/build-runner.sh

## formatting, clippy and the documentation, all without a warning
lint:
	sdk/typescript/check-runner.sh
	cargo fmt --check
	cargo fmt --check --manifest-path sdk/Cargo.toml --all
	cargo clippy --release --workspace --all-targets -- -D warnings
	cargo clippy --release --manifest-path sdk/Cargo.toml --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --release --workspace --no-deps --document-private-items

## what compiles guests
setup:
	scripts/setup-guest-toolchain.sh

## the clients that the tests talk with
test-tools:
	scripts/setup-test-tools.sh

clean:
	cargo clean
	rm -rf examples/*/wasm examples/*/target examples/*/*/wasm examples/*/*/target
