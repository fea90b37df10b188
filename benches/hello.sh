#!/usr/bin/env bash
# Requests a second of examples/hello against nginx returning the same text as a constant, in
# turns, in one run: server on the first core, wrk on the second.
#
#   benches/hello.sh [ROUNDS] [SECONDS]
#
# Prints each round, and the medians with their ratio, for 32 and for 128 connections.
set -euo pipefail
cd "$(dirname "$0")/.."
unset RUST_BACKTRACE

rounds=${1:-5}
seconds=${2:-5}
server_core=0
client_core=1
dir=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; wait 2>/dev/null; rm -rf "$dir"' EXIT

cat >"$dir/nginx.conf" <<CONF
daemon off;
worker_processes 1;
pid $dir/nginx.pid;
error_log $dir/error.log;
events { worker_connections 2048; }
http {
    access_log off;
    keepalive_requests 1000000000;
    server { listen 127.0.0.1:8090 reuseport; default_type text/plain; return 200 "Hello from RUSM\n"; }
}
CONF
taskset -c $server_core nginx -e "$dir/error.log" -c "$dir/nginx.conf" &
target/release/rusm serve --no-build --cores $server_core-$server_core --listen 127.0.0.1:8091 examples/hello >"$dir/rusm.log" 2>&1 &
for port in 8090 8091; do
    curl --silent --fail --retry 20 --retry-connrefused --retry-delay 1 -o /dev/null http://127.0.0.1:$port/
done

rate() { # PORT CONNECTIONS
    taskset -c $client_core wrk -t1 -c"$2" -d"${seconds}s" "http://127.0.0.1:$1/" |
        awk '/Requests\/sec/ { print $2 } /Non-2xx|Socket errors/ { print "errors:", $0 >"/dev/stderr" }'
}
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

for connections in 32 128; do
    for round in $(seq "$rounds"); do
        nginx=$(rate 8090 $connections)
        rusm=$(rate 8091 $connections)
        echo "$nginx" >>"$dir/nginx.$connections"
        echo "$rusm" >>"$dir/rusm.$connections"
        echo "connections $connections, round $round: nginx $nginx, rusm $rusm requests/s"
    done
    n=$(median <"$dir/nginx.$connections")
    r=$(median <"$dir/rusm.$connections")
    echo "connections $connections, medians: nginx $n, rusm $r, ratio $(awk "BEGIN { printf \"%.2f\", $r / $n }")"
done
