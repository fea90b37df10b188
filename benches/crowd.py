#!/usr/bin/env python3
"""Many clients that stay: what each costs the server, and a broadcast to all of them.

Usage: crowd.py RUSM ws|sse [CLIENTS]

Serves examples/chat on one core, lets CLIENTS (10,000) join one room by WebSocket, or listen to its
feed of Server-Sent Events, and prints the server's memory for each, its CPU while nothing happens,
and how long one message takes to reach the first, half, and the last of them. Its feed is a streaming
action, each of which keeps an instance: for these it raises, as root, `vm.max_map_count` for the time
that it runs, since an instance takes six mappings.
"""

import base64
import os
import pathlib
import re
import selectors
import socket
import subprocess
import sys
import tempfile
import time

PORT = 8282
ROOM = "crowd"
MAP_COUNT = pathlib.Path("/proc/sys/vm/max_map_count")
REPO = pathlib.Path(__file__).resolve().parent.parent


def main():
    rusm, kind = sys.argv[1], sys.argv[2]
    clients = int(sys.argv[3]) if len(sys.argv) > 3 else 10_000
    before = MAP_COUNT.read_text()
    needed = 8 * (clients + 500) + 2000 if kind == "sse" else 0
    if int(before) < needed:
        MAP_COUNT.write_text(str(needed))
    try:
        with tempfile.TemporaryDirectory() as dir:
            measure(rusm, kind, clients, pathlib.Path(dir))
    finally:
        MAP_COUNT.write_text(before)


def measure(rusm, kind, clients, dir):
    app = REPO / "examples/chat"
    manifest = (app / "rusm.toml").read_text()
    manifest = re.sub(r'listen = ".*"', f'listen = "127.0.0.1:{PORT}"\nmax-connections = {clients + 100}', manifest, count=1)
    if kind == "sse":
        manifest = f"[node]\ninstances-per-core = {clients + 200}\nheld-per-core = {clients + 100}\n\n" + manifest
    (dir / "rusm.toml").write_text(manifest)
    command = [rusm, "serve", str(app), "--config", str(dir / "rusm.toml"), "--no-build", "--cores", "1"]
    env = {name: value for name, value in os.environ.items() if name != "RUST_BACKTRACE"}
    server = subprocess.Popen(["taskset", "-c", "0", *command], env=env, stdout=subprocess.PIPE, stderr=sys.stderr)
    os.sched_setaffinity(0, {os.cpu_count() - 1})
    try:
        while b"ready" not in (line := server.stdout.readline()):
            assert line, "the server did not start"
        crowd(server.pid, kind, clients)
    finally:
        server.terminate()
        server.wait()


def crowd(pid, kind, clients):
    warm(kind)
    empty = memory(pid)
    begun = time.monotonic()
    sockets = [join(kind, number) for number in range(clients)]
    print(f"{clients} clients joined in {time.monotonic() - begun:.1f} s")
    time.sleep(2)
    full = memory(pid)
    print(f"memory: {empty / 2**20:.0f} MiB, then {full / 2**20:.0f} MiB: {(full - empty) / clients / 1024:.1f} KiB each")
    cpu, begun = ticks(pid), time.monotonic()
    time.sleep(10)
    share = (ticks(pid) - cpu) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - begun)
    print(f"at rest: {share:.1%} of a core")
    for round in range(3):
        broadcast(kind, sockets, f"message {round}")


def warm(kind):
    for _ in range(20):
        join(kind, 0).close()
    time.sleep(0.5)


def join(kind, number):
    client = socket.create_connection(("127.0.0.1", PORT))
    if kind == "ws":
        key = base64.b64encode(os.urandom(16)).decode()
        client.sendall(
            f"GET /rooms/{ROOM}?name=c{number} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
    else:
        client.sendall(f"GET /feed/{ROOM} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head:
        part = client.recv(65536)
        assert part, head
        head += part
    assert head.startswith(b"HTTP/1.1 101" if kind == "ws" else b"HTTP/1.1 200"), head
    client.setblocking(False)
    return client


def broadcast(kind, sockets, text):
    """One more client says it; all hear it."""
    speaker = join("ws", -1)
    frame = text.encode()
    mask = os.urandom(4)
    masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(frame))
    waiting = selectors.DefaultSelector()
    for client in sockets:
        waiting.register(client, selectors.EVENT_READ, bytearray())
    begun = time.monotonic()
    speaker.setblocking(True)
    speaker.sendall(bytes([0x81, 0x80 | len(frame)]) + mask + masked)
    times = []
    while len(times) < len(sockets) and time.monotonic() - begun < 60:
        for key, _ in waiting.select(1):
            key.data.extend(key.fileobj.recv(65536))
            if frame in key.data:
                times.append(time.monotonic() - begun)
                waiting.unregister(key.fileobj)
    speaker.close()
    heard = len(times)
    if not heard:
        sys.exit("nobody heard it")
    print(
        f"broadcast: heard by {heard} of {len(sockets)}; first {times[0] * 1e3:.1f} ms, "
        f"half {times[heard // 2] * 1e3:.0f} ms, last {times[-1] * 1e3:.0f} ms"
    )


def memory(pid):
    """Resident, in bytes."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024


def ticks(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


main()
