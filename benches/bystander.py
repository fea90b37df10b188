#!/usr/bin/env python3
"""Latency of `GET /` at a fixed rate, alone and beside one endless loop on the same shard.

Serves examples/hello from target/release/rusm on the first core and asks from the second.
Latency counts from the time at which a request was due.
"""
import os
import socket
import subprocess
import threading
import time

ADDR = ("127.0.0.1", 8092)
CONNECTIONS, REQUESTS, GAP = 4, 2500, 0.004


def connect():
    connection = socket.create_connection(ADDR)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def get(connection, path):
    connection.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n")


def client(latencies):
    connection = connect()
    start = time.perf_counter()
    for number in range(REQUESTS):
        due = start + number * GAP
        time.sleep(max(0, due - time.perf_counter()))
        get(connection, b"/")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        latencies.append(time.perf_counter() - due)


def measure(name):
    latencies = []
    clients = [threading.Thread(target=client, args=(latencies,)) for _ in range(CONNECTIONS)]
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    latencies.sort()
    quantiles = {q: latencies[int(len(latencies) * q)] * 1e3 for q in (0.5, 0.9, 0.99, 0.999)}
    print(name, ", ".join(f"p{q * 100:g} {ms:.2f} ms" for q, ms in quantiles.items()))


root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
server = subprocess.Popen(
    ["target/release/rusm", "serve", "--no-build", "--cores", "0-0", "--listen", f"{ADDR[0]}:{ADDR[1]}", "examples/hello"],
    cwd=root,
    stdout=subprocess.DEVNULL,
)
try:
    os.sched_setaffinity(0, {1})
    for _ in range(100):
        try:
            connect().close()
            break
        except ConnectionRefusedError:
            time.sleep(0.1)
    measure("alone:          ")
    spinner = connect()
    get(spinner, b"/spin")
    measure("beside one loop:")
finally:
    server.terminate()
    server.wait()
