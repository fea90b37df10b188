//! `examples/proxy`: a stock component of `wasi:http` between a client and another server.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc;
use std::thread;

use crate::apps;
use crate::client::{get, request};
use crate::server::{Serve, Server, eventually};

/// In front of `upstream`.
fn start(upstream: SocketAddr) -> Server {
    let manifest = std::fs::read_to_string(apps::proxy().join("rusm.toml")).unwrap();
    let manifest = manifest
        .replace("127.0.0.1:8084", "127.0.0.1:0")
        .replace("127.0.0.1:8080", &upstream.to_string());
    Serve::app(apps::proxy()).manifest(&manifest).start()
}

/// A server that says this once, and closes.
fn says(answer: &'static [u8]) -> SocketAddr {
    says_until(answer, || {})
}

/// A server that says this once, and closes when `wait` is over.
fn says_until(answer: &'static [u8], wait: impl FnOnce() + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let _ = socket.read(&mut [0; 4096]).unwrap();
        socket.write_all(answer).unwrap();
        wait();
    });
    addr
}

#[test]
fn method_path_headers_and_body_go_on_and_the_response_comes_back() {
    let upstream = Serve::hello().start();
    let server = start(upstream.addr());
    let mut client = server.connect();
    assert_eq!(client.get("/users/a%20b?c=d").text(), "user a b\n");

    let wrong = client.send(request("DELETE", "/", "", "")).response();
    assert_eq!(wrong.status, 405);
    assert_eq!(wrong.header("allow"), Some("GET, HEAD"));

    let fields = "X-A: 1\r\nX-A: 2\r\n";
    let seen = client
        .send(request("GET", "/headers", fields, ""))
        .response();
    let seen: serde_json::Value = serde_json::from_slice(&seen.body).unwrap();
    assert_eq!(seen["x-a"], "1, 2");
    assert_eq!(seen["host"], upstream.addr().to_string());

    let body = "0123456789".repeat(50_000);
    let fields = format!(
        "Content-Type: text/x-digits\r\nContent-Length: {}\r\n",
        body.len()
    );
    let echo = client
        .send(request("POST", "/echo", &fields, &body))
        .response();
    assert_eq!(echo.header("content-type"), Some("text/x-digits"));
    assert_eq!(echo.text(), body);

    let fields = "Transfer-Encoding: chunked\r\n";
    let chunks = "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let echo = client
        .send(request("POST", "/echo", fields, chunks))
        .response();
    assert_eq!(echo.text(), "abcde");
    assert!(server.log().is_empty(), "{}", server.log());
}

#[test]
fn a_response_comes_as_it_is_made_and_ends_where_the_client_leaves() {
    let upstream = Serve::chat().start();
    let server = start(upstream.addr());
    let mut client = server.connect();
    let head = client.send(get("/ticks/3")).head();
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    client.read_until("id: 1\n");
    client.read_until("id: 3\n");

    // It never ends by itself, so the head is there before the body is.
    let before = upstream.open_files();
    let mut client = server.connect();
    assert_eq!(client.send(get("/feed/one")).head().status, 200);
    drop(client);
    assert!(eventually(|| upstream.open_files() <= before));
}

#[test]
fn an_upstream_that_is_away_is_a_bad_gateway() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = closed.local_addr().unwrap();
    drop(closed);
    let server = start(addr);
    let mut client = server.connect();
    assert_eq!(client.get("/").status, 502);
    let is_logged = || server.log().contains("ConnectionRefused");
    assert!(eventually(is_logged), "{}", server.log());
    assert_eq!(client.get("/").status, 502, "the connection lives on");
}

#[test]
fn an_upstream_that_ends_amid_its_head_is_a_bad_gateway() {
    for cut_off in [
        &b""[..],
        b"HTTP/1.1 2",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n",
        b"220 ready\r\n",
    ] {
        let server = start(says(cut_off));
        let mut client = server.connect();
        let said = cut_off.escape_ascii();
        assert_eq!(client.get("/").status, 502, "{said}");
        let is_said = |line: &str| line.contains("WARN guest: 127.0.0.1:");
        let is_logged = || server.log().lines().any(is_said);
        assert!(eventually(is_logged), "{said}: {}", server.log());
        assert_eq!(client.get("/").status, 502, "the connection lives on");
    }
}

#[test]
fn an_upstream_that_ends_amid_its_body_ends_the_connection() {
    for (begun, framing, body) in [
        (
            &b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"[..],
            ("content-length", "10"),
            &b"abc"[..],
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            ("transfer-encoding", "chunked"),
            b"3\r\nabc\r\n",
        ),
    ] {
        let (cut, is_cut) = mpsc::channel::<()>();
        let server = start(says_until(begun, move || {
            let _ = is_cut.recv();
        }));
        let mut client = server.connect();
        let head = client.send(get("/")).head();
        assert_eq!(
            (head.status, head.header(framing.0)),
            (200, Some(framing.1))
        );
        drop(cut);
        let rest = client.rest().unwrap_or_default();
        assert_eq!(
            rest.escape_ascii().to_string(),
            body.escape_ascii().to_string()
        );
        let is_logged = || server.log().contains("amid its response");
        assert!(eventually(is_logged), "{}", server.log());
    }
}

#[test]
fn a_response_that_is_cut_off_is_not_taken_for_a_whole_one() {
    for cut_off in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"[..],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ] {
        let server = start(says(cut_off));
        let mut client = server.connect();
        let close = "Connection: close\r\n";
        let head = client.send(request("GET", "/", close, "")).head();
        let rest = client.rest().unwrap_or_default();
        // It depends on whether the head was on its way by then.
        let is_whole = match head.header("content-length") {
            Some(len) => len == rest.len().to_string(),
            None => rest.ends_with(b"0\r\n\r\n"),
        };
        let is_told = head.status >= 500 || !is_whole;
        assert!(is_told, "{head:?} {}", rest.escape_ascii());
    }
}
