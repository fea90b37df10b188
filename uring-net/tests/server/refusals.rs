//! Requests that are refused before they are read: the client learns why.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use rusm_uring_net::http1::{HeadLimits, HeaderLines};
use rusm_uring_net::{Driver, ErrorResponse};

use crate::harness::{Answering, Bounds, Client, SOON, Server, get, settings};
use crate::peers::ok;
use crate::sinks::{echo, streaming};

fn each_driver(test: impl Fn(Driver)) {
    test(Driver::Uring);
    test(Driver::Epoll);
}

/// Answers every request with its own body.
fn echoing(driver: Driver) -> Server {
    Server::on(driver, settings(), || {
        |request| Ok(ok(request.body.to_vec()))
    })
}

/// Heads that are refused, and their statuses.
fn refused_heads(method: &str) -> Vec<(String, u16)> {
    let head = |target: &str, headers: &str| {
        format!("{method} {target} HTTP/1.1\r\nHost: h\r\nContent-Length: 4194304\r\n{headers}\r\n")
    };
    let limits = HeadLimits::default();
    vec![
        (head("/", ""), 413),
        (head("/", "Content-Length: 5\r\n"), 400),
        (head("/", "Expect: 200-ok\r\n"), 417),
        (head("/", &"a: b\r\n".repeat(limits.headers)), 431),
        (
            head("/", &format!("a: {}\r\n", "b".repeat(limits.header_bytes))),
            431,
        ),
        (
            head(&format!("/{}", "p".repeat(limits.request_line)), ""),
            414,
        ),
    ]
}

#[test]
fn a_client_that_sends_all_of_its_body_before_it_reads_learns_why_it_is_refused() {
    each_driver(|driver| {
        let server = echoing(driver);
        for (head, status) in refused_heads("POST") {
            let mut client = Client::connect(&server);
            client.send(head);
            client.send(vec![b'x'; 4 << 20]);
            let head = client.head();
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
            assert!(head.contains("connection: close\r\n"), "{head}");
            client.rest();
        }
        // Found only when much of it has come.
        let mut client = Client::connect(&server);
        client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
        for _ in 0..64 {
            client.send("10000\r\n");
            client.send(vec![b'x'; 1 << 16]);
            client.send("\r\n");
        }
        assert!(client.head().starts_with("HTTP/1.1 413 "));
        client.rest();
    });
}

#[test]
fn a_client_learns_why_a_streamed_body_is_refused() {
    each_driver(|driver| {
        let server = streaming(driver, settings(), || {
            |request| match request.head.path {
                "/refused" => Err(ErrorResponse::new(rusm_uring_net::http1::Status::FORBIDDEN)),
                _ => Ok(echo(std::sync::mpsc::channel().0)),
            }
        });
        for (path, status) in [("/", 413), ("/refused", 403)] {
            let mut client = Client::connect(&server);
            let len = if status == 413 { 4 << 20 } else { 1 << 20 };
            client.send(format!(
                "POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {len}\r\n\r\n"
            ));
            client.send(vec![b'x'; 4 << 20]);
            let head = client.head();
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
            client.rest();
        }
    });
}

#[test]
fn a_violation_of_a_websocket_is_named_though_much_is_still_sent() {
    // The same as `conversations` has it for 300 kB, but for more than any bound of bytes.
    let server = Server::start(settings(), || {
        let rules = std::rc::Rc::default();
        move |request| crate::peers::accept(request, &rules, crate::peers::Echo::default())
    });
    let mut client = Client::connect(&server);
    client.send(
        "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    client.head();
    client.send(b"\x81\x01a");
    for _ in 0..32 {
        client.send(vec![b'x'; 1 << 20]);
    }
    assert_eq!(client.take(4), b"\x88\x1b\x03\xea");
}

#[test]
#[ignore = "long: a client that pauses for more than two seconds"]
fn a_refused_client_may_pause_and_one_that_stops_is_closed() {
    let server = echoing(Driver::Uring);
    let mut client = Client::connect(&server);
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4194304\r\n\r\n");
    for _ in 0..2 {
        client.send(vec![b'x'; 1 << 20]);
        thread::sleep(Duration::from_secs(3));
    }
    client.send(vec![b'x'; 1 << 20]);
    assert!(client.head().starts_with("HTTP/1.1 413 "));
    let stopped = Instant::now();
    server.wait_until_empty();
    let took = stopped.elapsed();
    assert!(
        (Duration::from_secs(4)..Duration::from_secs(8)).contains(&took),
        "{took:?}"
    );
}

#[test]
fn a_refusal_of_head_has_no_content() {
    each_driver(|driver| {
        let server = echoing(driver);
        let mut heads = refused_heads("HEAD");
        heads.push(("\r\nHEAD /\\ HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(), 400));
        for (head, status) in heads {
            let mut client = Client::connect(&server);
            client.send(&head);
            let response = client.head();
            assert!(
                response.starts_with(&format!("HTTP/1.1 {status} ")),
                "{response}"
            );
            client.socket.shutdown(std::net::Shutdown::Write).unwrap();
            assert_eq!(client.rest(), b"", "{status}");
        }
    });
}

#[test]
fn a_connection_too_many_is_told_so_with_the_headers_of_the_listener() {
    each_driver(|driver| {
        let settings = rusm_uring_net::connection::Settings {
            headers: HeaderLines::new([("server", "s"), ("x-frame-options", "DENY")]).unwrap(),
            ..settings()
        };
        let bounds = Bounds {
            connections: 1,
            ..Bounds::default()
        };
        let server = Server::within(driver, settings, bounds, || {
            Answering(|_: &rusm_uring_net::Request<'_>| Ok(ok(b"yes".to_vec())))
        });
        let mut first = Client::connect(&server);
        first.get("/");
        first.until("yes");
        for _ in 0..20 {
            let mut other = Client::connect(&server);
            // It may be larger than what the kernel holds.
            let _ = other.socket.write_all(get("/").as_bytes());
            let _ = other.socket.write_all(&[b'x'; 100_000]);
            let head = other.head();
            assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
            for line in [
                "date: ",
                "server: s\r\n",
                "x-frame-options: DENY\r\n",
                "retry-after: 1\r\n",
            ] {
                assert!(head.contains(line), "{line} is in {head}");
            }
            assert_eq!(other.rest(), b"too many connections\n");
        }
        first.get("/");
        first.until("yes");
        drop(first);
        let started = Instant::now();
        // Its place is free again.
        loop {
            let mut next = Client::connect(&server);
            next.get("/");
            if next.head().starts_with("HTTP/1.1 200 ") {
                break;
            }
            assert!(started.elapsed() < SOON);
            thread::sleep(Duration::from_millis(20));
        }
    });
}
