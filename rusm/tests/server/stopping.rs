//! SIGINT and SIGTERM.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use libc::{SIGINT, SIGTERM};

use crate::apps;
use crate::client::{get, request};
use crate::server::{Serve, Server, eventually, two_cores};

#[test]
fn requests_in_flight_are_answered_and_nothing_else() {
    for (signal, io) in [(SIGTERM, "uring"), (SIGINT, "uring"), (SIGTERM, "epoll")] {
        let mut server = Serve::lab_with("")
            .args(["--io", io, "--cores", &two_cores()])
            .start();
        let mut idle: Vec<_> = (0..8).map(|_| server.connect()).collect();
        for client in &mut idle[..4] {
            assert_eq!(client.get("/blob/1").status, 200);
        }
        let mut at_work: Vec<_> = (0..8).map(|_| server.connect()).collect();
        for client in &mut at_work {
            client.send(get("/work/4000"));
        }
        let mut sending = server.connect();
        sending.send("GET /blob/1 HTT");
        let mut uploading = server.connect();
        uploading.send(request("POST", "/echo", "Content-Length: 5\r\n", "he"));
        for client in at_work.iter().chain(&idle).chain([&sending, &uploading]) {
            server.has_read(client);
        }

        server.signal(signal);
        for client in &mut idle {
            client.is_closed();
        }
        assert!(
            eventually(|| refuses_connections(&server)),
            "it still accepts"
        );
        let response = sending.send("P/1.1\r\nHost: h\r\n\r\n").response();
        assert_eq!(
            (response.status, response.header("connection")),
            (200, Some("close"))
        );
        sending.is_closed();
        let response = uploading.send("llo").response();
        assert_eq!(
            (&*response.text(), response.header("connection")),
            ("hello", Some("close"))
        );
        uploading.is_closed();
        for client in &mut at_work {
            let response = client.response();
            assert_eq!(response.text(), "worked for 4000 ms\n");
            assert_eq!(response.header("connection"), Some("close"));
            client.is_closed();
        }
        assert_eq!(
            server.wait().and_then(|status| status.code()),
            Some(0),
            "{}",
            server.log()
        );
    }
}

#[test]
fn an_idle_server_stops_at_once() {
    for signal in [SIGTERM, SIGINT] {
        let mut server = Serve::hello().args(["--cores", &two_cores()]).start();
        let mut idle = server.connect();
        idle.get("/");
        let asked = Instant::now();
        server.signal(signal);
        assert_eq!(
            server.wait().and_then(|status| status.code()),
            Some(0),
            "{}",
            server.log()
        );
        assert!(asked.elapsed() < GRACE, "{:?}", asked.elapsed());
        idle.is_closed();
    }
}

#[test]
fn clients_that_stay_are_told_at_once() {
    for io in ["uring", "epoll"] {
        let manifest = std::fs::read_to_string(apps::chat().join("rusm.toml")).unwrap();
        let manifest = manifest.replace("127.0.0.1:8082", "127.0.0.1:0");
        let manifest = format!("[node]\nshutdown-grace-s = 3600\n{manifest}");
        let mut server = Serve::app(apps::chat())
            .manifest(&manifest)
            .args(["--io", io])
            .start();
        // One that has been silent for long, and one amid its events.
        let mut events: Vec<_> = ["/feed/one", "/ticks/100000"]
            .into_iter()
            .map(|target| {
                let mut client = server.connect();
                assert_eq!(client.send(get(target)).head().status, 200);
                client
            })
            .collect();
        let mut socket = server.connect();
        let key = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        let head = socket.send(request("GET", "/echo", key, "")).head();
        assert_eq!(head.status, 101);
        thread::sleep(Duration::from_millis(300));

        server.signal(SIGTERM);
        for client in &mut events {
            let rest = client.rest().expect("it was closed, not reset");
            assert!(rest.ends_with(b"\r\n0\r\n\r\n"), "{}", rest.escape_ascii());
        }
        // 1001, "going away".
        let mut close = [0; 20];
        socket.socket.read_exact(&mut close).unwrap();
        assert_eq!(close, *b"\x88\x12\x03\xe9the server stops");
        // Its answer, with a mask of zeros.
        socket.send(b"\x88\x82\0\0\0\0\x03\xe9");
        assert_eq!(
            server.wait().and_then(|status| status.code()),
            Some(0),
            "{}",
            server.log()
        );
    }
}

#[test]
fn requests_that_do_not_end_are_given_a_grace() {
    let mut server = spinning("shutdown-grace-s = 1");
    let asked = Instant::now();
    server.signal(SIGTERM);
    assert_eq!(
        server.wait().and_then(|status| status.code()),
        Some(0),
        "{}",
        server.log()
    );
    assert!(
        asked.elapsed() > Duration::from_millis(900),
        "{:?}",
        asked.elapsed()
    );
    assert!(asked.elapsed() < GRACE, "{:?}", asked.elapsed());
    server.says("stopped before these were answered");
}

#[test]
fn a_request_that_is_cut_at_the_end_of_the_grace_is_told_to_come_again() {
    let manifest = "[node]\nshutdown-grace-s = 1\n[[serve]]\nlisten = \"127.0.0.1:0\"\n\
                    request-timeout-ms = 3600000\n[serve.routes]\n\"GET /spin\" = \"hello#spin\"\n";
    let mut server = Serve::app(apps::hello()).manifest(manifest).start();
    let mut client = server.connect();
    client.send(get("/spin"));
    server.has_read(&client);
    server.signal(SIGTERM);
    let response = client.response();
    assert_eq!(response.status, 503);
    assert_eq!(response.header("retry-after"), Some("1"));
    assert!(server.wait().is_some());
    server.says("the server stopped before the guest gave an answer (shutdown-grace-s)");
}

#[test]
fn a_second_signal_waits_for_nobody() {
    for (first, second) in [(SIGINT, SIGINT), (SIGTERM, SIGINT), (SIGINT, SIGTERM)] {
        let mut server = spinning("shutdown-grace-s = 3600");
        server.signal(first);
        assert!(eventually(|| server.log().contains("stopping")));
        server.signal(second);
        let status = server.wait().expect("it ends");
        assert_eq!(status.code(), Some(128 + second));
    }
}

/// The default of `shutdown-grace-s`: what ends sooner did not wait for it.
const GRACE: Duration = Duration::from_secs(10);

/// A server with a guest in it that doesn't end.
fn spinning(node: &str) -> Server {
    let manifest = format!(
        "[node]\n{node}\n[[serve]]\nlisten = \"127.0.0.1:0\"\nrequest-timeout-ms = 3600000\n\
         [serve.routes]\n\"GET /spin\" = \"hello#spin\"\n\"GET /\" = \"hello#index\"\n"
    );
    let server = Serve::app(apps::hello()).manifest(&manifest).start();
    let mut client = server.connect();
    client.send(get("/spin"));
    server.has_read(&client);
    // It must not be closed while the server lives.
    std::mem::forget(client);
    assert_eq!(server.connect().get("/").status, 200);
    server
}

fn refuses_connections(server: &Server) -> bool {
    match TcpStream::connect(server.addr()) {
        Ok(_) => false,
        Err(error) => error.kind() == ErrorKind::ConnectionRefused,
    }
}
