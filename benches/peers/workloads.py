"""What is measured of a server, each measurement on a server that was just started."""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import tempfile
import time
import urllib.parse

from servers import GREETING, REPO

LOADTEST = REPO / "target/release/rusm-loadtest"
CLIENT_CORE = (os.cpu_count() or 2) - 1
READY_WITHIN = 60
IDLE = 1000
HANDSHAKE = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"


class Failed(Exception):
    """A server did not do what was asked of it."""


def http(server, seconds):
    """Requests a second over 64 connections that are kept alive."""
    with running(server):
        return load("http", server.urls["http"], seconds, "-c", "64", "--expect", "200", "--expect", f"contains:{GREETING}")


def ws(server, seconds):
    """Round trips a second of a binary message over 256 WebSockets."""
    with running(server):
        return load("ws", server.urls["ws"], seconds, "-c", "256", "--binary")


def sse(server, seconds):
    """Events a second over 256 streams."""
    with running(server):
        return load("sse", server.urls["sse"], seconds, "-c", "256")


def conn(server, seconds):
    """Connections a second, each with one request, by 64 clients."""
    with running(server):
        return load("conn", server.urls["http"], seconds, "-c", "64")


def conn_ws(server, seconds):
    """WebSockets a second that are opened and closed, by 64 clients."""
    with running(server):
        return load("conn", server.urls["ws"], seconds, "-c", "64")


def start_up(server, _seconds):
    """Milliseconds from the command to the first answer, compiled artifacts cached where a server does that."""
    begun = time.monotonic()
    with running(server) as (_process, ready):
        return (ready - begun) * 1000


def rest(server, _seconds):
    """MiB of resident memory after ten requests."""
    with running(server) as (process, _ready):
        return warm(server, process) / 2**20


def idle_http(server, _seconds):
    """KiB of resident memory for each of 1,000 connections that have asked once and stay."""
    with running(server) as (process, _ready):
        return idle(server, process, server.urls["http"], "Connection: keep-alive\r\n", b"200 OK")


def idle_ws(server, _seconds):
    """KiB of resident memory for each of 1,000 WebSockets."""
    with running(server) as (process, _ready):
        return idle(server, process, server.urls["ws"].replace("ws:", "http:"), HANDSHAKE, b"101 ")


@contextlib.contextmanager
def running(server):
    """The server's process, and when it had answered for the first time."""
    with tempfile.TemporaryFile() as log:
        for url in server.urls.values():
            with contextlib.suppress(OSError), ask(url.replace("ws:", "http:"), ""):
                raise Failed(f"something answers at {url} already")
        process = server.start(log)
        try:
            yield process, first_answer(server, process, log)
        finally:
            process.terminate()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def first_answer(server, process, log):
    """When it had: its other ports may open a little later, and are waited for, too."""
    answered = None
    for url in server.urls.values():
        wait_for(url.replace("ws:", "http:"), server, process, log)
        answered = answered or time.monotonic()
    return answered


def wait_for(url, server, process, log):
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline:
        if process.poll() is not None:
            log.seek(0)
            raise Failed(f"{server.name} ended with {process.returncode}: {log.read().decode(errors='replace')}")
        with contextlib.suppress(OSError), ask(url, "Connection: close\r\n") as client:
            if client.recv(4096):
                return
        time.sleep(0.001)
    raise Failed(f"{server.name} did not answer within {READY_WITHIN} s")


def load(mode, url, seconds, *options):
    with tempfile.TemporaryDirectory() as directory:
        report = pathlib.Path(directory) / "report.json"
        command = [LOADTEST, mode, url, "--quiet", "--cores", CLIENT_CORE, "--warmup", "1s", "-d", f"{seconds}s", "--json", report, *options]
        done = subprocess.run(list(map(str, command)), stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise Failed(done.stderr)
        found = json.loads(report.read_text())["runs"][0]
    failed = sum(found["errors"].values())
    if failed > 0.001 * found["ok"]:
        raise Failed(f"{url}: {found['ok']} went well, and {found['errors']} did not")
    return found["rate"]


def warm(server, process):
    url = next(iter(server.urls.values()))
    for _ in range(10):
        with ask(url, "Connection: close\r\n") as client:
            client.recv(4096)
    time.sleep(0.5)
    return resident(process)


def idle(server, process, url, headers, expected):
    empty = warm(server, process)
    clients = []
    for _ in range(IDLE):
        client = ask(url, headers)
        if expected not in client.recv(4096):
            raise Failed(f"{url} refused a connection")
        clients.append(client)
    time.sleep(1)
    full = resident(process)
    for client in clients:
        client.close()
    return (full - empty) / IDLE / 1024


def ask(url, headers):
    """A socket on which a request was sent."""
    parts = urllib.parse.urlsplit(url)
    client = socket.create_connection((parts.hostname, parts.port), timeout=10)
    client.sendall(f"GET {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\n{headers}\r\n".encode())
    return client


def resident(process):
    """Bytes, of the process and its children."""
    pids = [process.pid, *children(process.pid)]
    return sum(int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids) * os.sysconf("SC_PAGE_SIZE")


def children(pid):
    found = []
    for tasks in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for child in (tasks / "children").read_text().split():
            found += [int(child), *children(int(child))]
    return found
