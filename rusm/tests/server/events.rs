//! Streams of Server-Sent Events that a process holds, `#[rusm_rs::sse]`.

use crate::client::{Client, get, request};
use crate::server::{Serve, Server, eventually};

fn start() -> Server {
    Serve::actors(|manifest| manifest).start()
}

/// Someone who listens to a topic.
fn listen(server: &Server, topic: &str) -> Client {
    let mut client = server.connect();
    let head = client.send(get(&format!("/feed/{topic}"))).head();
    assert_eq!(head.status, 200);
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    assert_eq!(head.header("cache-control"), Some("no-cache"));
    assert_eq!(head.header("x-accel-buffering"), Some("no"));
    client
}

/// Says it to all who listen; how many these are.
fn publish(server: &Server, topic: &str, message: &str) -> String {
    let target = format!("/publish/feed%3A{topic}");
    let length = format!("Content-Length: {}\r\n", message.len());
    let asked = request("POST", &target, &length, message);
    let response = server.connect().send(asked).response();
    assert_eq!(response.status, 200, "{}", response.text());
    response.text()
}

#[test]
fn events_come_as_they_are_published_and_the_server_can_end_them() {
    let server = start();
    let mut one = listen(&server, "a");
    let mut two = listen(&server, "a");
    let mut other = listen(&server, "b");
    for client in [&mut one, &mut two, &mut other] {
        client.read_until("event: hello\n");
    }
    assert_eq!(publish(&server, "a", "first\nand its second line"), "2");
    for client in [&mut one, &mut two] {
        client.read_until("data: first\ndata: and its second line\n");
    }
    assert_eq!(publish(&server, "a", "bye"), "2");
    for client in [&mut one, &mut two] {
        client.read_until("\r\n0\r\n\r\n");
    }
    assert!(eventually(|| publish(&server, "a", "nobody") == "0"));
    assert_eq!(publish(&server, "b", "still"), "1");
    other.read_until("data: still\n");
}

#[test]
fn a_trap_cuts_its_stream_and_no_other() {
    let server = start();
    let mut one = listen(&server, "a");
    let mut other = listen(&server, "b");
    one.read_until("event: hello\n");
    publish(&server, "a", "trap");
    let rest = one.rest().unwrap_or_default();
    assert!(!rest.ends_with(b"0\r\n\r\n"), "the body is incomplete");
    assert!(eventually(|| server.log().contains("as it was told")));
    publish(&server, "b", "on");
    other.read_until("data: on\n");
}

#[test]
fn one_that_exits_with_a_reason_has_its_line() {
    let server = start();
    let mut client = listen(&server, "a");
    client.read_until("event: hello\n");
    publish(&server, "a", "exit");
    client.rest();
    let is_said =
        |line: &str| line.contains("component=\"feed\"") && line.contains(": had enough ");
    assert!(
        eventually(|| server.log().lines().any(is_said)),
        "{}",
        server.log()
    );
}

#[test]
fn a_client_that_leaves_is_left_and_its_process_told() {
    let server = start();
    let client = listen(&server, "a");
    assert_eq!(publish(&server, "a", "hi"), "1");
    drop(client);
    assert!(eventually(|| publish(&server, "a", "hi") == "0"));
    assert!(server.log().is_empty(), "{}", server.log());
}

#[test]
fn a_client_that_comes_again_says_what_it_saw() {
    let server = start();
    let mut client = server.connect();
    let asked = request("GET", "/feed/a", "Last-Event-ID: 41\r\n", "");
    assert_eq!(client.send(asked).head().status, 200);
    client.read_until("data: hello after 41\n");
}

#[test]
fn silence_is_broken_by_comments() {
    let server = Serve::actors(|manifest| {
        manifest.replace(
            "listen = \"127.0.0.1:0\"",
            "listen = \"127.0.0.1:0\"\nping-interval-ms = 100",
        )
    })
    .start();
    let mut client = listen(&server, "a");
    client.read_until("event: hello\n");
    for _ in 0..3 {
        client.read_until("\n: \n");
    }
}

#[test]
fn one_that_does_not_read_is_let_go_after_a_while_and_takes_little_until_then() {
    let server = Serve::actors(|manifest| {
        manifest.replace(
            "listen = \"127.0.0.1:0\"",
            "listen = \"127.0.0.1:0\"\nwrite-timeout-ms = 1500",
        )
    })
    .start();
    let mut deaf = Client::with_a_small_buffer(server.addr());
    assert_eq!(deaf.send(get("/feed/a")).head().status, 200);
    let mut other = listen(&server, "b");
    let before = server.resident();
    let long = "x".repeat(60_000);
    // Far more than the sockets take.
    for _ in 0..400 {
        publish(&server, "a", &long);
    }
    assert_eq!(publish(&server, "b", "meanwhile"), "1");
    other.read_until("data: meanwhile\n");
    let grown = server.resident().saturating_sub(before);
    assert!(grown < 64 << 20, "{} MiB", grown >> 20);
    assert!(eventually(|| publish(&server, "a", "x") == "0"));
}
