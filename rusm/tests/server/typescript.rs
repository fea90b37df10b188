//! Components in TypeScript: bundled, snapshotted and served, with real packages.

use std::net::TcpListener;
use std::thread;

use crate::client::{Response, get, request};
use crate::clients;
use crate::server::{Serve, Server};

fn started() -> Server {
    Serve::typescript(|manifest| manifest).start()
}

fn text(server: &Server, path: &str) -> String {
    let response = server.connect().get(path);
    assert_eq!(response.status, 200, "{path}: {}", response.text());
    response.text()
}

fn send(server: &Server, method: &str, path: &str, headers: &str, body: &str) -> Response {
    let headers = format!("{headers}content-length: {}\r\n", body.len());
    server
        .connect()
        .send(request(method, path, &headers, body))
        .response()
}

#[test]
fn the_default_export_and_named_ones_answer_requests() {
    let server = started();
    assert_eq!(
        text(&server, "/some/where?q=a%20b"),
        r#"{"pathname":"/some/where","q":"a b","seen":1,"word":"shared"}"#
    );
    assert_eq!(text(&server, "/list"), "all\n");
    assert_eq!(text(&server, "/list/me"), "one: me\n");
    let echoed = send(&server, "POST", "/", "", "grün");
    assert_eq!(
        (echoed.status, echoed.text()),
        (200, "GRÜN".to_owned()),
        "{:?}",
        echoed.header("content-type")
    );
}

#[test]
fn each_request_has_an_instance_of_its_own() {
    let server = started();
    let mut client = server.connect();
    let mut drawn = Vec::new();
    for _ in 0..20 {
        assert!(client.get("/a").text().contains(r#""seen":1,"#));
        drawn.push(client.get("/random").text());
    }
    // Both the number of `Math.random` and that of `crypto`.
    let parts = |at: usize| -> Vec<&str> {
        let mut all: Vec<&str> = drawn
            .iter()
            .map(|both| both.split(',').nth(at).unwrap())
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    };
    assert_eq!((parts(0).len(), parts(1).len()), (20, 20), "{drawn:?}");
}

#[test]
fn the_environment_is_what_the_profile_grants() {
    let server = Serve::typescript(|manifest| manifest)
        .env("SECRET", "of the server")
        .start();
    assert_eq!(text(&server, "/env"), r#"{"GREETING":"hello"}"#);
}

#[test]
fn packages_are_bundled_and_work() {
    let server = started();
    let id = text(&server, "/api/id");
    assert_eq!(id.len(), r#"{"id":""}"#.len() + 21, "nanoid: {id}");
    assert_ne!(id, text(&server, "/api/id"));
    assert_eq!(
        text(&server, "/api/page/Title"),
        "<h1>Title</h1>\n<p><em>emphasis</em></p>\n",
        "marked"
    );
    let json = "content-type: application/json\r\n";
    let item = send(&server, "POST", "/api/items", json, r#"{"title":"tea"}"#);
    assert_eq!(
        (item.status, item.text().as_str()),
        (201, r#"{"title":"tea","done":false}"#),
        "zod"
    );
    let wrong = send(&server, "POST", "/api/items", json, r#"{"title":""}"#);
    assert_eq!(
        (wrong.status, wrong.text().as_str()),
        (422, r#"{"issues":[["title"]]}"#)
    );
    assert_eq!(
        server.connect().get("/api/nowhere").status,
        404,
        "hono's own"
    );
}

#[test]
fn services_are_called_across_languages() {
    let server = started();
    for (path, expected) in [
        ("/ask/addUp", "2"),
        ("/ask/add_up", "4"),
        // Rust's handler and the service in TypeScript.
        ("/rust/ask/5", "9\n"),
        // The handler in TypeScript and Rust's service.
        ("/ledger/3", r#"{"sum":3,"of":[3]}"#),
        ("/ledger/4", r#"{"sum":7,"of":[3,4]}"#),
        ("/count/3", "[3,2,1]"),
    ] {
        assert_eq!(text(&server, path), expected, "{path}");
    }
    let said = server.connect().get("/ledger/-1");
    assert_eq!(
        (said.status, said.text().as_str()),
        (409, "failed: -1 can't be added\n"),
        "an error has the function's own text"
    );
}

#[test]
fn bodies_are_streams_both_ways() {
    let server = started();
    let mut client = server.connect();
    client.send(get("/ticks/3"));
    assert_eq!(client.head().status, 200);
    for tick in 0..3 {
        let chunk = client.chunk().unwrap();
        assert_eq!(String::from_utf8_lossy(&chunk), format!("tick {tick}\n"));
    }
    assert_eq!(client.chunk(), None);
    assert!(client.trailers().is_empty());
    assert_eq!(client.get("/list").text(), "all\n", "it goes on");

    let body = "x".repeat(300_000);
    assert_eq!(
        send(&server, "PUT", "/measure", "", &body).text(),
        "300000 bytes"
    );
}

#[test]
fn events_are_a_stream() {
    let server = started();
    let mut client = server.connect();
    client.send(get("/events"));
    let head = client.head();
    assert_eq!(
        (head.status, head.header("content-type")),
        (200, Some("text/event-stream"))
    );
    let said = client.read_until("three");
    assert!(
        said.contains("data: one") && said.contains("data: two"),
        "{said}"
    );
}

#[test]
fn what_goes_wrong_has_its_status_and_its_place_in_the_sources() {
    let server = Serve::typescript_with("request-timeout-ms = 5000").start();
    for (path, status, reason) in [
        (
            "/boom",
            500,
            "TypeError: boom was called at deeper (components/plain.ts:",
        ),
        (
            "/reject",
            500,
            "RangeError: out of it at reject (components/plain.ts:",
        ),
        ("/spin", 504, "the guest took longer than 5s"),
        ("/heap", 500, "out of memory"),
        ("/recurse", 500, "Maximum call stack size exceeded"),
        ("/never", 500, "the promise never settles"),
        ("/nothing", 500, "gave no Response but undefined"),
    ] {
        let mut client = server.connect();
        let response = client.get(path);
        assert_eq!(response.status, status, "{path}: {}", response.text());
        assert!(!response.text().contains("plain.ts"), "{path}");
        server.says(reason);
        assert_eq!(client.get("/list").text(), "all\n", "after {path}");
    }
    let huge = request("PUT", "/measure", "content-length: 99999999999\r\n", "");
    assert_eq!(server.connect().send(huge).response().status, 413);
}

#[test]
fn what_fails_after_the_head_cuts_the_connection() {
    let server = started();
    let mut client = server.connect();
    client.send(get("/half"));
    assert_eq!(client.head().status, 200);
    assert_eq!(client.chunk().unwrap(), b"half");
    let rest = client.rest().unwrap_or_default();
    assert!(
        rest.is_empty(),
        "no end that looks like a whole one: {rest:?}"
    );
    server.says("Error: the other half is missing");
}

#[test]
fn faults_touch_no_other_request() {
    let server = Serve::typescript_with("request-timeout-ms = 1500").start();
    let server = &server;
    thread::scope(|scope| {
        for path in ["/boom", "/heap", "/spin", "/recurse"] {
            scope.spawn(move || {
                for _ in 0..3 {
                    assert!(server.connect().get(path).status >= 500);
                }
            });
        }
        for _ in 0..4 {
            scope.spawn(move || {
                let mut client = server.connect();
                for _ in 0..100 {
                    assert_eq!(client.get("/list/me").text(), "one: me\n");
                }
            });
        }
    });
}

#[test]
fn requests_to_others_are_gated() {
    let peer = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = peer.local_addr().unwrap();
    let answers = thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = peer.accept().unwrap();
        let mut asked = [0; 4096];
        let len = stream.read(&mut asked).unwrap();
        stream
            .write_all(b"HTTP/1.1 203 So\r\nx-peer: yes\r\ncontent-length: 3\r\n\r\nhey")
            .unwrap();
        String::from_utf8_lossy(&asked[..len]).into_owned()
    });
    let granted = format!("allow-storage = true\nallow-network = [\"{addr}\"]\n");
    let server =
        Serve::typescript(|manifest| manifest.replace("allow-storage = true\n", &granted)).start();
    assert_eq!(text(&server, &format!("/fetch/{addr}")), "203 yes hey\n");
    let asked = answers.join().unwrap();
    assert!(asked.starts_with("POST /path HTTP/1.1"), "{asked}");
    assert!(asked.contains("x-from: typescript"), "{asked}");
    let denied = server.connect().get("/fetch/127.0.0.2:1");
    assert_eq!(denied.status, 502, "{}", denied.text());
    assert!(denied.text().contains("allow-network"), "{}", denied.text());
}

#[test]
fn built_in_objects_and_those_of_the_snapshot_can_be_changed() {
    let server = started();
    for _ in 0..3 {
        assert_eq!(
            text(&server, "/edges/builtins"),
            r#"{"before":[null,false,false,2],"corners":5,"foo":1}"#
        );
    }
    assert_eq!(text(&server, "/edges/extend"), "501", "a service's");
}

#[test]
fn recursion_of_every_kind_can_be_caught() {
    let server = started();
    let thrown = text(&server, "/edges/recursion");
    assert_eq!(thrown.matches("RangeError").count(), 9, "{thrown}");
    for (depth, status) in [(3000, 200), (200_000, 400)] {
        let json = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let answer = send(&server, "POST", "/edges/nested", "", &json);
        assert_eq!(answer.status, status, "{}", answer.text());
    }
}

#[test]
fn to_head_the_length_is_what_the_handler_says() {
    let server = started();
    let mut client = server.connect();
    for (how, length) in [
        ("length", Some("12")),
        ("content", Some("12")),
        ("stream", None),
        ("nothing", None),
    ] {
        let path = format!("/edges/head/{how}");
        let head = client.send(request("HEAD", &path, "", "")).head();
        assert_eq!(
            (head.status, head.header("content-length")),
            (200, length),
            "{how}"
        );
    }
    // What hono makes of a GET's route has no content.
    let head = client.send(request("HEAD", "/api/page/x", "", "")).head();
    assert_eq!((head.status, head.header("content-length")), (200, None));
    assert_eq!(client.get("/list").text(), "all\n", "it goes on");
}

#[test]
fn a_url_can_be_parsed_whatever_host_the_client_names() {
    let server = started();
    for host in ["xn--a", "x:99999", "[::1", "a b", "é"] {
        for (path, headers) in [("/edges/url", String::new()), ("/echo", upgrade_headers())] {
            let asked = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n{headers}\r\n");
            let answer = server.connect().send(asked).head();
            assert!(
                matches!(answer.status, 101 | 200 | 400),
                "{host} {path}: {}",
                answer.status
            );
        }
    }
    let asked = format!(
        "GET /echo?name=me HTTP/1.1\r\nhost: xn--a\r\n{}\r\n",
        upgrade_headers()
    );
    let mut client = server.connect();
    assert_eq!(client.send(asked).head().status, 101);
    assert!(client.take(10, "a frame").ends_with(b"hello me"));
}

fn upgrade_headers() -> String {
    "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
     sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        .to_owned()
}

#[test]
fn events_of_loops_that_send_at_once_all_come() {
    let server = started();
    let mut client = server.connect();
    client.send(request("GET", "/edges/loops", "last-event-id: ü7\r\n", ""));
    assert_eq!(client.head().status, 200);
    let said = client.read_until("after ü7");
    for name in ["a", "b", "c"] {
        for n in 0..4 {
            assert!(said.contains(&format!("data: {name}{n}")), "{said}");
        }
    }
}

#[test]
fn the_store_keeps_what_handlers_write() {
    let server = started();
    assert_eq!(text(&server, "/kept/a"), "null\n");
    assert_eq!(send(&server, "PUT", "/kept/a", "", "kept").status, 204);
    assert_eq!(text(&server, "/kept/a"), "kept\n");
}

#[test]
fn a_socket_has_a_process_of_its_own() {
    let server = started();
    clients::python("typescript_sockets.py", &server, &[]);
    server.says("Error: a message too many at message (components/echo.ts:15:36)");
    server.says("closed with 4002 enough");
}
