#!/usr/bin/env python3
"""Fails when builds of this workspace would not share what they compile.

Cargo compiles a crate once for each set of features that is asked of it, so a build of one package, of the whole
workspace with its tests and benches, and of the slim server share their artifacts only where these sets are the
same. Compared by `cargo tree`:

- `-p rusm` and the workspace: every crate;
- `-p rusm-wasm-pool`, the slim server, and the workspace: every crate that Wasmtime stands on, since Wasmtime is what takes minutes;
- the load generator: must not have the features that the bundler's crates switch on in serde_json.
"""

import re
import subprocess
import sys

TARGET = "x86_64-unknown-linux-gnu"
EDGES = ["-e", "normal,build"]
# What is compiled for the server itself, and not for macros and build scripts: these have features of their own.
OF_TARGET = ["-e", "normal,no-proc-macro"]
# What `make serve` compiles, and a server for production.
SLIM = ["serve,build", "serve"]
BUNDLERS = {"arbitrary_precision", "preserve_order"}


def features(*args):
    """Package and version -> the sets of features that it is compiled with."""
    command = ["cargo", "tree", "--target", TARGET, "--prefix", "none", "-f", "{p}|{f}", *args]
    tree = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = {}
    for line in tree.splitlines():
        package, _, names = line.replace(" (*)", "").partition("|")
        package = re.sub(r" \(.*\)", "", package)
        if package:
            found.setdefault(package, set()).add(names.strip())
    return found


def differences(what, part, whole, only=None):
    for package, sets in sorted(part.items()):
        is_own = package.startswith("rusm")
        if only is not None and (package not in only or is_own):
            continue
        for missing in sets - whole.get(package, set()):
            others = " or ".join(map(repr, sorted(whole.get(package, ["not at all"]))))
            yield f"{what} compiles {package} with {missing!r}, the workspace with {others}"


def main():
    workspace = features("--workspace", "-e", "normal,build,dev")
    found = list(differences("-p rusm", features("-p", "rusm", "-e", "normal,build,dev"), workspace))
    below_wasmtime = features("-p", "wasmtime", *EDGES) | features("-p", "wasmtime-wasi", *EDGES)
    pool = features("-p", "rusm-wasm-pool", "-e", "normal,build,dev")
    found += differences("-p rusm-wasm-pool", pool, workspace, below_wasmtime)
    of_target = features("--workspace", "-e", "normal,dev,no-proc-macro")
    target_below = features("-p", "wasmtime", *OF_TARGET) | features("-p", "wasmtime-wasi", *OF_TARGET)
    found += differences("-p rusm-wasm-pool", features("-p", "rusm-wasm-pool", *OF_TARGET), of_target, target_below)
    for names in SLIM:
        slim = ["-p", "rusm", "--no-default-features", "--features", names]
        found += differences(f"the slim server ({names})", features(*slim, *EDGES), workspace, below_wasmtime)
        found += differences(f"the slim server ({names})", features(*slim, *OF_TARGET), of_target, target_below)
    loadtest = features("--manifest-path", "loadtest/Cargo.toml", *EDGES)
    for package, sets in loadtest.items():
        if package.startswith("serde_json ") and any(BUNDLERS & set(names.split(",")) for names in sets):
            found.append(f"the load generator has the bundler's features of {package}")
    for line in found:
        print(f"check-features: {line}", file=sys.stderr)
    if found:
        print(
            "check-features: name the features in [workspace.dependencies], or in wasm-pool/Cargo.toml",
            file=sys.stderr,
        )
        return 1
    print(f"check-features: {len(workspace)} crates are compiled with the same features everywhere")
    return 0


if __name__ == "__main__":
    sys.exit(main())
