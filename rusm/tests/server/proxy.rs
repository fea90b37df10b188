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
    for truncated in [
        &b""[..],
        b"HTTP/1.1 2",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n",
        b"220 ready\r\n",
    ] {
        let server = start(says(truncated));
        let mut client = server.connect();
        let said = truncated.escape_ascii();
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
        // The guest says so, unless its client's end is its own before it has: then the host does.
        let lines = ["amid its response", "amid the body of a response"];
        let is_logged = || lines.iter().any(|line| server.log().contains(line));
        assert!(eventually(is_logged), "{}", server.log());
    }
}

#[test]
fn a_response_that_is_cut_off_is_not_taken_for_a_whole_one() {
    for truncated in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"[..],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ] {
        let server = start(says(truncated));
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

/// A server that says this once, and what it heard until `end`.
fn hears(answer: impl Into<Vec<u8>>, end: &'static [u8]) -> (SocketAddr, mpsc::Receiver<String>) {
    let (listener, answer) = (TcpListener::bind("127.0.0.1:0").unwrap(), answer.into());
    let addr = listener.local_addr().unwrap();
    let (heard, hears) = mpsc::channel();
    thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut input = Vec::new();
        while !input.ends_with(end) {
            let mut piece = [0; 4096];
            let count = socket.read(&mut piece).unwrap();
            input.extend_from_slice(&piece[..count]);
            if count == 0 {
                break;
            }
        }
        socket.write_all(&answer).unwrap();
        heard
            .send(String::from_utf8(input).unwrap().to_ascii_lowercase())
            .unwrap();
    });
    (addr, hears)
}

const NOTHING: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";

#[test]
fn the_length_of_a_body_is_said_also_if_there_is_none() {
    for (method, is_said) in [
        ("POST", true),
        ("PUT", true),
        ("PATCH", true),
        ("GET", false),
        ("DELETE", false),
    ] {
        let (addr, heard) = hears(NOTHING, b"\r\n\r\n");
        let server = start(addr);
        let response = server.connect().send(request(method, "/", "", "")).head();
        assert_eq!(response.status, 204, "{method}");
        let heard = heard.recv().unwrap();
        assert_eq!(
            heard.contains("\r\ncontent-length: 0\r\n"),
            is_said,
            "{heard}"
        );
        assert!(!heard.contains("transfer-encoding"), "{heard}");
    }
}

#[test]
fn a_body_of_get_goes_on() {
    let (addr, heard) = hears(NOTHING, b"0\r\n\r\n");
    let server = start(addr);
    let chunks = "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let asked = request("GET", "/", "Transfer-Encoding: chunked\r\n", chunks);
    assert_eq!(server.connect().send(asked).head().status, 204);
    let heard = heard.recv().unwrap();
    assert!(
        heard.contains("\r\ntransfer-encoding: chunked\r\n"),
        "{heard}"
    );
    assert!(heard.contains("abc") && heard.contains("de"), "{heard}");
}

#[test]
fn what_a_connection_nominates_does_not_go_on() {
    let answer = "HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nX-End: 2\r\n\
                  Content-Length: 2\r\n\r\nok";
    let (addr, heard) = hears(answer, b"\r\n\r\n");
    let server = start(addr);
    let asked = request(
        "GET",
        "/",
        "Connection: X-Mine\r\nX-Mine: 1\r\nX-Yours: 2\r\n",
        "",
    );
    let response = server.connect().send(asked).response();
    assert_eq!(response.text(), "ok");
    assert_eq!(
        (response.header("x-hop"), response.header("x-end")),
        (None, Some("2"))
    );
    let heard = heard.recv().unwrap();
    assert!(
        heard.contains("x-yours: 2") && !heard.contains("x-mine"),
        "{heard}"
    );
}

#[test]
fn a_response_may_have_many_fields_and_too_many_are_named() {
    let answer = |fields: usize| {
        let fields = "a: b\r\n".repeat(fields);
        format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 2\r\n\r\nok")
    };
    let (addr, _heard) = hears(answer(500), b"\r\n\r\n");
    let server = start(addr);
    let response = server.connect().get("/");
    assert_eq!((response.status, response.values("a").count()), (200, 500));
    let (addr, _heard) = hears(answer(1500), b"\r\n\r\n");
    let server = start(addr);
    assert_eq!(server.connect().get("/").status, 502);
    let is_logged = || server.log().contains("HttpResponseHeaderSectionSize");
    assert!(eventually(is_logged), "{}", server.log());
}
