#!/usr/bin/env bash
# Builds the component in Python by componentize-py, which is installed beside it, into
# ${XDG_CACHE_HOME:-~/.cache}/rusm/stock-python/python.wasm, and prints that name. It does nothing
# if that is newer than the sources.
#
#   rusm/tests/apps/stock/python/build.sh
set -euo pipefail

version=0.25.1            # of componentize-py
here=$(cd "$(dirname "$0")" && pwd)
dir=${XDG_CACHE_HOME:-$HOME/.cache}/rusm/stock-python

if [ ! "$dir/python.wasm" -nt "$here/app.py" ] || [ ! "$dir/python.wasm" -nt "$here/build.sh" ]; then
    mkdir -p "$dir"
    [ -x "$dir/venv/bin/componentize-py" ] || python3 -m venv "$dir/venv"
    "$dir/venv/bin/pip" install --quiet "componentize-py==$version"
    # The WIT of `wasi:http` lies in a crate that the server is built with.
    host=$(rustc -vV | sed -n "s/^host: //p")
    crate=$(cargo metadata --format-version 1 --filter-platform "$host" --manifest-path "$here/../../../../Cargo.toml" |
        python3 -c 'import json, os, sys; print(next(os.path.dirname(p["manifest_path"]) for p in json.load(sys.stdin)["packages"] if p["name"] == "wasmtime-wasi-http"))')
    world=$(sed -n 's/^ *include \(wasi:http\/proxy@.*\);$/\1/p' "$crate/wit/world.wit")
    (cd "$here" && PYTHONDONTWRITEBYTECODE=1 "$dir/venv/bin/componentize-py" --quiet -d "$crate/wit" -w "$world" \
        componentize app -o "$dir/new.wasm" >&2)
    mv "$dir/new.wasm" "$dir/python.wasm"
fi
printf '%s\n' "$dir/python.wasm"
