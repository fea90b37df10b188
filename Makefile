# Two commands for a fresh machine: `make serve` and `make test`. Each does all of its set-up.
# Everything is compiled in the release profile and into target/, so that Wasmtime is compiled once, whatever
# is asked for (scripts/check-features.py).

RUSM := target/release/rusm
EXAMPLES := $(dir $(wildcard examples/*/rusm.toml examples/*/*/rusm.toml))
# What hello needs: no bundler for TypeScript, no store, no wasi:http.
SLIM := -p rusm --no-default-features --features serve,build

LOADTEST := --manifest-path loadtest/Cargo.toml --target-dir target

.PHONY: serve build examples loadtest test test-long lint guard fuzz test262 bench-peers runner setup test-tools clean

## serve examples/hello on http://127.0.0.1:8080
serve: setup
	@echo "make serve: compiling the server; the first time it takes Wasmtime with it: 6 minutes on two cores"
	cargo build --release $(SLIM)
	@echo "make serve: compiling examples/hello, half a minute the first time, and serving it"
	$(RUSM) serve examples/hello

## target/release/rusm, with all of its features
build: setup
	cargo build --release -p rusm

## the examples' components
examples: build
	set -e; for app in $(EXAMPLES); do $(RUSM) build $$app; done

## target/release/rusm-loadtest
loadtest:
	cargo build --release $(LOADTEST)

## all tests: the server's, the load generator's, the SDKs', and those with other people's clients
test: setup
	scripts/test.sh

## the same, with the slow forms too: ten thousand clients, rounds of kill -9, gigabytes
test-long: setup
	scripts/test.sh --long

## is a request of examples/hello as cheap as it was? counts instructions
guard: build test-tools
	$(RUSM) build examples/hello
	benches/instructions.sh

## what parses bytes of others: each target of fuzz/ for a minute (FUZZ_SECONDS)
fuzz:
	scripts/fuzz.sh

## RUSM beside its peers, one table: installs them under target/peers; takes half an hour
bench-peers: build loadtest
	benches/peers/run.py

## the tests of ECMAScript, TEST262=DIR is a checkout of them: in the TypeScript runner, and in QuickJS
test262:
	scripts/test262.sh $(TEST262)

## what TypeScript runs in, sdk/typescript/runner.wasm and node/modules, anew from their sources
runner:
	sdk/typescript/build-runner.sh

## formatting and clippy, without a warning
lint: setup
	scripts/lint.sh

## what compiles guests
setup:
	scripts/setup-guest-toolchain.sh

## the clients that the tests talk with
test-tools:
	scripts/setup-test-tools.sh

clean:
	cargo clean
	rm -rf $(addsuffix wasm,$(EXAMPLES)) $(addsuffix target,$(EXAMPLES))
