//! The memory that bodies take while they wait.

use std::io::Write;

use rusm_uring_net::Driver;

use crate::harness::{Answering, Bounds, Client, Server, get, settings};
use crate::peers::ok;
use crate::sinks::{echo, streaming_within};

/// Less than two bodies of 500,000 bytes take, whatever the pieces are that they come in.
const MEMORY: u64 = 900_000;

fn each_driver(test: impl Fn(Driver)) {
    test(Driver::Uring);
    test(Driver::Epoll);
}

/// Answers a request with its body, if it has one, or with as many bytes as its path says.
fn server(driver: Driver) -> Server {
    let bounds = Bounds {
        body_memory: MEMORY,
        ..Bounds::default()
    };
    let settings = rusm_uring_net::connection::Settings {
        max_body: 100 << 20,
        ..settings()
    };
    Server::within(driver, settings, bounds, || {
        Answering(|request: &rusm_uring_net::Request<'_>| {
            Ok(match request.head.path[1..].parse() {
                Ok(len) => ok(vec![b'x'; len]),
                Err(_) => ok(request.body.to_vec()),
            })
        })
    })
}

/// That it is refused because of the memory, and the connection lives on or not.
fn is_refused(client: &mut Client, lives_on: bool) {
    let head = client.head();
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert!(head.contains("retry-after: 1\r\n"), "{head}");
    assert_eq!(head.contains("connection: close\r\n"), !lives_on, "{head}");
    client.until("Service Unavailable\n");
}

fn is_answered(client: &mut Client, len: usize) {
    let head = client.head();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(client.take(len) == vec![b'x'; len]);
}

#[test]
fn responses_that_are_not_read_take_no_more_than_there_is() {
    each_driver(|driver| {
        let server = server(driver);
        // Larger than what the kernel takes of it.
        const LEN: usize = 50 << 20;
        let mut reader = Client::connect(&server);
        reader.get(&format!("/{LEN}"));
        let head = reader.head();
        assert!(
            head.starts_with("HTTP/1.1 200 "),
            "one alone may be larger: {head}"
        );
        server.wait_for_body_bytes(|bytes| bytes >= LEN as u64);
        for _ in 0..20 {
            let mut other = Client::connect(&server);
            other.get(&format!("/{LEN}"));
            is_refused(&mut other, true);
            // What needs little is served all the same.
            other.get("/5000");
            is_answered(&mut other, 5000);
        }
        assert!(reader.take(LEN).iter().all(|byte| *byte == b'x'));
        server.wait_for_body_bytes(|bytes| bytes == 0);
        reader.get("/1000000");
        is_answered(&mut reader, 1_000_000);
    });
}

#[test]
fn a_client_that_leaves_its_response_gives_the_memory_back() {
    each_driver(|driver| {
        let server = server(driver);
        let mut client = Client::connect(&server);
        client.get("/50000000");
        client.head();
        server.wait_for_body_bytes(|bytes| bytes >= 50_000_000);
        client.reset();
        server.wait_for_body_bytes(|bytes| bytes == 0);
    });
}

#[test]
fn bodies_that_do_not_come_to_their_end_take_no_more_than_there_is() {
    each_driver(|driver| {
        for head in [
            "Content-Length: 1000000\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\nf4240\r\n",
        ] {
            let server = server(driver);
            let half = || {
                let mut client = Client::connect(&server);
                client.send(format!("POST /echo HTTP/1.1\r\nHost: h\r\n{head}"));
                client.send(vec![b'x'; 500_000]);
                client
            };
            let mut first = half();
            server.wait_for_body_bytes(|bytes| bytes >= 500_000);
            for _ in 0..5 {
                let mut other = half();
                is_refused(&mut other, false);
                // It may send the rest, and is not reset.
                other.send(vec![b'x'; 500_000]);
            }
            server.wait_for_body_bytes(|bytes| (500_000..=1_000_000).contains(&bytes));
            // A small one is served.
            let mut small = Client::connect(&server);
            small.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 8000\r\n\r\n");
            small.send(vec![b'x'; 4000]);
            small.send(vec![b'x'; 4000]);
            is_answered(&mut small, 8000);
            // So is the first, when it comes to its end.
            first.send(vec![b'x'; 500_000]);
            if head.starts_with('T') {
                first.send("\r\n0\r\n\r\n");
            }
            let head = first.head();
            // Its answer is as large as it is itself.
            assert!(head.starts_with("HTTP/1.1 "), "{head}");
            drop((first, small));
            server.wait_for_body_bytes(|bytes| bytes == 0);
        }
    });
}

#[test]
fn a_large_body_arrives_whole_and_what_is_behind_it_is_the_next_request() {
    each_driver(|driver| {
        let server = server(driver);
        let mut client = Client::connect(&server);
        for len in [16_385, 65_536, 65_537, 300_001, 5_000_000] {
            for pieces in [1, 3, 1000] {
                let mut request =
                    format!("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: {len}\r\n\r\n")
                        .into_bytes();
                let body: Vec<u8> = (0..len).map(|at| (at / 3 % 251) as u8).collect();
                request.extend_from_slice(&body);
                request.extend_from_slice(get("/3").as_bytes());
                let mut sending = client.socket.try_clone().unwrap();
                let upload = std::thread::spawn(move || {
                    for piece in request.chunks(request.len() / pieces + 1) {
                        sending.write_all(piece).unwrap();
                    }
                });
                assert!(client.head().starts_with("HTTP/1.1 200 "));
                assert!(client.take(len) == body, "{len} in {pieces}");
                is_answered(&mut client, 3);
                upload.join().unwrap();
            }
        }
    });
}

#[test]
fn streamed_bodies_are_counted_too() {
    let bounds = Bounds {
        body_memory: 200 << 10,
        ..Bounds::default()
    };
    let server = streaming_within(Driver::Uring, settings(), bounds, || {
        |_| Ok(echo(std::sync::mpsc::channel().0))
    });
    let half = || {
        let mut client = Client::connect(&server);
        client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\nx");
        client
    };
    let mut first = half();
    first.until("\r\n\r\n1\r\nx\r\n");
    is_refused(&mut half(), false);
    let mut small = Client::connect(&server);
    small.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
    small.until("5\r\nhello\r\n0\r\n\r\n");
    drop(first);
    server.wait_for_body_bytes(|bytes| bytes == 0);
    half().until("\r\n\r\n1\r\nx\r\n");
}
