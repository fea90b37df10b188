#!/usr/bin/env bash
# The slim servers, `make serve`'s and the smallest: each is compiled, serves examples/hello, and says plainly what
# it can't do.
set -euo pipefail
cd "$(dirname "$0")/.."

dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$dir"' EXIT
die() { printf 'test-slim: %s\n' "$*" >&2; cat "$dir"/* >&2; exit 1; }

for features in serve,build serve; do
    cargo build --release -p rusm --no-default-features --features "$features"
    # The next build has the same name.
    rusm=$dir/rusm
    ln -f target/release/rusm "$rusm" 2>/dev/null || cp -f target/release/rusm "$rusm"
    case $features in
        *build*) CARGO_TARGET_DIR=target/tmp/guests "$rusm" build examples/hello ;;
        *)
            if "$rusm" build examples/hello >"$dir/out" 2>&1; then die "built without being able to"; fi
            grep -q "feature .build" "$dir/out" || die "does not say that it can't build"
            ;;
    esac
    "$rusm" serve --listen 127.0.0.1:0 examples/hello >"$dir/out" 2>"$dir/err" &
    server=$!
    address=
    for _ in $(seq 300); do
        address=$(grep -o 'http://127.0.0.1:[0-9]*' "$dir/out" | head -n 1) && break
        kill -0 "$server" 2>/dev/null || die "$features: has ended"
        sleep 0.1
    done
    answer=$(curl -sS --max-time 20 "$address/users/42") || die "$features: no answer"
    [ "$answer" = "user 42" ] || die "$features: answered $answer"
    kill -TERM "$server"
    wait "$server" || die "$features: ended with $?"
    server=
    size=$(strip -o "$dir/stripped" target/release/rusm && stat -c %s "$dir/stripped")
    echo "test-slim: $features serves; $((size / 1000000)) MB stripped"
done
