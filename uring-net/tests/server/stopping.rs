//! Clients that come while the server stops.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use rusm_uring_net::http1::{ResponseHeaders, Status};
use rusm_uring_net::{Driver, Request, Response};

use crate::harness::{Client, SOON, Server, settings};

/// A server that answers with its request's path, and keeps its thread busy for a while before.
fn busy_for(driver: Driver, busy: Duration) -> Server {
    Server::on(driver, settings(), move || {
        move |request: &Request<'_>| {
            thread::sleep(busy);
            let answer = Response {
                status: Status::OK,
                headers: ResponseHeaders::default(),
                body: request.head.path.as_bytes().to_vec().into(),
            };
            Ok(answer.into())
        }
    })
}

#[test]
fn clients_in_the_queue_are_answered() {
    for driver in [Driver::Uring, Driver::Epoll] {
        let server = busy_for(driver, Duration::from_millis(20));
        let mut first = Client::connect(&server);
        first.get("/first");
        // The thread is at the first request, so that these wait in the queue of the socket.
        let mut clients: Vec<_> = (0..32).map(|_| Client::connect(&server)).collect();
        server.drain();
        for (number, client) in clients.iter_mut().enumerate() {
            client.get(&format!("/{number}"));
        }
        for (number, client) in clients.iter_mut().enumerate() {
            let head = client.head();
            assert!(head.starts_with("HTTP/1.1 200 "), "{number}: {head}");
            assert_eq!(client.rest(), format!("/{number}").as_bytes());
        }
        server.wait_until_empty();
        let refused = || match TcpStream::connect_timeout(&server.addr(), Duration::from_millis(50))
        {
            Ok(_) => false,
            Err(error) => error.kind() == ErrorKind::ConnectionRefused,
        };
        let started = Instant::now();
        while !refused() {
            assert!(started.elapsed() < SOON, "it still accepts");
        }
    }
}

#[test]
fn a_client_that_says_nothing_is_not_waited_for() {
    let server = busy_for(Driver::Uring, Duration::ZERO);
    let silent = Client::connect(&server);
    // It is accepted.
    let mut other = Client::connect(&server);
    other.get("/");
    other.until("\r\n\r\n/");
    let asked = Instant::now();
    server.drain();
    assert_eq!((&silent.socket).read(&mut [0; 1]).unwrap(), 0);
    assert!(asked.elapsed() < SOON / 2, "{:?}", asked.elapsed());
    server.wait_until_empty();
}
