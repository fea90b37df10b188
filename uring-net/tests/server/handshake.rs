//! What becomes of a request for a WebSocket, on the wire. Which requests are refused, and why,
//! is tested beside the function.

use std::rc::Rc;

use rusm_uring_net::http1::ResponseHeaders;
use rusm_uring_net::websocket::{HandshakeRules, Settings};
use rusm_uring_net::{ServiceResponse, WebSocket};

use crate::harness::{Client, Server, settings};
use crate::peers::{Echo, accept_by};

const ASK: &str = "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

fn server() -> Server {
    Server::start(settings(), || {
        let protocols = ["b".to_owned()];
        let origins = ["https://a.example".to_owned()];
        let rules = Rc::new(Settings::default());
        move |request| {
            let handshake = HandshakeRules {
                protocols: &protocols,
                allowed_origins: Some(&origins),
            };
            let accepted = accept_by(request, handshake, &rules, Echo::default())?;
            let ServiceResponse::WebSocket(websocket) = accepted else {
                return Ok(accepted);
            };
            let header = |name: &str, value: &str| (name.to_owned(), value.into());
            let headers = vec![
                header("x-own", "1"),
                header("Sec-WebSocket-Extensions", "permessage-deflate"),
            ];
            Ok(ServiceResponse::WebSocket(WebSocket {
                headers: ResponseHeaders::new(headers).unwrap(),
                ..websocket
            }))
        }
    })
}

#[test]
fn granted() {
    let server = server();
    let mut client = Client::connect(&server);
    // The first message may come along with the request.
    client.send(format!("{ASK}Sec-WebSocket-Protocol: a, b\r\n\r\n"));
    client.send(b"\x81\x81\x01\x01\x01\x01\x60");
    let head = client.head();
    let (status, headers) = head.split_once("\r\n").unwrap();
    assert_eq!(status, "HTTP/1.1 101 Switching Protocols");
    let mut headers: Vec<_> = headers.trim_end().split("\r\n").collect();
    headers.retain(|line| !line.starts_with("date: "));
    assert_eq!(
        headers,
        [
            "x-own: 1",
            "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
            "sec-websocket-protocol: b",
            "upgrade: websocket",
            "connection: upgrade"
        ]
    );
    assert_eq!(client.take(3), b"\x81\x01a");
}

#[test]
fn refused_and_then_granted() {
    let server = server();
    let mut client = Client::connect(&server);
    for (request, status, header) in [
        (
            "GET / HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(),
            426,
            "upgrade: websocket\r\n",
        ),
        (
            ASK.replace("13", "12") + "\r\n",
            426,
            "sec-websocket-version: 13\r\n",
        ),
        (ASK.replace("GET", "PUT") + "\r\n", 405, "allow: GET\r\n"),
        (
            ASK.replace("Key", "Kex") + "\r\n",
            400,
            "content-type: text/plain",
        ),
        (
            ASK.to_owned() + "Origin: https://evil.example\r\n\r\n",
            403,
            "content-type: text/plain",
        ),
    ] {
        client.send(&request);
        let head = client.head();
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request}{head}"
        );
        assert!(head.contains(header), "{request}{head}");
        let upgrade = "upgrade: websocket\r\nconnection: upgrade\r\n";
        assert_eq!(head.contains(upgrade), status == 426, "{request}{head}");
        client.until("\n");
    }
    client.send(format!("{ASK}Origin: https://A.example\r\n\r\n"));
    assert!(client.head().starts_with("HTTP/1.1 101 "));
}
