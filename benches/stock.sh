#!/usr/bin/env bash
# Requests a second of a stock `wasi:http` component, the same file under RUSM and under `wasmtime
# serve`, in turns, in one run: server on the first core, wrk on the second.
#
#   benches/stock.sh [ROUNDS] [SECONDS]
#
# $WASMTIME is the other server, by default `wasmtime` (`cargo install wasmtime-cli --version V`,
# with the V of the root Cargo.lock). It runs with its defaults and, tuned, with the flags that its
# documentation and its own benches name for throughput: the pooling allocator, with memory that is
# kept and not given back between requests. An
# instance is used for one request, which is its default for this version of `wasi:http`, and ours.
# Prints each round, and the medians with their ratios, for 32 and for 128 connections.
set -euo pipefail
cd "$(dirname "$0")/.."
unset RUST_BACKTRACE

rounds=${1:-5}
seconds=${2:-5}
wasmtime=${WASMTIME:-wasmtime}
rusm=${RUSM:-target/release/rusm}
app=rusm/tests/apps/stock
server_core=0
client_core=1
tuned=(
    -O pooling-allocator=y
    -O pooling-memory-keep-resident=1048576
    -O pooling-table-keep-resident=65536
    -O pooling-async-stack-keep-resident=65536
    -O pooling-max-memory-size=67108864
    -O pooling-total-core-instances=1000
    -O pooling-total-memories=1000
    -O pooling-total-tables=1000
    -O pooling-pagemap-scan=auto
)
dir=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; wait 2>/dev/null; rm -rf "$dir"' EXIT

serve() { # PORT FLAGS...
    local port=$1
    shift
    taskset -c $server_core "$wasmtime" serve --addr 127.0.0.1:"$port" --max-instance-reuse-count 1 -S cli "$@" \
        $app/wasm/hello.wasm >"$dir/wasmtime.$port.log" 2>&1 &
}
"$rusm" build $app
serve 8092
serve 8093 "${tuned[@]}"
"$rusm" serve --no-build --cores $server_core-$server_core --listen 127.0.0.1:8094 $app >"$dir/rusm.log" 2>&1 &
for port in 8092 8093 8094; do
    curl --silent --fail --retry 20 --retry-connrefused --retry-delay 1 -o /dev/null http://127.0.0.1:$port/hello
done

rate() { # PORT CONNECTIONS
    taskset -c $client_core wrk -t1 -c"$2" -d"${seconds}s" "http://127.0.0.1:$1/hello" |
        awk '/Requests\/sec/ { print $2 } /Non-2xx|Socket errors/ { print "errors:", $0 >"/dev/stderr" }'
}
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
ratio() { awk "BEGIN { printf \"%.2f\", $1 / $2 }"; }

for connections in 32 128; do
    for round in $(seq "$rounds"); do
        default=$(rate 8092 $connections)
        tuned=$(rate 8093 $connections)
        ours=$(rate 8094 $connections)
        echo "$default" >>"$dir/default.$connections"
        echo "$tuned" >>"$dir/tuned.$connections"
        echo "$ours" >>"$dir/rusm.$connections"
        echo "connections $connections, round $round: wasmtime $default, tuned $tuned, rusm $ours requests/s"
    done
    d=$(median <"$dir/default.$connections")
    t=$(median <"$dir/tuned.$connections")
    r=$(median <"$dir/rusm.$connections")
    echo "connections $connections, medians: wasmtime $d, tuned $t, rusm $r: $(ratio "$r" "$d") and $(ratio "$r" "$t") times"
done
