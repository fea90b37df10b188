#!/usr/bin/env python3
"""One client that stops reading amid an endless stream of events: what it does to the server's
memory, and to others.

Usage: slow_reader.py RUSM [SECONDS]

Serves benches/peers/apps/rusm (built) on the first core with a `write-timeout-ms` beyond SECONDS (60).
Asks for `/` a hundred times a second over one connection: first alone, and then while another client
has begun to read `/ticks` and does not go on. Prints the latencies of both, and the server's memory.
"""

import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

PORT = 9301
REPO = pathlib.Path(__file__).resolve().parent.parent
ALONE = 10


def main():
    rusm = sys.argv[1]
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    app = REPO / "benches/peers/apps/rusm"
    listen = f'listen = "127.0.0.1:{PORT}"'
    manifest = (app / "rusm.toml").read_text().replace(listen, f"{listen}\nwrite-timeout-ms = {(seconds + 30) * 1000}")
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(manifest)
        file.flush()
        command = ["taskset", "-c", "0", rusm, "serve", str(app), "--config", file.name, "--no-build", "--cores", "0-0"]
        environment = {name: value for name, value in os.environ.items() if name != "RUST_BACKTRACE"}
        server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
        os.sched_setaffinity(0, {os.cpu_count() - 1})
        try:
            while b"ready" not in (line := server.stdout.readline()):
                assert line, "the server did not start"
            measure(server.pid, seconds)
        finally:
            server.terminate()
            server.wait()


def measure(pid, seconds):
    other = connect()
    latencies, _ = ask(other, pid, ALONE)
    print(f"alone:             {percentiles(latencies)}")
    before = resident(pid)
    stuck = connect()
    stuck.sendall(b"GET /ticks HTTP/1.1\r\nHost: a\r\n\r\n")
    stuck.recv(4096)
    latencies, memory = ask(other, pid, seconds)
    print(f"beside the stuck:  {percentiles(latencies)}")
    first, last = memory[len(memory) // 10], memory[-1]
    print(f"memory: {before} KiB before it came, {first} KiB after {seconds / 10:.0f} s, {last} KiB after {seconds} s, {max(memory)} KiB at most")


def ask(client, pid, seconds):
    latencies, memory = [], []
    begun = time.monotonic()
    for number in range(seconds * 100):
        due = begun + number / 100
        time.sleep(max(0, due - time.monotonic()))
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
        latencies.append(time.monotonic() - due)
        memory.append(resident(pid))
    return latencies, memory


def percentiles(latencies):
    cuts = statistics.quantiles(latencies, n=100)
    return f"p50 {cuts[49] * 1000:.2f} ms, p99 {cuts[98] * 1000:.2f} ms, most {max(latencies) * 1000:.2f} ms"


def resident(pid):
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4


def connect():
    client = socket.create_connection(("127.0.0.1", PORT))
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


if __name__ == "__main__":
    main()
