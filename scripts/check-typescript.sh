#!/usr/bin/env bash
# The types of all TypeScript: the runtime, the SDK's types, the examples and the tests' apps, by tsc.
set -euo pipefail
cd "$(dirname "$0")/.."
runtime=sdk/typescript/runtime
scripts/npm-install.sh "$runtime"
# Its components import packages.
scripts/npm-install.sh rusm/tests/apps/typescript
# What `rusm new --lang ts` makes, with the types that it copies.
template=target/typescript-template
rm -rf "$template"
mkdir -p "$template/components"
cp build/src/scaffold/template/typescript/tsconfig.json "$template"
cp build/src/scaffold/template/typescript/index.ts "$template/components"
cp -r sdk/typescript/types "$template/types"
rm -rf "$template/types/tests"
for project in "$runtime" sdk/typescript/types/tests rusm/tests/apps/typescript examples/*/typescript "$template"; do
    "$runtime/node_modules/.bin/tsc" -p "$project"
done
