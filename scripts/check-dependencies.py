#!/usr/bin/env python3
"""Checks the crates of what ships against deny.toml, without the network: licenses, bans, duplicates and sources.

deny.toml is cargo-deny's own file, and `cargo deny check` works too; this needs nothing to be installed. It knows of
that file what is used there. Advisories are not checked: they need a database that is up to date.
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The workspaces that ship, each with the target that it is compiled for.
SHIPS = {
    "Cargo.toml": "x86_64-unknown-linux-gnu",
    "loadtest/Cargo.toml": "x86_64-unknown-linux-gnu",
    "sdk/Cargo.toml": "wasm32-wasip2",
    "sdk/typescript/runner/Cargo.toml": "wasm32-wasip2",
}
CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"


def packages(manifest, target):
    """The packages of a workspace that are compiled for a target, those of others apart from our own."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", target]
    output = subprocess.run(
        [*command, "--manifest-path", ROOT / manifest], check=True, capture_output=True, text=True
    ).stdout
    metadata = json.loads(output)
    used = {node["id"] for node in metadata["resolve"]["nodes"]}
    return [package for package in metadata["packages"] if package["id"] in used and package["source"]]


def allows(expression, allowed):
    """Whether an SPDX expression can be satisfied with these licenses; `/` is an older form of OR."""
    text = re.sub(r"\s+WITH\s+", "+WITH+", (expression or "none").replace("/", " OR "))
    tokens = re.findall(r"[()]|[^\s()]+", text)

    def either():
        value = both()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            # Both sides are read, whatever the first is.
            value = both() or value
        return value

    def both():
        value = one()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            value = one() and value
        return value

    def one():
        token = tokens.pop(0)
        if token != "(":
            return token.replace("+WITH+", " WITH ") in allowed
        value = either()
        tokens.pop(0)
        return value

    return either()


def matches(spec, package):
    name, _, version = spec.partition("@")
    return name == package["name"] and version in ("", package["version"])


def problems(manifest, found, deny):
    licenses, bans = deny["licenses"], deny["bans"]
    for package in found:
        crate = f"{package['name']}@{package['version']}"
        if not allows(package["license"], licenses["allow"]):
            yield f"{crate}: its license is {package['license']}, which deny.toml does not allow"
        for ban in bans["deny"]:
            if matches(ban["crate"], package):
                yield f"{crate} is banned: {ban['reason']}"
        if package["source"] != CRATES_IO:
            yield f"{crate} is from {package['source']}, not from crates.io"
    versions = {}
    for package in found:
        if not any(matches(skip["crate"], package) for skip in bans["skip"]):
            versions.setdefault(package["name"], set()).add(package["version"])
    for name, several in sorted(versions.items()):
        if len(several) > 1:
            yield f"{name} is there in several versions, {', '.join(sorted(several))}: drop one, or say why in deny.toml"


def main():
    deny = tomllib.loads((ROOT / "deny.toml").read_text())
    skipped = {skip["crate"]: False for skip in deny["bans"]["skip"]}
    failed = False
    for manifest, target in SHIPS.items():
        found = packages(manifest, target)
        for package in found:
            for crate in skipped:
                skipped[crate] |= matches(crate, package)
        for problem in problems(manifest, found, deny):
            print(f"{manifest}: {problem}", file=sys.stderr)
            failed = True
    for crate, is_there in skipped.items():
        if not is_there:
            print(f"deny.toml: {crate} is skipped, and not there any more", file=sys.stderr)
            failed = True
    sys.exit(failed)


main()
