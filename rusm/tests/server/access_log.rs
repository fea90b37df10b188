//! `[log] access = true`: a line on standard output for each exchange that has ended.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;

use crate::client::{Client, exchange, get, request};
use crate::server::{Serve, Server, eventually};

const JSON: &str = "[log]\naccess = true\nformat = 'json'\n";

/// The lines so far, once there are `count`.
fn lines(server: &Server, count: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let there = eventually(|| {
        lines.extend(server.printed());
        lines.len() >= count
    });
    assert!(there, "{lines:?}\n{}", server.log());
    assert_eq!(lines.len(), count, "{lines:?}");
    lines
}

fn json(server: &Server, count: usize) -> Vec<serde_json::Value> {
    let lines = lines(server, count);
    let parsed = lines.iter().map(|line| serde_json::from_str(line));
    parsed.collect::<Result<_, _>>().expect("JSON")
}

/// Manifests have their top-level tables first.
fn before(table: &str, manifest: String) -> String {
    format!("{table}\n{manifest}")
}

fn hello_manifest() -> String {
    let manifest = std::fs::read_to_string(crate::apps::hello().join("rusm.toml"));
    manifest.unwrap().replace("127.0.0.1:8080", "127.0.0.1:0")
}

fn hello(table: &str) -> Server {
    Serve::app(crate::apps::hello())
        .manifest(&before(table, hello_manifest()))
        .start()
}

#[test]
fn text() {
    let server = hello("[log]\naccess = true\n");
    let mut client = server.connect();
    client.get("/users/42?a=%22b");
    client.get("/nowhere");
    let lines = lines(&server, 2);
    // Time, client, request line, status, bytes, duration, who answered.
    let (time, rest) = lines[0].split_once(' ').unwrap();
    assert!(time.ends_with('Z') && time.contains('T'), "{time}");
    let (peer, rest) = rest.split_once(' ').unwrap();
    assert!(peer.starts_with("127.0.0.1:"), "{peer}");
    let (line, rest) = rest.split_at("\"GET /users/42?a=%22b HTTP/1.1\"".len());
    assert_eq!(line, "\"GET /users/42?a=%22b HTTP/1.1\"");
    let fields: Vec<&str> = rest.split_whitespace().collect();
    assert_eq!(fields[..2], ["200", "8"]);
    assert!(
        fields[2]
            .strip_suffix("ms")
            .unwrap()
            .parse::<f64>()
            .unwrap()
            > 0.0
    );
    assert_eq!(fields[3], "hello#user");
    assert_eq!(fields[4].len(), 32, "the id of the request: {fields:?}");
    assert!(
        lines[1].contains("\"GET /nowhere HTTP/1.1\" 404 "),
        "{lines:?}"
    );
    assert!(lines[1].contains("ms - "), "{lines:?}");
}

#[test]
fn json_of_all_kinds_of_responses() {
    let server = hello(JSON);
    for (method, target) in [
        ("GET", "/users/7?x=1"),
        ("HEAD", "/"),
        ("GET", "/boom"),
        ("PATCH", "/"),
    ] {
        let mut client = server.connect();
        client.send(request(method, target, "Connection: close\r\n", ""));
        client.head();
        client.rest();
    }
    exchange(server.addr(), "GET / HTTP/1.1\r\n\r\n");
    let seen = json(&server, 5);
    let of = |place: usize, key: &str| seen[place][key].clone();
    for (place, method, path, status, bytes, action) in [
        (0, "GET", "/users/7", 200, 7, Some("hello#user")),
        (1, "HEAD", "/", 200, 0, Some("hello#index")),
        (2, "GET", "/boom", 500, 22, Some("hello#boom")),
        (3, "PATCH", "/", 405, 19, None),
    ] {
        assert_eq!(of(place, "method"), method);
        assert_eq!(of(place, "path"), path);
        assert_eq!(of(place, "status"), status, "{method} {path}");
        assert_eq!(of(place, "bytes"), bytes, "{method} {path}");
        assert_eq!(of(place, "action"), serde_json::json!(action), "{path}");
        assert_eq!(of(place, "protocol"), "HTTP/1.1");
    }
    assert_eq!(of(0, "query"), "x=1");
    assert_eq!(of(1, "query"), serde_json::Value::Null);
    // Refused: it has no Host.
    assert_eq!((of(4, "status"), of(4, "path")), (400.into(), "/".into()));
    assert_eq!(of(4, "action"), "hello#index");

    // What is no request at all.
    exchange(server.addr(), b"\x16\x03\x01\x02\0\x01\n\r\n\r\n");
    let seen = &json(&server, 1)[0];
    assert_eq!(seen["status"], 400);
    assert_eq!(seen["method"], serde_json::Value::Null);
}

#[test]
fn a_client_that_left_before_it_had_an_answer() {
    let manifest = std::fs::read_to_string(crate::apps::stock().join("rusm.toml")).unwrap();
    let manifest = before(JSON, manifest);
    let server = Serve::app(crate::apps::stock()).manifest(&manifest).start();
    let mut client = server.connect();
    client.send(get("/faults/late/600000"));
    server.has_read(&client);
    drop(client);
    let seen = &json(&server, 1)[0];
    assert_eq!(seen["status"], 499);
    assert_eq!(seen["action"], "faults");

    // Some of a body that has no end was sent.
    let mut client = server.connect();
    assert_eq!(
        client.send(get("/bodies/slow/1000000/20")).head().status,
        200
    );
    client.read_until("piece 3\n");
    drop(client);
    let seen = &json(&server, 1)[0];
    assert_eq!(seen["status"], 200);
    assert!(seen["bytes"].as_u64() >= Some(32), "{seen}");
}

#[test]
fn two_requests_of_one_connection_are_two_lines() {
    let server = hello(JSON);
    let pipelined = request("GET", "/", "", "") + &request("GET", "/users/1", "", "");
    let mut client = server.connect();
    client.send(pipelined);
    assert_eq!(client.response().status, 200);
    assert_eq!(client.response().status, 200);
    let seen = json(&server, 2);
    assert_eq!(seen[0]["action"], "hello#index");
    assert_eq!(seen[0]["bytes"], 16);
    assert_eq!(seen[1]["action"], "hello#user");
    assert_eq!(seen[0]["client"], seen[1]["client"]);
}

#[test]
fn a_stream_and_a_websocket_when_they_end() {
    let manifest = std::fs::read_to_string(crate::apps::chat().join("rusm.toml")).unwrap();
    let manifest = before(JSON, manifest.replace("127.0.0.1:8082", "127.0.0.1:0"));
    let server = Serve::app(crate::apps::chat()).manifest(&manifest).start();
    let mut client = Client::connect(server.addr());
    assert_eq!(client.get("/ticks/3").status, 200);
    let seen = json(&server, 1);
    assert_eq!(seen[0]["action"], "pages#ticks");
    assert!(seen[0]["bytes"].as_u64() > Some(40), "{seen:?}");

    let mut socket = TcpStream::connect(server.addr()).unwrap();
    socket
        .write_all(
            b"GET /echo HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
              Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )
        .unwrap();
    let mut head = [0; 1024];
    let read = socket.read(&mut head).unwrap();
    assert!(head[..read].starts_with(b"HTTP/1.1 101 "));
    // A text of two bytes, masked with zeros.
    socket.write_all(b"\x81\x82\0\0\0\0hi").unwrap();
    let read = socket.read(&mut head).unwrap();
    assert_eq!(&head[..read], b"\x81\x02hi");
    let handshake = &json(&server, 1)[0];
    assert_eq!(handshake["status"], 101);
    assert_eq!(handshake["protocol"], "HTTP/1.1");
    assert_eq!(handshake["bytes"], 0);
    std::thread::sleep(std::time::Duration::from_millis(100));
    drop(socket);
    let end = &json(&server, 1)[0];
    assert_eq!(end["status"], 101);
    assert_eq!(end["protocol"], "websocket");
    assert_eq!(end["action"], "echo");
    assert_eq!(end["bytes"], 4);
    assert!(end["duration_ms"].as_f64() >= Some(100.0), "{end}");
}

#[test]
fn nobody_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let manifest = dir.path().join("rusm.toml");
    std::fs::write(&manifest, before(JSON, hello_manifest())).unwrap();
    let mut command = crate::apps::rusm();
    command
        .arg("serve")
        .arg(crate::apps::hello())
        .arg("--config");
    command.arg(&manifest).args(["--no-build", "--cores", "1"]);
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut server = command.spawn().unwrap();
    let mut banner = BufReader::new(server.stdout.take().unwrap()).lines();
    let addr = loop {
        let line = banner.next().unwrap().unwrap();
        let banner: serde_json::Value = serde_json::from_str(&line).unwrap();
        if let Some(url) = banner["listeners"][0]["url"].as_str() {
            break url.strip_prefix("http://").unwrap().parse().unwrap();
        }
    };
    // More than the pipe and the queue hold. Every request is answered.
    let mut client = Client::connect(addr);
    let many = request("GET", "/", "", "").repeat(100);
    for _ in 0..250 {
        client.send(&many);
        for _ in 0..100 {
            assert_eq!(client.response().status, 200);
        }
    }
    let pid = libc::pid_t::try_from(server.id()).unwrap();
    // SAFETY: it takes no memory; the child wasn't waited for, so the id is its own.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGTERM) }, 0);
    assert_eq!(server.wait().unwrap().code(), Some(0));
    let mut log = String::new();
    server
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut log)
        .unwrap();
    assert!(
        log.contains("lines of the access log were left out"),
        "{log}"
    );
}

#[test]
fn there_is_none_unless_it_is_asked_for() {
    let server = hello("");
    let mut client = server.connect();
    client.get("/");
    client.get("/");
    assert!(server.printed().is_empty());
}
