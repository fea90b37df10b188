//! `examples/fetch`: requests of a handler to other servers, as its reader would try them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use crate::apps;
use crate::client::Response;
use crate::server::{Serve, Server, eventually};

/// Itself on any port, but what it asks of itself goes to `other`, and its list has that.
fn start(other: SocketAddr) -> Server {
    let manifest = std::fs::read_to_string(apps::fetch().join("rusm.toml")).unwrap();
    let manifest = manifest
        .replace("listen = \"127.0.0.1:8083\"", "listen = \"127.0.0.1:0\"")
        .replace("127.0.0.1:8083", &other.to_string());
    Serve::app(apps::fetch()).manifest(&manifest).start()
}

/// The other one: a server of the same app, which asks nobody.
fn other() -> Server {
    start(([127, 0, 0, 1], 9).into())
}

fn page(server: &Server, url: &str) -> Response {
    server.connect().get(&format!("/?url={url}"))
}

/// A server that says this to everyone, and keeps its connections open.
fn says(answer: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        let mut open = Vec::new();
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            let _ = socket.read(&mut [0; 4096]).unwrap();
            // It may be closed before all of it was taken.
            let _ = socket.write_all(&answer);
            open.push(socket);
        }
    });
    addr
}

#[test]
fn two_answers_become_one() {
    let other = other();
    let server = start(other.addr());
    let both = server.connect().get("/both");
    assert_eq!(both.status, 200, "{}", both.text());
    assert_eq!(both.header("content-type"), Some("application/json"));
    assert_eq!(
        both.text(),
        r#"[{"name":"one","len":3},{"name":"two","len":3}]"#
    );
}

#[test]
fn an_answer_is_passed_on_as_it_is() {
    let other = other();
    let server = start(other.addr());
    let part = page(&server, &format!("http://{}/parts/apple", other.addr()));
    assert_eq!(part.status, 200);
    assert_eq!(part.header("content-type"), Some("application/json"));
    assert_eq!(part.text(), r#"{"name":"apple","len":5}"#);
    let missing = page(&server, &format!("http://{}/nowhere", other.addr()));
    assert_eq!(missing.status, 404);
}

#[test]
fn who_is_not_on_the_list_is_not_asked() {
    let other = other();
    // It listens, but nobody comes.
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    stranger.set_nonblocking(true).unwrap();
    let addr = stranger.local_addr().unwrap().to_string();
    let server = start(other.addr());
    let denied = page(&server, &format!("http://{addr}/"));
    assert_eq!(denied.status, 403);
    assert!(denied.text().contains(&addr), "{}", denied.text());
    assert!(stranger.accept().is_err());
    assert_eq!(page(&server, "nonsense").status, 400);
    assert_eq!(server.connect().get("/").status, 400);
}

#[test]
fn what_is_wrong_with_the_other_server_has_its_status_and_its_line() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = closed.local_addr().unwrap();
    drop(closed);
    is_logged(addr, 502, "can't reach");

    is_logged(says(Vec::new()), 504, "did not come in time");

    let mut huge = b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n".to_vec();
    huge.resize(huge.len() + 2_000_000, b'x');
    is_logged(says(huge), 502, "larger than was asked for");

    is_logged(says(b"220 ready\r\n".to_vec()), 502, "no answer of");

    let text = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes".to_vec();
    is_logged(says(text), 502, "not the JSON asked for");
}

#[test]
fn an_answer_may_be_as_large_as_was_asked_for() {
    const MAX: usize = 1 << 20;
    for (len, status) in [(MAX, 200), (MAX + 1, 502)] {
        let body = vec![b'x'; len];
        let mut plain = format!("HTTP/1.1 200 OK\r\nContent-Length: {len}\r\n\r\n").into_bytes();
        plain.extend(&body);
        // Of this one nobody knows beforehand how large it is.
        let mut chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        for piece in body.chunks(100_000) {
            chunked.extend(format!("{:x}\r\n", piece.len()).into_bytes());
            chunked.extend(piece);
            chunked.extend(b"\r\n");
        }
        chunked.extend(b"0\r\n\r\n");
        for answer in [plain, chunked] {
            let other = says(answer);
            let server = start(other);
            let page = page(&server, &format!("http://{other}/"));
            assert_eq!(page.status, status, "{len}: {}", server.log());
            if status == 200 {
                assert_eq!(page.body, body);
                continue;
            }
            let is_logged = || server.log().contains("larger than was asked for");
            assert!(eventually(is_logged), "{}", server.log());
        }
    }
}

/// `/both` answers with this status, and the log says why.
#[track_caller]
fn is_logged(other: SocketAddr, status: u16, why: &str) {
    let server = start(other);
    let answer = server.connect().get("/both");
    assert_eq!(answer.status, status, "{}", server.log());
    assert!(!answer.text().contains(why), "it is the operator's to know");
    assert!(
        eventually(|| server.log().contains(why)),
        "{}",
        server.log()
    );
}
