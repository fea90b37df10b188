//! Requests that RFC 9112 wants rejected: each is answered once, with its status, and the
//! connection is closed. Nothing behind it is taken for a request.

use std::net::SocketAddr;

use crate::client::{Client, Response, exchange, get, request};
use crate::server::Serve;

/// What stands behind each: who took the framing otherwise would find a request in it.
const SMUGGLED: &str = "GET /users/smuggled HTTP/1.1\r\nHost: h\r\n\r\n";

#[test]
fn request_lines() {
    refused_each([
        (" GET / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        ("GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        ("GET / HTTP/1.1 \r\nHost: h\r\n\r\n", 400),
        ("GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        ("GET /\r\nHost: h\r\n\r\n", 400),
        ("GET\r\nHost: h\r\n\r\n", 400),
        ("G(T / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        ("GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        ("GET /\0 HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        ("GET \u{e9} HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        ("GET http://\u{e9}/ HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        ("GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        ("GET users/1 HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        ("GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        ("GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        ("GET http://u@h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        ("GET / http/1.1\r\nHost: h\r\n\r\n", 400),
        ("GET / HTTP/1.10\r\nHost: h\r\n\r\n", 400),
        ("GET / HTTP/1\r\nHost: h\r\n\r\n", 400),
        ("\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        ("\n\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        (
            "\x16\x03\x01\x02\0\x01\0\x01\u{fc}\x03\x03 a TLS client\r\n\r\n",
            400,
        ),
        ("GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505),
        ("GET / HTTP/1.2\r\nHost: h\r\n\r\n", 505),
        ("GET / HTTP/0.9\r\n\r\n", 505),
        ("CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", 501),
    ]);
}

#[test]
fn header_lines() {
    refused_each([
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n\tc\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\n: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nA\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nA B: c\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nA: \0\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nA: b\rc\r\n\r\n", 400),
        ("GET / HTTP/1.1\nHost: h\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\n\n", 400),
        ("GET / HTTP/1.1\n\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nExpect: 200-ok\r\n\r\n", 417),
    ]);
}

#[test]
fn bodies_of_two_lengths_or_none() {
    let server = Serve::hello().start();
    let addr = server.addr();
    for (headers, status) in [
        ("Content-Length: 4\r\nTransfer-Encoding: chunked", 400),
        ("Transfer-Encoding: chunked\r\nContent-Length: 4", 400),
        ("Content-Length: 4\r\nContent-Length: 5", 400),
        ("Content-Length: 4\r\nContent-Length: 4", 400),
        ("Content-Length: 4, 4", 400),
        ("Content-Length: +4", 400),
        ("Content-Length: -4", 400),
        ("Content-Length: 0x4", 400),
        ("Content-Length: 4;", 400),
        ("Content-Length: 4 4", 400),
        ("Content-Length:", 400),
        ("Content-Length: 18446744073709551620", 400),
        ("Content-Length : 4", 400),
        ("Content-Length\t: 4", 400),
        ("Content-Length: 4\r\n Transfer-Encoding: chunked", 400),
        ("A: b\nTransfer-Encoding: chunked", 400),
        ("A: b\rTransfer-Encoding: chunked", 400),
        ("Transfer-Encoding : chunked", 400),
        ("Transfer-Encoding:", 400),
        ("Transfer-Encoding:\r\n chunked", 400),
        ("Transfer-Encoding: \x0bchunked", 400),
        ("Transfer-Encoding: xchunked", 400),
        ("Transfer-Encoding: identity", 400),
        ("Transfer-Encoding: chunked, identity", 400),
        ("Transfer-Encoding: chunked, chunked", 400),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            400,
        ),
        ("Transfer-Encoding: \"chunked\"", 400),
        ("Transfer-Encoding: chunked;q=1", 400),
        ("Transfer-Encoding: gzip, chunked", 501),
    ] {
        // Either reading of the length would find the smuggled request behind the body.
        for body in ["0\r\n\r\n", "abcd"] {
            is_rejected(
                addr,
                &request("POST", "/echo", &format!("{headers}\r\n"), body),
                status,
            );
        }
    }
    let http10 = "POST /echo HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    is_rejected(addr, http10, 400);
}

#[test]
fn chunks() {
    let server = Serve::hello().start();
    let addr = server.addr();
    for (body, status) in [
        ("\r\n0\r\n\r\n", 400),
        ("x\r\n", 400),
        ("-1\r\n", 400),
        ("+1\r\na\r\n0\r\n\r\n", 400),
        ("0x1\r\na\r\n0\r\n\r\n", 400),
        (" 1\r\na\r\n0\r\n\r\n", 400),
        ("1 \r\na\r\n0\r\n\r\n", 400),
        ("1\na\r\n0\r\n\r\n", 400),
        ("1\r\na\n0\r\n\r\n", 400),
        ("1\r\nab\r\n0\r\n\r\n", 400),
        ("2\r\na\r\n0\r\n\r\n", 400),
        ("1\r\na0\r\n\r\n", 400),
        ("1;\r\na\r\n0\r\n\r\n", 400),
        ("1;a\n\r\na\r\n0\r\n\r\n", 400),
        ("1;a=\"\r\na\r\n0\r\n\r\n", 400),
        ("00000000000000001\r\na\r\n0\r\n\r\n", 400),
        ("10000000000000001\r\na\r\n0\r\n\r\n", 400),
        ("0\r\nA: b\n\r\n", 400),
        ("0\r\nA : b\r\n\r\n", 400),
        ("0\r\n A: b\r\n\r\n", 400),
        ("0\r\n\n", 400),
        ("ffffffffffffffff\r\n", 413),
        ("100001\r\n", 413),
    ] {
        is_rejected(
            addr,
            &request("POST", "/echo", "Transfer-Encoding: chunked\r\n", body),
            status,
        );
    }
    let extension = format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(10_000));
    is_rejected(
        addr,
        &request(
            "POST",
            "/echo",
            "Transfer-Encoding: chunked\r\n",
            &extension,
        ),
        400,
    );
    let trailers = format!("0\r\n{}\r\n", "a: b\r\n".repeat(1_000));
    is_rejected(
        addr,
        &request("POST", "/echo", "Transfer-Encoding: chunked\r\n", &trailers),
        431,
    );
}

#[test]
fn a_rejection_comes_after_the_answers_before_it() {
    let server = Serve::hello().start();
    let good = get("/users/1") + &request("POST", "/echo", "Content-Length: 2\r\n", "ok");
    let bad = "GET / HTTP/1.1\r\nHost : h\r\n\r\n";
    let responses = exchange(server.addr(), good + bad + SMUGGLED);
    let statuses: Vec<_> = responses.iter().map(|response| response.status).collect();
    assert_eq!(statuses, [200, 200, 400]);
    assert_eq!(responses[1].text(), "ok");
}

#[test]
fn a_request_that_finds_no_route_hides_none_in_its_body() {
    let server = Serve::hello().start();
    // What is here of the body is skipped; where it ends is not waited for.
    let length = format!("Content-Length: {}\r\n", SMUGGLED.len());
    for (headers, body, statuses) in [
        (&*length, SMUGGLED, &[404, 200][..]),
        (&*length, &SMUGGLED[..10], &[404]),
        ("Transfer-Encoding: chunked\r\n", "0\r\n\r\n", &[404]),
    ] {
        let last = request("GET", "/", "Connection: close\r\n", "");
        let last = if statuses.len() == 1 {
            String::new()
        } else {
            last
        };
        let responses = exchange(
            server.addr(),
            request("POST", "/nowhere", headers, body) + &last,
        );
        let seen: Vec<_> = responses.iter().map(|response| response.status).collect();
        assert_eq!(seen, statuses, "{headers}{body}");
    }
}

fn refused_each(table: impl IntoIterator<Item = (&'static str, u16)>) {
    let server = Serve::hello().start();
    for (bytes, status) in table {
        is_rejected(server.addr(), bytes, status);
    }
    assert_eq!(server.connect().get("/").status, 200);
}

/// Check that `bytes` get one response, this one, and the connection's end: in one piece, and
/// byte by byte.
#[track_caller]
fn is_rejected(addr: SocketAddr, bytes: &str, status: u16) {
    let all = format!("{bytes}{SMUGGLED}");
    check(bytes, &exchange(addr, &all), status);
    let mut client = Client::connect(addr);
    // It may be refused before the last byte.
    let _ = all.bytes().try_for_each(|byte| client.try_send([byte]));
    check(bytes, &client.responses_to_end(), status);
}

#[track_caller]
fn check(bytes: &str, responses: &[Response], status: u16) {
    let seen: Vec<_> = responses.iter().map(|response| response.status).collect();
    assert_eq!(seen, [status], "{:?}", bytes.escape_debug().to_string());
    assert_eq!(responses[0].header("connection"), Some("close"));
    assert_eq!(
        responses[0].header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert!(responses[0].text().ends_with('\n'), "a reason is given");
}
