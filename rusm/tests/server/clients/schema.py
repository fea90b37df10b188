"""The JSON schema of rusm.toml, by an implementation that others use.

Takes the schema, and a directory with apps of `rusm new`."""

import json
import sys
import tomllib
from pathlib import Path

import jsonschema

schema = json.loads(Path(sys.argv[1]).read_text())
root = Path(__file__).resolve().parents[4]
assert schema == json.loads((root / "config/src/schema.json").read_text())
validator = jsonschema.validators.validator_for(schema)
assert validator is jsonschema.Draft7Validator, validator
validator.check_schema(schema)
validator = validator(schema)


def objections(text):
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(tomllib.loads(text))]


manifests = {file: file.read_text() for file in [
    *root.glob("examples/*/rusm.toml"), *root.glob("examples/*/*/rusm.toml"), *root.glob("rusm/tests/apps/*/rusm.toml"),
    *Path(sys.argv[2]).glob("*/*/rusm.toml"),
]}
assert len(manifests) >= 14, manifests.keys()
guide = (root / "docs/configuration.md").read_text().split("```toml\n")[1:]
manifests |= {f"example {number}": text.split("```")[0] for number, text in enumerate(guide)}
for name, text in manifests.items():
    assert objections(text) == [], (name, objections(text))

listener = "[[serve]]\nlisten = '127.0.0.1:1'\ncomponent = 'c'\n"
for text in [
    "nod = {}", "[node]\ncors = 2", "[node]\ncores = 0", "[node]\ncores = '0;1'", "[log]\nlevel = 'inf'",
    "[log]\naccess = 'yes'", "[serve]\nlisten = '127.0.0.1:1'", "[[serve]]\ncomponent = 'c'",
    listener.replace("127.0.0.1:1", "localhost"), listener + "max-body = '8kib'", listener + "max-body = '0'",
    listener + "max-headers = '1'", listener + "http2 = 1", listener + "[serve.routes]\n'/a' = 'c'",
    listener + "[serve.tls]\ncert = 'c'", listener + "[serve.headers]\n'a b' = 'c'", "[components.C]",
    "[components.c]\nmax-restarts = 1", "[capabilities.p]\nallow-network = []", "[capabilities.p]\npreopen = ['a']",
    "[capabilities.p]\npreopen = [{ guest = '/a' }]", "[capabilities.p]\nenv = { A = 1 }",
]:
    assert objections(text), text
print("ok")
