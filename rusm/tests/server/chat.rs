//! `examples/chat`: WebSockets, Server-Sent Events and streamed bodies, over real sockets.

use crate::client::{get, request};
use crate::server::{Serve, Server, eventually};
use crate::{apps, clients};

fn start() -> Server {
    Serve::chat().start()
}

/// It speaks the subprotocol `chat`.
fn with_subprotocols() -> Server {
    with_keys("subprotocols = [\"chat\"]")
}

fn with_keys(keys: &str) -> Server {
    let manifest = std::fs::read_to_string(apps::chat().join("rusm.toml")).unwrap();
    let manifest = manifest.replace(
        "listen = \"127.0.0.1:8082\"",
        &format!("listen = \"127.0.0.1:0\"\n{keys}"),
    );
    Serve::app(apps::chat()).manifest(&manifest).start()
}

/// The body of a response in chunks, put together.
fn body(server: &Server, target: &str) -> (u16, String, String) {
    let mut client = server.connect();
    let close = "Connection: close\r\n";
    let head = client.send(request("GET", target, close, "")).head();
    let content_type = head.header("content-type").unwrap_or_default().to_owned();
    let rest = client.rest().expect("it was closed, not reset");
    let rest = String::from_utf8(rest).unwrap();
    if head.header("transfer-encoding") != Some("chunked") {
        return (head.status, content_type, rest);
    }
    let mut text = String::new();
    let mut rest = rest.as_str();
    loop {
        let (size, chunk) = rest.split_once("\r\n").unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return (head.status, content_type, text);
        }
        text += &chunk[..size];
        rest = &chunk[size + 2..];
    }
}

#[test]
fn events_are_numbered_and_end() {
    let (status, content_type, text) = body(&start(), "/ticks/3");
    assert_eq!(status, 200);
    assert!(
        content_type.starts_with("text/event-stream"),
        "{content_type}"
    );
    let ids: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("id:"))
        .collect();
    assert_eq!(ids.len(), 3, "{text}");
    assert_eq!(text.matches("data:").count(), 3, "{text}");
}

#[test]
fn a_client_that_leaves_ends_the_process_that_served_it() {
    let server = start();
    let before = server.files_at_rest();
    let mut listening = server.connect();
    let head = listening.send(get("/feed/one")).head();
    assert_eq!(head.status, 200);
    drop(listening);
    assert!(eventually(|| server.open_files() <= before));
    assert!(server.log().is_empty(), "{}", server.log());
}

#[test]
fn python_websockets() {
    let server = with_subprotocols();
    clients::python("websockets_client.py", &server, &[]);
    assert!(eventually(|| body(&server, "/members/one").2 == "[]"));
    let (_, _, history) = body(&server, "/history/one");
    assert!(history.contains("hello"), "{history}");
}

#[test]
fn python_aiohttp() {
    let server = with_subprotocols();
    clients::python("aiohttp_client.py", &server, &[]);
}

#[test]
fn node_ws() {
    clients::node("ws.mjs", &with_subprotocols());
}

#[test]
fn undici_eventsource() {
    clients::node("eventsource.mjs", &start());
}

#[test]
fn what_is_no_websocket_is_told_how_to_become_one() {
    let server = start();
    let response = server.connect().get("/echo");
    assert_eq!(response.status, 426);
    assert_eq!(response.header("upgrade"), Some("websocket"));
    let key = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
               Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let mut client = server.connect();
    let head = client.send(request("GET", "/echo", key, "")).head();
    assert_eq!(head.status, 101);
    assert_eq!(
        head.header("sec-websocket-accept"),
        Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        "the example of RFC 6455"
    );
}

#[test]
fn a_websocket_of_a_foreign_origin_is_refused_and_a_subprotocol_agreed_on() {
    let server =
        with_keys("allowed-origins = [\"https://example.com\"]\nsubprotocols = [\"chat\"]");
    let key = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
               Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let ask = |more: &str| {
        let mut client = server.connect();
        let headers = format!("{key}{more}\r\n");
        client.send(request("GET", "/echo", &headers, "")).head()
    };
    assert_eq!(ask("Origin: https://evil.example").status, 403);
    let agreed = ask("Origin: https://example.com\r\nSec-WebSocket-Protocol: x, chat");
    assert_eq!(agreed.status, 101);
    assert_eq!(agreed.header("sec-websocket-protocol"), Some("chat"));
}
