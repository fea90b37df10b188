//! The stub servers do what the other tests take for granted, seen through plain sockets.

#![allow(clippy::unwrap_used)]

mod stub;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use stub::Stub;
use stub::http::{Framing, Http, Stall};
use stub::sse::Sse;
use stub::ws::Ws;
use tungstenite::Message;

#[test]
fn responses_come_after_the_delay() {
    let stub = Http::delayed(Duration::from_millis(10)).start();
    let mut stream = connect(&stub);
    let started = Instant::now();
    for _ in 0..5 {
        stream.write_all(GET).unwrap();
        let mut response = vec![0; b"HTTP/1.1 200 Stub\r\nContent-Length: 5\r\n\r\nhello".len()];
        stream.read_exact(&mut response).unwrap();
        assert!(response.ends_with(b"hello"));
    }
    assert!(started.elapsed() >= Duration::from_millis(50));
    assert_eq!((stub.accepted(), stub.requests()), (1, 5));
}

#[test]
fn nothing_is_answered_in_a_stall() {
    let stall = Stall {
        every: Duration::from_millis(300),
        lasts: Duration::from_millis(200),
    };
    let stub = Http {
        stall: Some(stall),
        ..Http::default()
    };
    let stub = stub.start();
    let mut stream = connect(&stub);
    let mut slowest = Duration::ZERO;
    let started = Instant::now();
    while started.elapsed() < Duration::from_millis(600) {
        let sent = Instant::now();
        stream.write_all(GET).unwrap();
        let _ = stream.read(&mut [0; 1000]).unwrap();
        slowest = slowest.max(sent.elapsed());
    }
    assert!(slowest > Duration::from_millis(180), "{slowest:?}");
}

#[test]
fn framings_and_ends() {
    let chunked = Http {
        framing: Framing::Chunked,
        close: true,
        ..Http::default()
    };
    let (response, error) = exchange(&chunked.start());
    assert!(response.ends_with("\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"));
    assert_eq!(error, None);
    let reset = Http {
        reset: true,
        ..Http::default()
    };
    let (response, error) = exchange(&reset.start());
    assert!(response.ends_with("\r\n\r\nhe"), "{response}");
    assert_eq!(error, Some(ErrorKind::ConnectionReset));
    let refused = TcpStream::connect(stub::refused().addr()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn a_stream_goes_on_after_the_last_event_id() {
    let stub = Sse {
        interval: Duration::from_millis(1),
        events: Some(2),
        chunked: false,
        ..Sse::default()
    };
    let stub = stub.start();
    let mut stream = connect(&stub);
    let request = b"GET / HTTP/1.1\r\nHost: a\r\nLast-Event-ID: 7\r\n\r\n";
    stream.write_all(request).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    assert!(response.ends_with("\r\n\r\nid: 8\ndata: tick\n\nid: 9\ndata: tick\n\n"));
}

#[test]
fn echoes() {
    let stub = Ws {
        wrong_every: Some(2),
        fragments: true,
        ..Ws::default()
    };
    let stub = stub.start();
    let (mut socket, _) = tungstenite::client(stub.url("ws", "/"), connect(&stub)).unwrap();
    for expected in ["abc", "abb"] {
        socket.send(Message::text("abc")).unwrap();
        let echo = loop {
            match socket.read().unwrap() {
                Message::Ping(_) => {}
                echo => break echo,
            }
        };
        assert_eq!(echo, Message::text(expected));
    }
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

fn connect(stub: &Stub) -> TcpStream {
    TcpStream::connect(stub.addr()).unwrap()
}

fn exchange(stub: &Stub) -> (String, Option<ErrorKind>) {
    let mut stream = connect(stub);
    stream.write_all(GET).unwrap();
    let mut response = Vec::new();
    let error = stream.read_to_end(&mut response).err();
    let response = String::from_utf8(response).unwrap();
    (response, error.map(|error| error.kind()))
}
