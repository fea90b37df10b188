//! Behind nginx, as the guide has it configured and as others do. What clients make of it is
//! [`crate::matrix`]'s.

use std::collections::BTreeSet;
use std::process::Command;

use crate::apps;
use crate::client::{Client, get, request};
use crate::nginx::{self, Nginx};
use crate::server::{Serve, Server, eventually};
use crate::websocket::{BINARY, Socket, TEXT};

const SIZES: [usize; 4] = [1, 28 << 10, 64 << 10, 1 << 20];

/// Ways in which nginx may be told to pass on requests, beside the guide's.
const WAYS: [&str; 6] = [
    // Of HTTP/1.0, the default: a connection for each.
    "proxy_pass http://127.0.0.1:8080;",
    "proxy_pass http://127.0.0.1:8080; proxy_request_buffering off;",
    // `Connection: close`.
    "proxy_pass http://127.0.0.1:8080; proxy_http_version 1.1;",
    "proxy_pass http://127.0.0.1:8080; proxy_http_version 1.1; proxy_request_buffering off;",
    // Connections that are kept.
    "proxy_pass http://rusm; proxy_http_version 1.1; proxy_set_header Connection '';",
    "proxy_pass http://rusm; proxy_http_version 1.1; proxy_set_header Connection '';\n\
     proxy_request_buffering off;",
];

/// A member has spoken in the room `nginx`.
fn start() -> Server {
    let server = Serve::app(apps::matrix()).start();
    let mut member = Socket::open(&server, "/rooms/nginx?name=ada");
    assert!(member.ask("hello").contains("hello"));
    server
}

/// A server of nginx for each of [`WAYS`].
fn in_each_way(server: &Server) -> (Nginx, Vec<(&'static str, Client)>) {
    let mut config = nginx::guide().to_owned();
    for way in WAYS {
        config +=
            &format!("server {{ listen 80; client_max_body_size 0; location / {{ {way} }} }}\n");
    }
    let nginx = Nginx::start(server, &config);
    let clients = nginx.addrs.iter().skip(1).copied().map(Client::connect);
    let clients = WAYS.into_iter().zip(clients).collect();
    (nginx, clients)
}

fn post(target: &str, body: &str) -> String {
    let length = format!("Content-Length: {}\r\n", body.len());
    request("POST", target, &length, body)
}

#[test]
fn the_guides_nginx_passes_on_requests_sockets_and_events() {
    let server = start();
    let nginx = Nginx::start(&server, nginx::guide());
    let mut client = nginx.connect();
    for size in SIZES {
        let body = "x".repeat(size);
        let response = client
            .send(post(&format!("/echo?of-{size}"), &body))
            .response();
        assert_eq!(
            (response.status, response.text() == body),
            (200, true),
            "{size}"
        );
    }
    let headers = client.get("/headers").text();
    assert!(headers.contains("\"host\":\"h\""), "{headers}");
    assert!(headers.contains("\"x-request-id\":\""), "{headers}");
    let over = "x".repeat((1 << 20) + 1);
    assert_eq!(
        nginx.connect().send(post("/echo", &over)).response().status,
        413
    );

    for size in SIZES {
        let mut socket = Socket::over(nginx.connect(), "/echo");
        for opcode in [BINARY, TEXT] {
            let sent = vec![b'x'; size];
            let came = socket.send(opcode, &sent).receive();
            assert_eq!(
                (came.opcode, came.payload == sent),
                (opcode, true),
                "{size}"
            );
        }
    }

    let mut stream = nginx.connect();
    assert_eq!(stream.send(get("/feed/nginx")).head().status, 200);
    stream.read_until("\"text\":\"hello\"");

    // All that came one after the other went over one connection.
    let mut peers = BTreeSet::new();
    let mut count = 0;
    let all_came = eventually(|| {
        for line in server.printed() {
            if line.contains("POST /echo?of-") {
                peers.insert(line.split(' ').nth(1).unwrap().to_owned());
                count += 1;
            }
        }
        count == SIZES.len()
    });
    assert!(all_came, "{count}");
    assert_eq!(peers.len(), 1, "{peers:?}");
}

#[test]
fn nginx_may_pass_on_requests_in_any_of_its_ways() {
    let server = start();
    let (nginx, clients) = in_each_way(&server);
    for ((way, mut client), addr) in clients.into_iter().zip(&nginx.addrs[1..]) {
        for size in SIZES {
            let body = "x".repeat(size);
            let response = client.send(post("/echo", &body)).response();
            assert_eq!(
                (response.status, response.text() == body),
                (200, true),
                "{way}"
            );
        }
        let chunks = "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        let chunked = request("POST", "/echo", "Transfer-Encoding: chunked\r\n", chunks);
        assert_eq!(client.send(chunked).response().text(), "abcde", "{way}");
        let head = client.send(request("HEAD", "/", "", "")).head();
        let length = head.header("content-length");
        assert_eq!((head.status, length), (200, Some("16")), "{way}");
        assert_eq!(client.get("/boom").status, 500, "{way}");
        // A body whose length is not known, to its end; and one that does not end.
        let ticks = client.get("/ticks/3").text();
        assert_eq!(ticks.matches("data: ").count(), 3, "{way}: {ticks}");
        let mut stream = Client::connect(*addr);
        assert_eq!(stream.send(get("/feed/nginx")).head().status, 200, "{way}");
        stream.read_until("\"text\":\"hello\"");
    }
}

#[test]
fn a_refused_upload_is_a_413_in_each_of_nginxs_ways() {
    let server = start();
    let (nginx, _) = in_each_way(&server);
    let large = "x".repeat(50_000_000);
    for (way, addr) in WAYS.iter().zip(&nginx.addrs[1..]) {
        for size in [(1 << 20) + 1, 4_000_000, large.len()] {
            let body = &large[..size];
            let chunk = format!("{size:x}\r\n{body}\r\n0\r\n\r\n");
            let chunked = request("POST", "/echo", "Transfer-Encoding: chunked\r\n", &chunk);
            for request in [post("/echo", body), chunked] {
                let mut client = Client::connect(*addr);
                // All of it is sent before anything is read.
                client.send(request);
                assert_eq!(client.response().status, 413, "{way}: {size}");
            }
        }
    }
}

#[test]
fn curl_does_not_send_what_would_be_refused() {
    let server = start();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "x".repeat(4_000_000)).unwrap();
    let url = format!("http://{}/echo", server.addr());
    let data = format!("@{}", file.path().display());
    // It would wait for so long for an answer before it sends all the same.
    let patience = ["--expect100-timeout", "30", "--max-time", "20"];
    let output = Command::new("curl")
        .args([
            "-sS",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code} %{size_upload}",
        ])
        .args(patience)
        .args(["-H", "Expect: 100-continue", "--data-binary", &data, &url])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said, "413 0", "{error}");
}
