//! Clients that leave in the middle of something: the server lets go of what they held, and goes
//! on.

use std::io::Read;

use crate::client::{Client, get, request};
use crate::server::{Serve, Server};

const CLIENTS: usize = 100;

#[test]
fn amid_nothing() {
    leave_when("");
}

#[test]
fn amid_a_head() {
    leave_when("GET /blob/1 HTTP/1.1\r\nHost: h\r\nHea");
}

#[test]
fn amid_a_body() {
    leave_when(&request(
        "POST",
        "/echo",
        "Content-Length: 100\r\n",
        "a part",
    ));
    leave_when(&request(
        "POST",
        "/echo",
        "Transfer-Encoding: chunked\r\n",
        "7\r\na part",
    ));
}

#[test]
fn while_the_guest_is_at_work() {
    leave_when(&get("/work/100"));
}

#[test]
fn before_a_response() {
    leave_when(&get("/blob/1000000"));
    leave_when(&get("/blob/10").repeat(50));
}

#[test]
fn amid_a_response() {
    let server = start();
    let before = server.files_at_rest();
    for reset in [false, true] {
        for _ in 0..CLIENTS / 4 {
            let mut client = Client::with_a_small_buffer(server.addr());
            client.send(get("/blob/8000000"));
            client.socket.read_exact(&mut [0; 1000]).unwrap();
            leave(client, reset);
        }
        goes_on(&server, before);
    }
}

/// Send `bytes` from many clients, each of which then leaves: half of them close, half of them
/// reset the connection.
#[track_caller]
fn leave_when(bytes: &str) {
    let server = start();
    let before = server.files_at_rest();
    let clients: Vec<_> = (0..CLIENTS).map(|_| server.connect()).collect();
    server.has_opened(before + CLIENTS);
    for (number, mut client) in clients.into_iter().enumerate() {
        client.send(bytes);
        leave(client, number % 2 == 0);
    }
    goes_on(&server, before);
}

fn leave(client: Client, by_reset: bool) {
    if by_reset {
        client.reset()
    } else {
        drop(client)
    }
}

#[track_caller]
fn goes_on(server: &Server, before: usize) {
    server.lets_go_of_all_but(before);
    assert_eq!(server.connect().get("/blob/3").text(), "xxx");
    let log = server.log();
    assert!(!log.contains("ERROR") && !log.contains("defect"), "{log}");
}

/// The limits are no help: what is let go is let go because the client has left.
fn start() -> Server {
    let long =
        ["header", "body", "idle", "write"].map(|what| format!("{what}-timeout-ms = 600000\n"));
    Serve::lab_with(&long.concat()).start()
}
