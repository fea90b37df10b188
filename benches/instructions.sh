#!/usr/bin/env bash
# How many instructions one request of examples/hello takes without its socket: parse, route, fresh
# instance, call, encode, reset. Counted by callgrind, so neither the machine's speed nor its load
# matters; compilers do, which is why a difference below 5 % passes.
#
#   benches/instructions.sh            compare with the number in benches/instructions.txt
#   benches/instructions.sh --record   write that number
#
# Ends with 1 if a request has become dearer. (callgrind has no PAGEMAP_SCAN and counts each byte of a
# `rep movsb`, so an instance's memory is dearer here than on a CPU: compare the number with itself.)
set -euo pipefail
cd "$(dirname "$0")/.."
unset RUST_BACKTRACE

recorded=benches/instructions.txt
tolerance=5
command -v valgrind >/dev/null || { echo "instructions: please install valgrind" >&2; exit 2; }

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cargo bench --quiet -p rusm-benches --bench instructions --no-run --message-format=json |
    sed -n 's/.*"executable":"\([^"]*instructions-[^"]*\)".*/\1/p' >"$dir/bench"
(
    cd benches
    valgrind --tool=callgrind --callgrind-out-file="$dir/callgrind.out" \
        --collect-atstart=no --toggle-collect=counted "$(cat "$dir/bench")"
) >"$dir/requests" 2>"$dir/log" || { cat "$dir/log" >&2; exit 2; }
requests=$(awk '/ requests$/ { print $1 }' "$dir/requests")
all=$(awk '/ Collected : / { print $NF }' "$dir/log")
now=$((all / requests))

if [ "${1:-}" = --record ]; then
    echo "$now" >$recorded
    echo "instructions: $now a request, recorded"
    exit
fi
before=$(cat $recorded)
awk -v now="$now" -v before="$before" -v tolerance=$tolerance 'BEGIN {
    percent = (now / before - 1) * 100
    printf "instructions: %d a request, recorded are %d (%+.1f %%)\n", now, before, percent
    if (percent > tolerance) {
        print "instructions: a request of examples/hello has become dearer. If it is worth it, say why in the commit, and record: benches/instructions.sh --record"
        exit 1
    }
    if (percent < -tolerance) print "instructions: cheaper: record it with benches/instructions.sh --record"
}'
