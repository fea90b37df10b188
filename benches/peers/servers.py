"""The servers that are compared: how each is installed, started, and asked."""

import dataclasses
import os
import pathlib
import re
import shutil
import subprocess

REPO = pathlib.Path(__file__).resolve().parents[2]
HERE = REPO / "benches/peers"
PEERS = REPO / "target/peers"
RUSM = REPO / "target/release/rusm"
STOCK = REPO / "rusm/tests/apps/stock/wasm/hello.wasm"
SERVER_CORE = 0
GREETING = "Hello"


@dataclasses.dataclass(frozen=True)
class Server:
    """One of those that are compared."""

    name: str
    command: list
    # `http`, `ws` and `sse` where it has them.
    urls: dict
    directory: pathlib.Path = REPO

    def start(self, log):
        """The running server, pinned to its core. It may not be ready."""
        environment = {name: value for name, value in os.environ.items() if name != "RUST_BACKTRACE"}
        command = ["taskset", "-c", str(SERVER_CORE), *map(str, self.command)]
        return subprocess.Popen(command, cwd=self.directory, env=environment, stdout=log, stderr=log)


def all_servers(directory):
    """RUSM first. `directory` is for files that live as long as the run."""
    wasmtime = [PEERS / "bin/wasmtime", "serve", "--max-instance-reuse-count", "1", "-S", "cli"]
    nginx = directory / "nginx.conf"
    nginx.write_text(NGINX.format(directory=directory, port=9341))
    rusm = [RUSM, "serve", "--no-build", "--cores", f"{SERVER_CORE}-{SERVER_CORE}"]
    return [
        Server(
            "RUSM",
            [*rusm, HERE / "apps/rusm"],
            {"http": at(9301), "ws": "ws://127.0.0.1:9301/echo", "sse": at(9301) + "ticks"},
        ),
        Server(
            "RUSM, stock component",
            [*rusm, "--listen", "127.0.0.1:9302", REPO / "rusm/tests/apps/stock"],
            {"http": at(9302) + "hello"},
        ),
        Server(
            "RUSM 0.7",
            [PEERS / "bin/rusm", "serve"],
            {"http": at(9311), "ws": "ws://127.0.0.1:9312/", "sse": at(9313)},
            HERE / "apps/rusm-0.7",
        ),
        Server("wasmtime serve", [*wasmtime, "--addr", "127.0.0.1:9321", STOCK], {"http": at(9321) + "hello"}),
        Server(
            "wasmtime serve, tuned",
            [*wasmtime, "--addr", "127.0.0.1:9322", *TUNED, STOCK],
            {"http": at(9322) + "hello"},
        ),
        Server("hyper, a constant", [PEERS / "bin/hello-hyper", "127.0.0.1:9331"], {"http": at(9331)}),
        Server("nginx, a constant", ["nginx", "-e", directory / "error.log", "-c", nginx], {"http": at(9341)}),
        Server("monoio, a constant", [PEERS / "bin/hello-monoio", "127.0.0.1:9351"], {"http": at(9351)}),
        Server("monoio, an echo", [PEERS / "bin/echo-monoio", "127.0.0.1:9352"], {"ws": "ws://127.0.0.1:9352/"}),
    ]


def set_up():
    """Installs the peers from their registries, and builds the guests that each serves."""
    for package, version, binary in [("rusm-cli", "0.7.0", "rusm"), ("wasmtime-cli", wasmtime_version(), "wasmtime")]:
        said = output([PEERS / "bin" / binary, "--version"]) if (PEERS / "bin" / binary).exists() else ""
        if version not in said:
            run(["cargo", "install", "--locked", "--root", PEERS, package, "--version", version])
    # `--path` would compile anew for each install.
    run(["cargo", "build", "--release", "--locked", "--manifest-path", HERE / "limits/Cargo.toml", "--target-dir", PEERS / "limits"])
    for binary in ["echo-monoio", "hello-hyper", "hello-monoio"]:
        shutil.copy2(PEERS / "limits/release" / binary, PEERS / "bin" / binary)
    if not shutil.which("nginx"):
        run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "nginx-light"])
    for app in [HERE / "apps/rusm", HERE / "apps/rusm-0.7", REPO / "rusm/tests/apps/stock"]:
        run([RUSM, "build", app])


def versions():
    """What the run compared, for the table's head."""
    rows = [
        output([RUSM, "--version"]),
        output([PEERS / "bin/rusm", "--version"]),
        output([PEERS / "bin/wasmtime", "--version"]),
        subprocess.run(["nginx", "-v"], capture_output=True, text=True).stderr.strip(),
    ]
    return "; ".join(rows)


def wasmtime_version():
    """The version that RUSM is built with."""
    lock = (REPO / "Cargo.lock").read_text()
    return re.search(r'name = "wasmtime"\nversion = "(.+)"', lock)[1]


def at(port):
    return f"http://127.0.0.1:{port}/"


def run(command):
    subprocess.run(list(map(str, command)), check=True, cwd=REPO)


def output(command):
    return subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout.strip()


# The flags that wasmtime's documentation and its own benches name for throughput.
TUNED = [
    *("-O", "pooling-allocator=y"),
    *("-O", "pooling-memory-keep-resident=1048576"),
    *("-O", "pooling-table-keep-resident=65536"),
    *("-O", "pooling-async-stack-keep-resident=65536"),
    *("-O", "pooling-max-memory-size=67108864"),
    *("-O", "pooling-total-core-instances=1000"),
    *("-O", "pooling-total-memories=1000"),
    *("-O", "pooling-total-tables=1000"),
    *("-O", "pooling-pagemap-scan=auto"),
]

NGINX = """
daemon off;
master_process off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    server {{
        listen 127.0.0.1:{port};
        default_type text/plain;
        return 200 "Hello from RUSM\\n";
    }}
}}
"""
