#!/usr/bin/env bash
# curl. See cells.py for what is printed.
set -u
name=$1
shift
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
sizes=(1 28672 65536 1048576)
too_large=16000000
for size in "${sizes[@]}" $too_large; do
    head -c "$size" < <(yes 'one line of many') >"$dir/$size"
done

curl() { command curl -sS --max-time 30 "$@"; }

cell() { # WAY KIND SIZE COMMAND...
    local way=$1 kind=$2 size=$3 said
    shift 3
    if said=$("$@" 2>&1); then said=ok; fi
    printf '%s %s %s %s\n' "$way" "$kind" "$size" "$(tr '\n' ' ' <<<"${said:-it differs}")"
}

fresh() {
    curl --data-binary "@$dir/$2" "$1/echo?$name-$way-fresh" -o "$dir/back" && cmp "$dir/$2" "$dir/back"
}

# All on one connection; what came back is looked at later.
keep() {
    local size given=()
    for size in "${sizes[@]}"; do
        rm -f "$dir/$size.back"
        given+=(--next -sS --max-time 30 --data-binary "@$dir/$size" -o "$dir/$size.back" "$1/echo?$name-$way-kept")
    done
    curl "${given[@]:1}"
}

# It does not wait for `100 Continue`, and sends on while it reads.
refused() {
    local status
    status=$(curl -H Expect: --data-binary "@$dir/$too_large" "$1/echo" -o /dev/null -w '%{http_code}') || return
    [ "$status" = 413 ] || { printf '%s' "$status"; return 1; }
}

# It would wait for `100 Continue` longer than it may take.
continued() {
    curl -H 'Expect: 100-continue' --expect100-timeout 60 --data-binary "@$dir/1048576" "$1/echo" -o "$dir/back" &&
        cmp "$dir/1048576" "$dir/back"
}

# The first event is there while the stream goes on.
events() {
    local line=
    coproc command curl -sSN --max-time 30 "$1/feed/matrix"
    while [[ $line != *"hello from the matrix"* ]]; do
        read -r line <&"${COPROC[0]}" || { printf 'the feed has ended'; return 1; }
    done
    kill "$COPROC_PID"
}

for given in "$@"; do
    way=${given%=*} base=http://127.0.0.1:${given#*=}
    for size in "${sizes[@]}"; do
        cell "$way" fresh "$size" fresh "$base" "$size"
    done
    keep "$base"
    for size in "${sizes[@]}"; do
        cell "$way" kept "$size" cmp "$dir/$size" "$dir/$size.back"
    done
    cell "$way" talk 0 continued "$base"
    cell "$way" events 0 events "$base"
    cell "$way" refused $too_large refused "$base"
done
