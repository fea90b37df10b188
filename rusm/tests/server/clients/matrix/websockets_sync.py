"""The package websockets, blocking: a thread that reads, and one that writes."""

from websockets.sync.client import connect

from cells import PATIENCE_S, SIZES, WAYS, body, cell, same, text

for way in WAYS:
    for size in SIZES:
        with cell(way, "first", size):
            with connect(way.ws + way.echo("first")) as socket:
                socket.send(body(size))
                same(socket.recv(timeout=PATIENCE_S), body(size))
    with connect(way.ws + way.echo("later")) as socket:
        for size in SIZES:
            with cell(way, "later", size):
                socket.send(text(size))
                same(socket.recv(timeout=PATIENCE_S), text(size))
