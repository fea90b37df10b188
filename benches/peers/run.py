#!/usr/bin/env python3
"""RUSM beside its peers: all on the same core, in turns, several rounds, one table.

Usage: run.py [--rounds 5] [--seconds 3] [--only WORKLOAD,...] [--no-set-up]

Sets the peers up under target/peers, and then measures each workload of each server that has it, one
after the other, round by round: server on the first core, generator on the last. Prints the medians
with their ranges and, for each peer, RUSM's ratio to it, as Markdown; each measurement goes to
standard error as it is made. A ratio is the median of the rounds' ratios: what disturbs the machine
for a minute disturbs both sides of one.
"""

import argparse
import collections
import pathlib
import signal
import statistics
import sys
import tempfile

import servers
import workloads

# What, its unit, the decimals worth printing, whether more is better, and what a server has to have.
WORKLOADS = {
    "http": ("HTTP hello, 64 connections", "requests/s", 0, True, workloads.http, "http"),
    "ws": ("WebSocket echo, 256 connections", "round trips/s", 0, True, workloads.ws, "ws"),
    "sse": ("SSE, 256 streams", "events/s", 0, True, workloads.sse, "sse"),
    "conn": ("Connections with one request each, 64 clients", "connections/s", 0, True, workloads.conn, "http"),
    "conn-ws": ("WebSockets opened and closed, 64 clients", "connections/s", 0, True, workloads.conn_ws, "ws"),
    "start-up": ("Start-up to the first answer", "ms", 0, False, workloads.start_up, "http"),
    "rest": ("Resident memory at rest", "MiB", 1, False, workloads.rest, "http"),
    "idle-http": ("Memory of an idle keep-alive connection", "KiB", 1, False, workloads.idle_http, "http"),
    "idle-ws": ("Memory of an idle WebSocket", "KiB", 1, False, workloads.idle_ws, "ws"),
}


def main():
    # A server that outlives the run would answer for the next one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    arguments = parse()
    if not arguments.no_set_up:
        servers.set_up()
    results = collections.defaultdict(dict)
    with tempfile.TemporaryDirectory() as directory:
        compared = servers.all_servers(pathlib.Path(directory))
        for number in range(arguments.rounds):
            for name in arguments.only:
                measure(name, compared, number, arguments.seconds, results)
    print(f"{servers.versions()}; {arguments.rounds} rounds\n")
    for name in arguments.only:
        table(name, compared, results)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(WORKLOADS))
    parser.add_argument("--no-set-up", action="store_true")
    arguments = parser.parse_args()
    unknown = set(arguments.only) - set(WORKLOADS)
    if unknown:
        parser.error(f"there is no workload {', '.join(unknown)}; there are {', '.join(WORKLOADS)}")
    return arguments


def measure(name, compared, number, seconds, results):
    what, unit, _decimals, _more, workload, needs = WORKLOADS[name]
    for server in compared:
        if needs not in server.urls:
            continue
        try:
            value = workload(server, seconds)
        except (workloads.Failed, OSError) as failed:
            print(f"round {number + 1}, {what}: {server.name}: {failed}", file=sys.stderr, flush=True)
            continue
        results[name, server.name][number] = value
        print(f"round {number + 1}, {what}: {server.name}: {value:.1f} {unit}", file=sys.stderr, flush=True)


def table(name, compared, results):
    what, unit, decimals, more_is_better, _workload, needs = WORKLOADS[name]
    ours = results[name, compared[0].name]
    print(f"| {what} | {unit} | range | RUSM is |\n|---|---|---|---|")
    for server in compared:
        if needs not in server.urls:
            continue
        values = list(results[name, server.name].values())
        if not values:
            print(f"| {server.name} | failed | | |")
            continue
        middle = statistics.median(values)
        print(
            f"| {server.name} | {middle:,.{decimals}f} | {min(values):,.{decimals}f} - {max(values):,.{decimals}f} "
            f"| {ratio(ours, results[name, server.name], more_is_better)} |"
        )
    print()


def ratio(ours, theirs, more_is_better):
    both = ours.keys() & theirs.keys()
    if ours is theirs or not both:
        return ""
    times = [ours[number] / theirs[number] for number in both]
    middle = statistics.median(times)
    return f"{middle:.2f}x ({min(times):.2f} - {max(times):.2f})" + ("" if more_is_better else " of it")


if __name__ == "__main__":
    main()
