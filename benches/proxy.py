#!/usr/bin/env python3
"""1 GB through examples/proxy, down and up, and the memory that it takes.

    benches/proxy.py [GB]

The proxy is on the first core; its upstream, a stock component under the same server, and the
client are on the second. `RUSM` is the binary, by default target/release/rusm. Prints, for each
way, how fast it was, and the proxy's resident memory before, at most, and after.
"""

import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
RUSM = os.environ.get("RUSM", ROOT / "target/release/rusm")
PROXY, UPSTREAM = ROOT / "examples/proxy", ROOT / "rusm/tests/apps/stock"
PIECE = 256 * 1024


def main():
    total = int(float(sys.argv[1] if len(sys.argv) > 1 else 1) * 1_000_000_000)
    with tempfile.TemporaryDirectory() as directory:
        big = 'max-body = "4GiB"\nbody-timeout-ms = 600000\nrequest-timeout-ms = 600000\n'
        upstream = Server(UPSTREAM, directory, 1, lambda toml: re.sub(r"(listen = .*\n)", r"\1" + big, toml))
        to_upstream = lambda toml: (
            toml.replace("127.0.0.1:8084", "127.0.0.1:0")
            .replace("127.0.0.1:8080", "%s:%d" % upstream.address)
            .replace("[serve.routes]", "request-timeout-ms = 600000\n\n[serve.routes]")
        )
        proxy = Server(PROXY, directory, 0, to_upstream)
        os.sched_setaffinity(0, {1})
        try:
            for name, transfer in [("download", download), ("upload", upload)]:
                # What is kept for later requests is there from the first one on.
                transfer(proxy.address, 10_000_000)
                with Memory(proxy.process.pid) as memory:
                    began = time.monotonic()
                    transfer(proxy.address, total)
                    took = time.monotonic() - began
                print(f"{name}: {total / 1e9:g} GB in {took:.1f} s, {total / took / 1e6:.0f} MB/s; {memory}")
        finally:
            proxy.process.terminate()
            upstream.process.terminate()


class Server:
    """`rusm serve` of an app whose manifest was changed."""

    def __init__(self, app, directory, core, change):
        manifest = pathlib.Path(directory, app.name + ".toml")
        manifest.write_text(change((app / "rusm.toml").read_text()))
        subprocess.run([RUSM, "build", app], check=True, stderr=subprocess.DEVNULL)
        command = [RUSM, "serve", "--no-build", "--cores", f"{core}-{core}", "--config", manifest, app]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self.process.stdout:
            if line.startswith("http://"):
                host, _, port = line.strip().removeprefix("http://").rpartition(":")
                self.address = (host, int(port))
            if line.startswith("ready"):
                return
        sys.exit(f"{app.name} doesn't serve")


class Memory:
    """Samples the resident memory of a process, 20 times a second."""

    def __init__(self, pid):
        self.pid, self.samples, self.over = pid, [], threading.Event()
        self.thread = threading.Thread(target=self.sample)

    def sample(self):
        while True:
            pages = int(pathlib.Path(f"/proc/{self.pid}/statm").read_text().split()[1])
            self.samples.append(pages * os.sysconf("SC_PAGESIZE"))
            if self.over.wait(0.05):
                return

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def __str__(self):
        before, peak, after = (n / 2**20 for n in (self.samples[0], max(self.samples), self.samples[-1]))
        return f"RSS {before:.1f} MiB before, {peak:.1f} at most, {after:.1f} after, {len(self.samples)} samples"


def download(address, total):
    with socket.create_connection(address) as client:
        request = f"GET /bodies/large/{total}?declared HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n"
        client.sendall(request.encode())
        head, body = read_head(client)
        assert f"content-length: {total}\r\n".encode() in head.lower() + b"\r\n", head
        received, buffer = len(body), bytearray(PIECE)
        while count := client.recv_into(buffer):
            received += count
        assert received == total, f"{received} bytes of {total}"


def upload(address, total):
    with socket.create_connection(address) as client:
        request = f"POST /echo/digest HTTP/1.1\r\nHost: bench\r\nConnection: close\r\nContent-Length: {total}\r\n\r\n"
        client.sendall(request.encode())
        piece, left = os.urandom(PIECE), total
        while left > 0:
            client.sendall(piece[: min(left, PIECE)])
            left -= PIECE
        head, body = read_head(client)
        while more := client.recv(PIECE):
            body += more
        assert b" 200 " in head and body.split()[0] == str(total).encode(), (head, body)


def read_head(client):
    received = b""
    while b"\r\n\r\n" not in received:
        received += client.recv(PIECE) or sys.exit(f"no answer: {received!r}")
    head, _, body = received.partition(b"\r\n\r\n")
    return head, body


main()
