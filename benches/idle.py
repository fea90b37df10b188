#!/usr/bin/env python3
"""Resident memory of the server for each idle keep-alive connection.

Serves examples/hello from target/release/rusm on one core.
"""
import os
import resource
import socket
import subprocess
import time

ADDR = ("127.0.0.1", 8093)
WARM_UP, CONNECTIONS = 200, 5000


def connect():
    connection = socket.create_connection(ADDR)
    connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert connection.recv(4096).startswith(b"HTTP/1.1 200")
    return connection


def resident(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
files = CONNECTIONS + WARM_UP + 100
resource.setrlimit(resource.RLIMIT_NOFILE, (files, max(files, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
server = subprocess.Popen(
    ["target/release/rusm", "serve", "--no-build", "--cores", "1", "--listen", f"{ADDR[0]}:{ADDR[1]}", "examples/hello"],
    cwd=root,
    stdout=subprocess.DEVNULL,
)
try:
    for _ in range(100):
        try:
            connections = [connect()]
            break
        except ConnectionRefusedError:
            time.sleep(0.1)
    connections += [connect() for _ in range(WARM_UP)]
    before = resident(server.pid)
    connections += [connect() for _ in range(CONNECTIONS)]
    time.sleep(1)
    after = resident(server.pid)
    print(f"{before} KiB -> {after} KiB: {(after - before) / CONNECTIONS:.2f} KiB a connection")
finally:
    server.kill()
    server.wait()
