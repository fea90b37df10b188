#!/usr/bin/env python3
"""The same stock components under `rusm serve` and under `wasmtime serve`, case by case.

    scripts/compare-stock.py [--wasmtime PATH] [--rusm PATH] [--no-python] [CASE ...]

Builds the components of rusm/tests/apps/stock (that in Python by its build.sh, which takes a minute
or two at first), serves the same files by both, sends both the same bytes, and prints a table: what
agrees, and what differs, side by side. CASE picks those cases whose names contain it.

Compared are the status, the headers but for those of framing and `date`, the content as it is after
framing, the trailers, whether the response was complete, and whether the connection can be used
again; for cases with timing, how far apart the first and the last piece arrived, in steps of
100 ms. Exits with 1 if something differs that docs/wasi-http.md does not explain.
"""

import argparse
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
APP = ROOT / "rusm/tests/apps/stock"
COMPONENTS = ["hello", "echo", "bodies", "faults", "probe"]
# Each side frames in its own way, and dates; texts of errors are each server's own.
FRAMING = {"date", "content-length", "transfer-encoding", "connection", "keep-alive", "trailer"}
MIB = 1 << 20


@dataclass
class Case:
    name: str
    target: str
    method: str = "GET"
    headers: str = ""
    # The body's pieces, and a pause before each.
    body: list = field(default_factory=list)
    pause: float = 0.0
    chunked: bool = False
    trailers: str = ""
    timing: bool = False
    # Why both sides may differ; the text is that of docs/wasi-http.md.
    differs: str = ""
    # How long an answer may take, and what silence means then.
    patience: float = 10.0


def cases(python: bool):
    te = "TE: trailers\r\nConnection: TE\r\n"
    yield Case("hello", "/hello")
    for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW", "HEAD"]:
        yield Case(f"method {method}", "/echo/head?a=1&a=%20", method)
    repeats = "X-Two: 1\r\nAccept: */*\r\nx-two: 2\r\nX-Empty:\r\nX-Opaque: \xc3\xbc\r\n"
    yield Case("headers, with repeats", "/echo/head", headers=repeats)
    yield Case("target in absolute form", "http://other/echo/head?x")
    yield Case("100 headers", "/echo/head", headers="".join(f"x-{n}: {n}\r\n" for n in range(95)))
    for size in [0, 1, 65_536, MIB]:
        body = [bytes(size)] if size else []
        yield Case(f"upload of {size} bytes", "/echo/digest", "POST", body=body)
        yield Case(f"upload of {size} bytes, chunked", "/echo/digest", "POST", body=body, chunked=True)
        yield Case(f"echo of {size} bytes", "/echo/body", "POST", body=body)
        yield Case(f"download of {size} bytes", f"/bodies/large/{size}")
        yield Case(f"download of {size} bytes, declared", f"/bodies/large/{size}?declared")
    big = [bytes([n % 256]) * MIB for n in range(100)]
    yield Case("upload of 100 MiB", "/echo/digest", "POST", body=big, patience=120)
    yield Case("upload of 100 MiB, chunked", "/echo/digest", "POST", body=big, chunked=True, patience=120)
    yield Case("download of 100 MiB", f"/bodies/large/{100 * MIB}", patience=120)
    yield Case("body unread", "/bodies/unread", "POST", body=[bytes(MIB)], differs="how a body that nobody reads ends")
    for status in [200, 204, 299, 304, 404, 503, 599]:
        yield Case(f"status {status}", f"/bodies/status/{status}?x-a=1&x-a=2&x-b=%20")
    yield Case("status 99", "/bodies/status/99")
    yield Case("status 100", "/bodies/status/100", differs="a status below 200")
    yield Case("status 600", "/bodies/status/600", differs="a status above 599")
    yield Case("no body asked for", "/bodies/none")
    yield Case("headers that may not be set", "/bodies/headers")
    yield Case("HEAD of a body", "/bodies/large/10?declared", "HEAD")
    yield Case("trailers of a response", "/bodies/trailers", headers=te, differs="repeated trailers")
    yield Case("trailers of a response, not wanted", "/bodies/trailers")
    yield Case(
        "trailers of a request", "/echo/digest", "POST", body=[b"abc"], chunked=True, trailers="X-Sum: 1\r\nx-sum: 2\r\n",
        differs="repeated trailers"
    )
    yield Case(
        "trailers both ways", "/bodies/duplex", "POST", headers=te, body=[b"abc"], chunked=True, trailers="X-Sum: 1\r\n",
        differs="trailers that no header names"
    )
    yield Case("pieces of a response", "/bodies/slow/4/300", timing=True)
    yield Case("pieces of a response, wstd", "/echo/slow/4/300", timing=True)
    yield Case("pieces both ways", "/bodies/duplex", "POST", body=[b"one", b"two", b"three"], pause=0.3, chunked=True, timing=True)
    yield Case("head before body", "/bodies/early/500", timing=True)
    yield Case("outparam set late", "/faults/late/300", timing=True)
    yield Case("goes on after its response", "/bodies/after/300", timing=True)
    for fault in ["trap", "panic", "exit", "unset", "return", "error/denied", "error/own"]:
        yield Case(f"fault {fault}", f"/faults/{fault}")
    yield Case("fault loop", "/faults/loop", patience=4, differs="no limit on time")
    yield Case("fault memory", "/faults/memory", patience=4, differs="no limit on memory")
    for fault in ["head/trap", "amid/trap", "after/trap"]:
        yield Case(f"fault {fault}", f"/faults/{fault}", differs="" if fault == "after/trap" else "a body that a trap cut short")
    yield Case("body dropped unfinished", "/bodies/dropped", differs="nothing sent yet")
    yield Case("body left unfinished", "/bodies/forgotten", differs="a body left unfinished")
    yield Case("shorter than declared", "/bodies/declared/10/5", differs="what was written comes before the cut")
    yield Case("longer than declared", "/bodies/declared/5/10", differs="longer than declared")
    yield Case("nothing of what was declared", "/bodies/declared/5/0", differs="nothing sent yet")
    yield Case("surroundings", "/probe/surroundings", differs="a variable of its own")
    yield Case("requests out", "/probe/fetch?127.0.0.1:1/", differs="requests out are denied")
    if python:
        for target in ["/python/hello", "/python/head", "/python/raise"]:
            yield Case(f"Python {target}", target, headers="X-Two: 1\r\nx-two: 2\r\n", patience=60)
        yield Case("Python /python/body", "/python/body", "POST", body=[bytes(MIB)], patience=60)


@dataclass
class Outcome:
    status: object = None
    headers: list = field(default_factory=list)
    content: bytes = b""
    trailers: list = field(default_factory=list)
    end: str = ""
    spread: float = 0.0

    def comparable(self, case: Case) -> dict:
        content = self.content
        if self.status == 500:
            content = b"(the server's own words)"
        if len(content) > 1000:
            content = f"{len(content)} bytes, {hashlib.sha256(content).hexdigest()[:12]}".encode()
        own_words = {"content-type"} if self.status == 500 else set()
        return {
            "status": self.status,
            "headers": sorted(header for header in self.headers if header[0] not in FRAMING | own_words),
            "content": content.decode("latin-1"),
            "trailers": self.trailers,
            "end": self.end,
            **({"spread": f"{round(self.spread, 1):.1f} s"} if case.timing else {}),
        }


class Connection:
    """Raw bytes out, and responses taken apart."""

    def __init__(self, port: int, patience: float):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(patience)
        self.input = b""
        self.arrived = []

    def more(self):
        received = self.socket.recv(1 << 16)
        if not received:
            raise EOFError
        self.arrived.append(time.monotonic())
        self.input += received

    def line(self) -> bytes:
        while b"\r\n" not in self.input:
            self.more()
        line, self.input = self.input.split(b"\r\n", 1)
        return line

    def take(self, size: int) -> bytes:
        pieces = []
        while size > len(self.input):
            pieces.append(self.input)
            size -= len(self.input)
            self.input = b""
            self.more()
        taken, self.input = self.input[:size], self.input[size:]
        return b"".join([*pieces, taken])

    def fields(self) -> list:
        found = []
        while line := self.line():
            name, _, value = line.decode("latin-1").partition(":")
            found.append((name.lower(), value.strip()))
        return found

    def response(self, method: str, outcome: Outcome):
        outcome.status = int(self.line().split()[1])
        outcome.headers = self.fields()
        named = dict(outcome.headers)
        if method == "HEAD" or outcome.status in (204, 304):
            return
        if named.get("transfer-encoding") == "chunked":
            pieces = []
            try:
                while size := int(self.line(), 16):
                    pieces.append(self.take(size))
                    self.take(2)
                outcome.trailers = self.fields()
            finally:
                outcome.content = b"".join(pieces)
        elif "content-length" in named:
            size = int(named["content-length"])
            try:
                outcome.content = self.take(size)
            finally:
                outcome.content = outcome.content or self.input
        else:
            try:
                while True:
                    self.more()
            except EOFError:
                outcome.content, self.input = self.input, b""


def run(case: Case, port: int) -> Outcome:
    connection = Connection(port, case.patience)
    outcome = Outcome()
    head = f"{case.method} {case.target} HTTP/1.1\r\nHost: h\r\n{case.headers}"
    if case.chunked:
        head += "Transfer-Encoding: chunked\r\n"
    elif case.body:
        head += f"Content-Length: {sum(map(len, case.body))}\r\n"
    try:
        connection.socket.sendall(head.encode("latin-1") + b"\r\n")
        try:
            send_body(case, connection)
        except (ConnectionResetError, BrokenPipeError):
            pass  # It may have answered nevertheless.
        connection.response(case.method, outcome)
        outcome.end = "complete"
    except TimeoutError:
        outcome.end = "silence"
    except (EOFError, ConnectionResetError, BrokenPipeError):
        outcome.end = "cut"
    if connection.arrived:
        outcome.spread = connection.arrived[-1] - connection.arrived[0]
    if outcome.end == "complete":
        try:
            connection.socket.sendall(b"GET /nothing-here HTTP/1.1\r\nHost: h\r\n\r\n")
            connection.response("GET", Outcome())
            outcome.end = "complete, the connection lives"
        except (EOFError, OSError):
            outcome.end = "complete, the connection is closed"
    connection.socket.close()
    return outcome


def send_body(case: Case, connection: Connection):
    for piece in case.body:
        if case.pause:
            time.sleep(case.pause)
            # What has come meanwhile has its own time.
            receive_what_is_there(connection)
        connection.socket.sendall(b"%x\r\n%s\r\n" % (len(piece), piece) if case.chunked else piece)
    if case.chunked:
        connection.socket.sendall(f"0\r\n{case.trailers}\r\n".encode("latin-1"))


def receive_what_is_there(connection: Connection):
    patience = connection.socket.gettimeout()
    connection.socket.settimeout(0.001)
    try:
        connection.more()
    except TimeoutError:
        pass
    finally:
        connection.socket.settimeout(patience)


class Servers:
    """Both of them, until they are stopped."""

    def __init__(self, args, python: bool):
        self.dir = tempfile.TemporaryDirectory()
        app = Path(self.dir.name) / "app"
        (app / "wasm").mkdir(parents=True)
        components = COMPONENTS + (["python"] if python else [])
        for name in components:
            artifact = Path(args.python_wasm) if name == "python" else APP / f"wasm/{name}.wasm"
            shutil.copy(artifact, app / f"wasm/{name}.wasm")
        self.rusm = free_port()
        routes = "".join(f'"* /{name}" = "{name}"\n"* /{name}/*" = "{name}"\n' for name in components)
        (app / "rusm.toml").write_text(
            f'[[serve]]\nlisten = "127.0.0.1:{self.rusm}"\nmax-body = "200MiB"\nrequest-timeout-ms = 3000\n'
            f"[serve.routes]\n{routes}"
        )
        self.processes = [start([args.rusm, "serve", "--no-build", "--cores", "1", app], self.dir.name, "rusm")]
        self.wasmtime = {}
        for name in components:
            port = self.wasmtime[name] = free_port()
            command = [args.wasmtime, "serve", "--addr", f"127.0.0.1:{port}", "-Scli", app / f"wasm/{name}.wasm"]
            self.processes.append(start(command, self.dir.name, f"wasmtime-{name}"))
        for port in [self.rusm, *self.wasmtime.values()]:
            wait_for(port)

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()
        self.dir.cleanup()


def start(command, directory, name):
    log = open(Path(directory) / f"{name}.log", "w")
    environment = {name: value for name, value in os.environ.items() if name != "RUST_BACKTRACE"}
    return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(port: int):
    deadline = time.monotonic() + 600
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            if time.monotonic() > deadline:
                sys.exit(f"nothing serves port {port}")
            time.sleep(0.2)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wasmtime", default=os.environ.get("WASMTIME", "wasmtime"))
    parser.add_argument("--rusm", default=ROOT / "target/release/rusm")
    parser.add_argument("--no-python", action="store_true")
    parser.add_argument("case", nargs="*")
    args = parser.parse_args()
    subprocess.run([args.rusm, "build", APP], check=True)
    python = not args.no_python
    if python:
        built = subprocess.run([APP / "python/build.sh"], check=True, stdout=subprocess.PIPE, text=True)
        args.python_wasm = built.stdout.strip()
    servers = Servers(args, python)
    try:
        picked = [case for case in cases(python) if not args.case or any(part in case.name for part in args.case)]
        unexplained = compare(picked, servers)
    finally:
        servers.stop()
    sys.exit(1 if unexplained else 0)


def compare(picked, servers: Servers) -> int:
    agree, unexplained = 0, 0
    for case in picked:
        component = case.target.removeprefix("http://other").split("/")[1]
        ours = run(case, servers.rusm).comparable(case)
        theirs = run(case, servers.wasmtime[component]).comparable(case)
        different = [key for key in ours if ours[key] != theirs[key]]
        if not different:
            agree += 1
            print(f"  agree    {case.name:40} {ours['status']}, {ours['end']}{', ' + ours['spread'] if case.timing else ''}")
            continue
        unexplained += not case.differs
        print(f"{'  differ  ' if case.differs else '! DIFFER  '} {case.name:40}{case.differs}")
        for key in different:
            print(f"             {key}: rusm      {ours[key]!r}\n             {' ' * len(key)}  wasmtime  {theirs[key]!r}")
    print(f"{len(picked)} cases: {agree} agree, {len(picked) - agree - unexplained} differ as explained, {unexplained} differ otherwise")
    return unexplained


main()
