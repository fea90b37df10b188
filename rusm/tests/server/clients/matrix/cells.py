"""A row of the matrix (`matrix.rs`): what one client does on each way to the server.

`SCRIPT NAME WAY=PORT...` prints a line for each cell: the way, the kind, the size, and `ok` or what went wrong.
"""

import sys
from contextlib import contextmanager

SIZES = [1, 28 << 10, 64 << 10, 1 << 20]
TOO_LARGE = 16_000_000
# Longer than anything takes that works, on a busy machine.
PATIENCE_S = 30
# The room whose feed begins with this event, and then waits.
FEED, EVENT = "/feed/matrix", b"hello from the matrix"


class Way:
    def __init__(self, name, port):
        self.name, self.port = name, int(port)
        self.http, self.ws = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}"

    def echo(self, kind):
        """The path of the echo, with a query by which the access log tells what this was."""
        return f"/echo?{sys.argv[1]}-{self.name}-{kind}"


WAYS = [Way(*way.split("=")) for way in sys.argv[2:]]


def body(size):
    return (bytes(range(256)) * (size // 256 + 1))[:size]


def text(size):
    return ("0123456789 " * (size // 11 + 1))[:size]


@contextmanager
def cell(way, kind, size=0):
    try:
        yield
        outcome = "ok"
    except Exception as error:
        outcome = f"{type(error).__name__}: {error}"[:300].replace("\n", " ") or "failed"
    print(way.name, kind, size, outcome, flush=True)


def same(came, sent):
    assert came == sent, f"{len(came)} bytes came back of {len(sent)}: {came[:40]!r}"
