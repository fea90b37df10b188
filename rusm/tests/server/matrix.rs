//! Other people's clients, straight and through nginx: a row for each client on each way, a column
//! for each kind of exchange and its size. A process for each client does its rows
//! (`clients/matrix`), and they run side by side. `make test` installs them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Output};
use std::thread;

use crate::apps;
use crate::nginx::{self, Nginx};
use crate::server::{Serve, Server, eventually};
use crate::websocket::Socket;

/// A body or message of this size is sent, and compared with what comes back.
const SIZES: &[usize] = &[1, 28 << 10, 64 << 10, 1 << 20];

/// The kinds of exchanges, and of which sizes each is done.
const KINDS: &[(&str, &[usize])] = &[
    // A POST on a connection of its own, and on one that has others.
    ("fresh", SIZES),
    ("kept", SIZES),
    // The first message of a WebSocket, which is binary, and a later one, which is text.
    ("first", SIZES),
    ("later", SIZES),
    // What else this client can do.
    ("talk", &[0]),
    // An event of a stream that goes on.
    ("events", &[0]),
    // An upload that is far too large: the client learns that it is a 413.
    ("refused", &[16_000_000]),
];

struct Client {
    name: &'static str,
    command: &'static [&'static str],
    kinds: &'static [&'static str],
}

#[rustfmt::skip]
const CLIENTS: &[Client] = &[
    client("curl", &["bash", "curl.sh"], HTTP),
    client("http.client", &[PYTHON, "http_client.py"], HTTP),
    client("httpx", &[PYTHON, "httpx_client.py"], HTTP),
    client("aiohttp", &[PYTHON, "aiohttp_client.py"], BOTH),
    client("websockets", &[PYTHON, "websockets_client.py"], &["first", "later", "talk"]),
    client("websockets.sync", &[PYTHON, "websockets_sync.py"], &["first", "later"]),
    client("node:fetch", &["node", "fetch.mjs"], HTTP),
    client("node:http", &["node", "http.mjs"], &["fresh", "kept", "refused"]),
    client("undici", &["node", "undici.mjs"], &["fresh", "kept", "first", "later", "events", "refused"]),
    client("ws", &["node", "ws.mjs"], &["first", "later", "talk"]),
    // It is done before an optimizing compiler would be worth its time.
    client("java", &["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "Row.java"], BOTH),
    client("chromium", &[PYTHON, "chromium.py"], &["kept", "first", "later", "events", "refused"]),
];

const HTTP: &[&str] = &["fresh", "kept", "talk", "events", "refused"];
const BOTH: &[&str] = &[
    "fresh", "kept", "first", "later", "talk", "events", "refused",
];
const WAYS: [&str; 2] = ["direct", "nginx"];
/// From the directory of the scripts.
const PYTHON: &str = "../../../../../target/test-venv/bin/python";

const fn client(
    name: &'static str,
    command: &'static [&'static str],
    kinds: &'static [&'static str],
) -> Client {
    Client {
        name,
        command,
        kinds,
    }
}

/// The client, the way, the kind and the size.
type Cell = (String, String, String, usize);

#[test]
fn every_client_gets_back_what_it_sent() {
    let server = start();
    // The 413 is the server's own.
    let any_size = nginx::guide().replace("client_max_body_size 1m", "client_max_body_size 0");
    let nginx = Nginx::start(&server, &any_size);
    let ports = [server.addr(), nginx.addrs[0]].map(|addr| addr.port());
    let ways: Vec<_> = WAYS.iter().zip(ports).collect();
    let ways = ways.iter().map(|(way, port)| format!("{way}={port}"));
    let ways: Vec<_> = ways.collect();
    let outputs: Vec<_> = thread::scope(|scope| {
        let rows = CLIENTS
            .iter()
            .map(|client| scope.spawn(|| client.run(&ways)));
        let rows: Vec<_> = rows.collect();
        rows.into_iter().map(|row| row.join().unwrap()).collect()
    });

    let mut came = BTreeMap::new();
    let mut wrong = String::new();
    for (client, output) in CLIENTS.iter().zip(outputs) {
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let (cell, outcome) = client.cell(line);
            came.insert(cell, outcome);
        }
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            writeln!(wrong, "{}: {}: {said}", client.name, output.status).unwrap();
        }
    }
    for cell in CLIENTS.iter().flat_map(Client::cells) {
        let outcome = came.get(&cell).map_or("it is missing", String::as_str);
        if outcome != "ok" {
            writeln!(wrong, "{cell:?}: {outcome}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{}\n{wrong}", table(&came));
    connections_are_kept(&server);
    // What the scripts provoke, and nothing else.
    let log = server.log();
    let is_provoked = |line: &str| line.contains("component=\"hello\"") || line.contains("/boom");
    assert!(log.lines().all(is_provoked), "{log}");
}

/// The handlers of one example and the processes of another, and one who has spoken in the room of
/// the matrix.
fn start() -> Server {
    let server = Serve::app(apps::matrix()).start();
    let mut member = Socket::open(&server, "/rooms/matrix?name=ada");
    assert!(
        member
            .ask("hello from the matrix")
            .contains("hello from the matrix")
    );
    server
}

impl Client {
    fn run(&self, ways: &[String]) -> Output {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/server/clients/matrix");
        Command::new("timeout")
            .arg("120")
            .args(self.command)
            .arg(self.name)
            .args(ways)
            // The repository is left as it is.
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .current_dir(scripts)
            .output()
            .unwrap()
    }

    /// A cell and its outcome, as the scripts print them.
    fn cell(&self, line: &str) -> (Cell, String) {
        let mut words = line.splitn(4, ' ').map(|word| word.trim_end().to_owned());
        let mut word = || words.next().unwrap_or_default();
        let (way, kind, size) = (word(), word(), word().parse().unwrap_or_default());
        ((self.name.to_owned(), way, kind, size), word())
    }

    /// The cells that there must be.
    fn cells(&self) -> impl Iterator<Item = Cell> {
        let kinds = KINDS.iter().filter(|(kind, _)| self.kinds.contains(kind));
        let columns = kinds.flat_map(|(kind, sizes)| sizes.iter().map(move |size| (kind, *size)));
        columns.flat_map(|(kind, size)| {
            WAYS.map(|way| {
                (
                    self.name.to_owned(),
                    way.to_owned(),
                    (*kind).to_owned(),
                    size,
                )
            })
        })
    }
}

/// What came, for people: `ok`, `BAD`, or nothing where this client has no such cell.
fn table(came: &BTreeMap<Cell, String>) -> String {
    let mut table = format!("{:24}", "");
    for (kind, sizes) in KINDS {
        write!(table, " {kind:<width$}", width = 4 * sizes.len().max(2)).unwrap();
    }
    for client in CLIENTS {
        for way in WAYS {
            write!(table, "\n{:24}", format!("{}, {way}", client.name)).unwrap();
            for (kind, sizes) in KINDS {
                let mut cells = String::new();
                for size in *sizes {
                    let cell = (
                        client.name.to_owned(),
                        way.to_owned(),
                        (*kind).to_owned(),
                        *size,
                    );
                    let outcome = match came.get(&cell).map(String::as_str) {
                        Some("ok") => "ok",
                        Some(_) => "BAD",
                        None => "",
                    };
                    write!(cells, "{outcome:4}").unwrap();
                }
                write!(table, " {cells:<width$}", width = 4 * sizes.len().max(2)).unwrap();
            }
        }
    }
    table
}

/// By the access log, "fresh" was a connection for each request, and "kept" was not. nginx has its
/// own connections, which all clients share.
#[track_caller]
fn connections_are_kept(server: &Server) {
    let kinds = CLIENTS.iter().flat_map(|client| client.kinds);
    let count = kinds
        .filter(|kind| ["fresh", "kept"].contains(kind))
        .count()
        * SIZES.len();
    let mut connections = BTreeMap::<_, BTreeSet<_>>::new();
    let mut lines = 0;
    let all_came = eventually(|| {
        for line in server.printed() {
            let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
            let [_, peer, _, target, ..] = &words[..] else {
                panic!("{line}");
            };
            let kind = target.rsplit_once("-direct-").map(|(_, kind)| kind);
            if matches!(kind, Some("fresh" | "kept")) {
                connections
                    .entry(target.clone())
                    .or_default()
                    .insert(peer.clone());
                lines += 1;
            }
        }
        lines >= count
    });
    assert!(all_came, "{lines} lines of {count}");
    for (target, peers) in connections {
        let opened = peers.len();
        let is_fresh = target.ends_with("fresh");
        assert_eq!(
            opened == SIZES.len(),
            is_fresh,
            "{target}: {opened} connections"
        );
    }
}
