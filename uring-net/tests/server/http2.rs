//! HTTP/2 on the wire: curl, and frames made by hand. What frames may not do is tested with the
//! whole server, by a client of single frames.

use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use rusm_uring_net::connection::Settings;
use rusm_uring_net::{Driver, Request};

use crate::harness::{Client, Server, settings};
use crate::peers::{ok, source};
use crate::sinks::{echo, streaming};
use crate::tls::{acceptor, file};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

/// `GET /` and `POST /` of `h`, by the static table.
const GET: &[u8] = b"\x82\x84\x86\x41\x01h";
const POST: &[u8] = b"\x83\x84\x86\x41\x01h";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = (payload.len() as u32).to_be_bytes();
    let mut frame = len[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

struct Received {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

/// A client that has sent the preface, and settings of this content.
fn connect(server: &Server, settings: &[u8]) -> Client {
    let mut client = Client::connect(server);
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    client.send(frame(SETTINGS, 0, 0, settings));
    client
}

fn next(client: &mut Client) -> Received {
    let head = client.take(9);
    let len = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    Received {
        kind: head[3],
        flags: head[4],
        stream: u32::from_be_bytes([head[5], head[6], head[7], head[8]]),
        payload: client.take(len as usize),
    }
}

/// The next frame of this kind.
fn until(client: &mut Client, kind: u8) -> Received {
    loop {
        let received = next(client);
        if received.kind == kind {
            return received;
        }
    }
}

fn hello()
-> impl Fn(&Request<'_>) -> Result<rusm_uring_net::ServiceResponse, rusm_uring_net::ErrorResponse> {
    |request| {
        Ok(ok(format!(
            "{} {}",
            request.head.method,
            request.body.len()
        )
        .into_bytes()))
    }
}

#[test]
fn alpn_chooses_the_protocol() {
    for (offers, arguments, version) in [
        (true, "--http2", "2"),
        (true, "--http1.1", "1.1"),
        (false, "--http2", "1.1"),
    ] {
        let acceptor = match offers {
            true => acceptor().with_http2(),
            false => acceptor(),
        };
        let settings = Settings {
            tls: Some(acceptor),
            ..settings()
        };
        let server = Server::start(settings, hello);
        let port = server.addr().port();
        let script = format!(
            "curl -sS --max-time 20 --cacert {} --resolve a.test:{port}:127.0.0.1 {arguments} \
             -w ' %{{http_version}}' -d abc https://a.test:{port}/",
            file("ca.pem").display()
        );
        let output = Command::new("bash").args(["-c", &script]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(said, format!("POST 3 {version}"), "{output:?}");
    }
}

#[test]
fn content_is_streamed_both_ways() {
    for driver in [Driver::Uring, Driver::Epoll] {
        let settings = Settings {
            max_body: 64 << 20,
            ..settings()
        };
        let server = streaming(driver, settings, || {
            let (taken, _) = mpsc::channel();
            move |_| Ok(echo(taken.clone()))
        });
        let script = format!(
            "head -c 8000000 /dev/zero | tr '\\0' x | curl -sS --max-time 20 \
             --http2-prior-knowledge -T - -X POST http://{}/ | tr -d x | wc -c",
            server.addr()
        );
        let output = Command::new("bash").args(["-c", &script]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "0\n", "{output:?}");
    }
}

#[test]
fn an_idle_connection_is_told_that_it_ends() {
    let settings = Settings {
        idle_timeout: Duration::from_millis(200),
        ..settings()
    };
    let server = Server::start(settings, hello);
    let mut client = connect(&server, b"");
    client.send(frame(HEADERS, 5, 1, GET));
    until(&mut client, DATA);
    let goaway = until(&mut client, GOAWAY);
    assert_eq!(goaway.payload[..8], [0, 0, 0, 1, 0, 0, 0, 0]);
    assert_eq!(client.rest(), b"");
    drop(client);
    server.wait_until_empty();
}

#[test]
fn a_client_that_takes_nothing_loses_its_stream_alone() {
    let settings = Settings {
        write_timeout: Duration::from_millis(200),
        ..settings()
    };
    let server = Server::start(settings, hello);
    // Its streams have windows of nothing.
    let mut client = connect(&server, &[0, 4, 0, 0, 0, 0]);
    client.send(frame(HEADERS, 5, 1, GET));
    let reset = until(&mut client, RST_STREAM);
    assert_eq!((reset.stream, &reset.payload[..]), (1, &[0, 0, 0, 8][..]));
    client.send(frame(HEADERS, 5, 3, GET));
    client.send(frame(WINDOW_UPDATE, 0, 3, &[0, 0, 1, 0]));
    let data = until(&mut client, DATA);
    assert_eq!((data.stream, &data.payload[..]), (3, &b"GET 0"[..]));
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let settings = Settings {
        body_timeout: Duration::from_millis(200),
        ..settings()
    };
    let server = Server::start(settings, hello);
    let mut client = connect(&server, b"");
    client.send(frame(HEADERS, 4, 1, POST));
    until(&mut client, HEADERS);
    assert_eq!(until(&mut client, DATA).payload, b"Request Timeout\n");
    // The rest is not wanted: NO_ERROR.
    assert_eq!(until(&mut client, RST_STREAM).payload, [0; 4]);
}

#[test]
fn a_preface_that_is_not_finished_is_not_waited_for() {
    let settings = Settings {
        header_timeout: Duration::from_millis(200),
        ..settings()
    };
    let server = Server::start(settings, hello);
    let mut client = Client::connect(&server);
    client.send("PRI * HTTP/2.0\r\n\r\n");
    client.rest();
    server.wait_until_empty();
}

#[test]
fn what_was_sent_precedes_the_reset_of_a_source_that_fails() {
    let (sources, made) = mpsc::channel();
    let server = Server::start(settings(), move || {
        move |_: &Request<'_>| {
            let (source, body) = source();
            sources.send(source).unwrap();
            Ok(ok(rusm_uring_net::Body::Stream(Box::new(body))))
        }
    });
    let mut client = connect(&server, b"");
    client.send(frame(HEADERS, 5, 1, GET));
    let source = made.recv().unwrap();
    source.send("begun");
    source
        .chunks
        .unbounded_send(Err(rusm_uring_net::Aborted))
        .unwrap();
    let head = until(&mut client, HEADERS);
    assert_eq!(head.flags & 1, 0, "it is not the end");
    assert_eq!(until(&mut client, DATA).payload, b"begun");
    assert_eq!(until(&mut client, RST_STREAM).payload, [0, 0, 0, 2]);
    // A client that resets its stream ends the source.
    client.send(frame(HEADERS, 5, 3, GET));
    let source = made.recv().unwrap();
    client.send(frame(RST_STREAM, 0, 3, &[0, 0, 0, 8]));
    crate::harness::soon(&source.dropped);
}

#[test]
fn a_drain_ends_what_is_idle_and_lets_the_rest_finish() {
    let (sources, made) = mpsc::channel();
    let server = Server::start(settings(), move || {
        move |_: &Request<'_>| {
            let (source, body) = source();
            sources.send(source).unwrap();
            Ok(ok(rusm_uring_net::Body::Stream(Box::new(body))))
        }
    });
    let mut idle = connect(&server, b"");
    let mut busy = connect(&server, b"");
    busy.send(frame(HEADERS, 5, 1, GET));
    let source = made.recv().unwrap();
    source.send("a");
    until(&mut busy, DATA);
    server.drain();
    // The first says that no more may come, the second which were served.
    assert_eq!(
        until(&mut idle, GOAWAY).payload[..4],
        [0x7f, 0xff, 0xff, 0xff]
    );
    assert_eq!(
        until(&mut busy, GOAWAY).payload[..4],
        [0x7f, 0xff, 0xff, 0xff]
    );
    // It doesn't answer the PING in between, and is closed all the same.
    idle.rest();
    source.send("b");
    assert_eq!(until(&mut busy, DATA).payload, b"b");
    drop(source);
    assert_eq!(until(&mut busy, DATA).flags & 1, 1);
    busy.rest();
    drop((idle, busy));
    server.wait_until_empty();
}
