//! Stock components of `wasi:http`, by the crates `wstd`, `wasip2` and `wasi`, served as they are.

use std::io::Read;
use std::thread;
use std::time::{Duration, Instant};

use crate::apps;
use crate::client::{Client, Response, get, request};
use crate::server::{Serve, Server, eventually};

#[test]
fn a_component_gets_the_request_as_it_was_sent() {
    let server = Serve::stock_with("").start();
    let mut client = server.connect();
    for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
        let response = client
            .send(request(method, "/echo/head?a=1&a=%20", "", ""))
            .response();
        let expected = format!("{method} /echo/head?a=1&a=%20\nh\n");
        assert_eq!(response.text(), expected);
    }
    let headers = "X-Two: 1\r\nAccept: */*\r\nx-two: 2\r\nX-Opaque: \u{fc}\t!\r\nX-Empty:\r\n";
    let response = client.send(request("GET", "/echo/head", headers, ""));
    let text = response.response().text();
    let lines: Vec<_> = text.lines().skip(2).collect();
    for name in ["x-two", "accept", "x-opaque", "x-empty"] {
        let of_name = |line: &&&str| line.starts_with(&format!("{name}: "));
        let found: Vec<_> = lines.iter().filter(of_name).copied().collect();
        let expected: &[&str] = match name {
            "x-two" => &["x-two: 1", "x-two: 2"],
            "accept" => &["accept: */*"],
            "x-opaque" => &["x-opaque: \\xc3\\xbc\\t!"],
            _ => &["x-empty: "],
        };
        assert_eq!(found, expected, "{text}");
    }
    let head = client.send(request("HEAD", "/echo/head", "", "")).head();
    assert_eq!(head.status, 200);
    assert_eq!(client.get("/hello").text(), "Hello from wstd\n");
}

#[test]
fn a_component_reads_the_body_of_its_request() {
    let server = Serve::stock_with("max-body = \"4MiB\"").start();
    let mut client = server.connect();
    for len in [0, 1, 4096, 65_536, 65_537, 3_000_000] {
        let body: Vec<u8> = (0..len).map(|at| (at % 253) as u8).collect();
        let digest = format!("{len} {:016x}\n", fnv1a(&body));
        let post = |path: &str| {
            format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {len}\r\n\r\n")
        };
        let response = client.send(post("/echo/digest")).send(&body).response();
        assert_eq!(response.text(), digest);
        let response = client.send(post("/echo/body")).send(&body).response();
        assert!(response.body == body, "{len} bytes came back changed");
        let response = client.send(post("/bodies/duplex")).send(&body).response();
        assert!(response.body == [b"begun\n", &*body].concat());

        client.send("POST /echo/digest HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
        for piece in body.chunks(10_000) {
            client.send(format!("{:x}\r\n", piece.len()));
            client.send(piece).send("\r\n");
        }
        assert_eq!(client.send("0\r\n\r\n").response().text(), digest);
    }
}

#[test]
fn a_body_may_be_left_unread() {
    let server = Serve::stock_with("").start();
    for len in [5, 100_000, 1_000_000] {
        let mut client = server.connect();
        let length = format!("Content-Length: {len}\r\n");
        let post = request("POST", "/bodies/unread", &length, &"x".repeat(len));
        let _ = client.try_send(post);
        let response = client.response();
        assert_eq!(response.text(), "unread\n");
        match response.header("connection") {
            // Nobody wants to read it to its end.
            Some("close") => client.is_closed(),
            _ => assert_eq!(client.get("/hello").status, 200),
        }
    }
}

#[test]
fn the_response_is_what_the_component_sets() {
    let server = Serve::stock_with("").start();
    let mut client = server.connect();
    let response = client.get("/bodies/status/299?x-a=1&Set-Cookie=a&set-cookie=b");
    assert_eq!(
        (response.status, response.text()),
        (299, "status 299\n".into())
    );
    assert_eq!(response.header("x-a"), Some("1"));
    assert!(response.values("set-cookie").eq(["a", "b"]));
    for status in [200, 204, 304, 404, 599] {
        let response = client.get(&format!("/bodies/status/{status}"));
        assert_eq!(response.status, status);
        assert_eq!(response.text().is_empty(), matches!(status, 204 | 304));
    }
    for status in [0, 99, 1000] {
        let response = client.get(&format!("/bodies/status/{status}"));
        assert_eq!(response.text(), "it is no status\n", "{status}");
    }
    for status in [100, 199, 600, 999] {
        assert_eq!(client.get(&format!("/bodies/status/{status}")).status, 500);
    }
    let response = client.get("/bodies/none");
    assert_eq!(
        (response.status, response.header("x-kind")),
        (200, Some("none"))
    );
    assert_eq!(response.text(), "");

    let response = client.get("/bodies/headers");
    for name in ["connection", "transfer-encoding", "host", "upgrade"] {
        let rejected = format!("{name:?}: Err(HeaderError::Forbidden)");
        assert!(response.text().contains(&rejected), "{}", response.text());
    }
    for name in ["a b", "", "x-line", "x-nul"] {
        let rejected = format!("{name:?}: Err(HeaderError::InvalidSyntax)");
        assert!(response.text().contains(&rejected), "{}", response.text());
    }
    assert_eq!(response.header("x-upper"), Some("kept"));
    assert_eq!(response.header("server"), Some("mine"));
    assert!(response.values("set-cookie").eq(["a=1", "b=2"]));
    let date = response.header("date");
    assert!(date.is_some_and(|date| date != "yesterday"), "{date:?}");
}

#[test]
fn a_response_may_be_of_any_size() {
    let server = Serve::stock_with("").start();
    let mut client = server.connect();
    for len in [0, 1, 65_535, 65_536, 65_537, 1 << 20, 40_000_000] {
        for query in ["", "?declared"] {
            let response = client.get(&format!("/bodies/large/{len}{query}"));
            let in_order = response.body.iter().enumerate();
            let mut in_order = in_order.map(|(at, byte)| (at % 65_536 % 251) as u8 == *byte);
            assert_eq!(response.body.len(), len, "{query}");
            assert!(in_order.all(|is_right| is_right), "{len}{query}");
        }
    }
}

#[test]
fn the_pieces_of_a_response_go_out_as_they_are_written() {
    let server = Serve::stock_with("").start();
    for component in ["bodies", "echo"] {
        let mut client = server.connect();
        let began = Instant::now();
        client.send(get(&format!("/{component}/slow/4/400")));
        assert_eq!(client.head().status, 200);
        let mut arrived = Vec::new();
        while let Some(chunk) = client.chunk() {
            arrived.push((String::from_utf8(chunk).unwrap(), began.elapsed()));
        }
        let pieces = arrived.iter().map(|(piece, _)| piece.as_str());
        assert!(
            pieces.eq(["piece 0\n", "piece 1\n", "piece 2\n", "piece 3\n"]),
            "{arrived:?}"
        );
        let spread = arrived[3].1 - arrived[0].1;
        assert!(spread >= Duration::from_millis(800), "{arrived:?}");
    }
}

#[test]
fn the_head_goes_out_when_it_is_set() {
    let server = Serve::stock_with("").start();
    let mut client = server.connect();
    let began = Instant::now();
    client.send(get("/bodies/early/600000"));
    assert_eq!(client.head().status, 200);
    assert!(began.elapsed() < Duration::from_secs(600));
}

#[test]
fn a_response_may_begin_late_and_the_component_go_on_after_it() {
    let server = Serve::stock_with("").start();
    let mut client = server.connect();
    let began = Instant::now();
    assert_eq!(client.get("/faults/late/200").text(), "late\n");
    assert!(began.elapsed() >= Duration::from_millis(200));
    assert_eq!(client.get("/bodies/after/300").text(), "complete\n");
    assert!(
        !server.log().contains("it went on"),
        "the client need not wait for it"
    );
    assert_eq!(client.get("/hello").status, 200, "nor the next request");
    drop(client);
    assert!(eventually(|| server
        .log()
        .contains("it went on for 300 ms")));
}

#[test]
fn a_reader_that_stops_stops_the_component() {
    let server = Serve::stock_with("write-timeout-ms = 600000").start();
    let mut client = Client::with_a_small_buffer(server.addr());
    client.send(get("/bodies/large/1000000000"));
    let mut read_mib = |mib: usize| {
        for _ in 0..mib * 64 {
            client.socket.read_exact(&mut [0; 16_384]).unwrap();
        }
    };
    read_mib(10);
    let before = server.resident();
    thread::sleep(Duration::from_millis(500));
    let left = mib_left(&server).unwrap();
    assert!(left > 930, "{left} MiB of 953 are left");
    thread::sleep(Duration::from_secs(1));
    assert_eq!(mib_left(&server), Some(left), "it waits");
    read_mib(50);
    let goes_on = eventually(|| mib_left(&server) < Some(left - 40));
    assert!(goes_on, "{:?}", mib_left(&server));
    let grown = server.resident().saturating_sub(before) >> 20;
    assert!(grown < 64, "{grown} MiB more than before");
    assert_eq!(
        server.connect().get("/hello").status,
        200,
        "others are served"
    );
}

/// What the component that writes a large body last said that is left of it.
fn mib_left(server: &Server) -> Option<usize> {
    let log = server.log();
    let line = log.lines().rfind(|line| line.contains(" MiB are left"))?;
    let number = line.split(" MiB are left").next()?.rsplit(' ').next()?;
    number.parse().ok()
}

#[test]
fn a_component_ends_when_its_client_leaves() {
    // What the client gets before it leaves.
    for (path, begins) in [
        ("/bodies/slow/1000000/20", true),
        ("/faults/amid/loop", true),
        ("/bodies/large/100000000000", true),
        ("/faults/late/600000", false),
        ("/faults/loop", false),
    ] {
        let manifest = one_instance("request-timeout-ms = 600000\nwrite-timeout-ms = 600000");
        let server = Serve::app(apps::stock()).manifest(&manifest).start();
        let mut client = server.connect();
        client.send(get(path));
        if begins {
            assert_eq!(client.head().status, 200);
        }
        server.has_read(&client);
        assert_eq!(
            server.connect().get("/hello").status,
            503,
            "{path}: it is at work"
        );
        drop(client);
        let is_free = eventually(|| server.connect().get("/hello").status == 200);
        assert!(is_free, "{path}: it is at work still");
    }
}

fn one_instance(keys: &str) -> String {
    let manifest = std::fs::read_to_string(apps::stock().join("rusm.toml")).unwrap();
    let listen = "listen = \"127.0.0.1:0\"";
    let node = "[node]\ninstances-per-core = 1\npool-wait-ms = 0\n";
    format!(
        "{node}{}",
        manifest.replace(listen, &format!("{listen}\n{keys}"))
    )
}

/// A fault, its status, and what the operator reads about it.
const FAULTS: [(&str, u16, &str); 12] = [
    (
        "trap",
        500,
        "the guest trapped: wasm trap: wasm `unreachable`",
    ),
    ("panic", 500, "on purpose"),
    (
        "exit",
        500,
        "the guest trapped: Exited with i32 exit status 1",
    ),
    (
        "memory",
        500,
        "more than its 64 MiB of memory (max-memory-mb)",
    ),
    (
        "loop",
        504,
        "the guest took longer than 1.5s (request-timeout-ms)",
    ),
    (
        "late/600000",
        504,
        "the guest took longer than 1.5s (request-timeout-ms)",
    ),
    (
        "unset",
        500,
        "it returned and had not set its response-outparam",
    ),
    (
        "return",
        500,
        "it returned and had not set its response-outparam",
    ),
    (
        "error/denied",
        500,
        "its response-outparam to the error ErrorCode::HttpRequestDenied",
    ),
    (
        "error/own",
        500,
        "ErrorCode::InternalError(Some(\"its own words\"))",
    ),
    // Nothing of the response was sent yet.
    (
        "head/trap",
        500,
        "after its answer had begun: the guest trapped",
    ),
    (
        "head/exit",
        500,
        "after its answer had begun: the guest trapped: Exited",
    ),
];

#[test]
fn each_fault_has_its_status_and_harms_nobody_else() {
    for io in ["uring", "epoll"] {
        let server = Serve::stock_with("request-timeout-ms = 1500")
            .args(["--io", io])
            .start();
        let mut others = server.connect();
        let mut client = server.connect();
        for (fault, status, said) in FAULTS {
            client.send(get(&format!("/faults/{fault}")));
            assert_eq!(others.get("/hello").status, 200, "beside {fault}");
            let response = client.response();
            assert_eq!(
                (response.status, response.header("connection")),
                (status, None),
                "{fault}"
            );
            assert!(
                !response.text().contains("guest"),
                "the reason is the operator's"
            );
            assert_eq!(client.get("/hello").status, 200, "after {fault}");
            let is_said = eventually(|| server.log().contains(said));
            assert!(is_said, "{fault}: {}", server.log());
            let line = format!(
                "status={status} action=\"faults\" method=\"GET\" path=\"/faults/{fault}\""
            );
            let is_said = eventually(|| server.log().contains(&line));
            assert!(is_said, "{fault}: {}", server.log());
        }
        // It is said once.
        assert!(
            !server.log().contains("waited for longer than it may"),
            "{}",
            server.log()
        );
    }
}

#[test]
fn a_body_that_will_not_be_finished_does_not_look_finished() {
    let server = Serve::stock_with("").start();
    // Nothing was sent yet, and so the client is told.
    for path in [
        "/bodies/dropped",
        "/bodies/forgotten",
        "/bodies/declared/10/0",
    ] {
        // Unless the core was taken from the guest amid its work, and the head went out.
        let is_told = || {
            let mut client = server.connect();
            if client.send(get(path)).head().status != 500 {
                return false;
            }
            client.read_until("Internal Server Error\n");
            client.get("/hello").status == 200
        };
        assert!(eventually(is_told), "{path}");
        let said = format!("method=\"GET\" path={path:?}");
        assert!(
            eventually(|| server.log().contains(&said)),
            "{}",
            server.log()
        );
    }
    let told = |line: &str| server.log().matches(line).count();
    let lines = [
        "after its answer had begun: the guest trapped",
        "amid the body of a response",
    ];
    // A slow one of those above may have been sent in part, too.
    let before = lines.map(told);
    // Some of it was sent: the connection ends amid it.
    for fault in ["trap", "panic", "exit"] {
        let mut client = server.connect();
        client.send(get(&format!("/faults/amid/{fault}")));
        assert_eq!(client.head().status, 200);
        let rest = client.rest().unwrap_or_default();
        assert_eq!(
            String::from_utf8_lossy(&rest),
            "b\r\nsome of it\n\r\n",
            "{fault}"
        );
    }
    for (line, before) in lines.into_iter().zip(before) {
        assert!(eventually(|| told(line) == before + 3), "{}", server.log());
    }
    // It had been sent, and what the component did then is its own affair.
    let mut client = server.connect();
    assert_eq!(client.get("/faults/after/trap").text(), "all of it\n");
    assert_eq!(client.get("/hello").status, 200);
}

#[test]
fn a_body_of_another_length_than_declared_does_not_look_right() {
    let server = Serve::stock_with("").start();
    for (written, why) in [
        (5, "before it was finished"),
        (20, "longer than its content-length"),
    ] {
        let mut client = server.connect();
        let target = format!("/bodies/declared/10/{written}");
        let head = client.send(get(&target)).head();
        assert_eq!(head.status, 200, "{written}");
        assert_eq!(head.header("content-length"), Some("10"));
        assert_eq!(head.header("transfer-encoding"), None);
        let rest = String::from_utf8(client.rest().unwrap_or_default()).unwrap();
        assert!(
            rest.len() < 10 && rest.bytes().all(|byte| byte == b'x'),
            "{written}: {rest}"
        );
        let is_said = |line: &str| {
            line.contains("action=\"bodies\" method=\"GET\"")
                && line.contains(&format!("path={target:?}"))
                && line.contains(why)
        };
        let is_logged = || server.log().lines().any(is_said);
        assert!(eventually(is_logged), "{written}: {}", server.log());
    }
}

#[test]
fn a_declared_length_is_passed_on() {
    let server = Serve::stock_with("").start();
    let mut client = server.connect();
    for len in ["0", "10", "1000000"] {
        let target = format!("/bodies/large/{len}?declared");
        let response = client.get(&target);
        assert_eq!(response.header("content-length"), Some(len));
        assert_eq!(response.header("transfer-encoding"), None);
        assert_eq!(response.body.len().to_string(), len);

        let head = client.send(request("HEAD", &target, "", "")).head();
        assert_eq!(
            (head.status, head.header("content-length")),
            (200, Some(len))
        );
        assert_eq!(head.header("transfer-encoding"), None);
    }
    // One that knows what HEAD asks for writes nothing.
    let target = "/bodies/declared/10/0";
    let head = client.send(request("HEAD", target, "", "")).head();
    assert_eq!(
        (head.status, head.header("content-length")),
        (200, Some("10"))
    );
    // No body came behind any of them.
    assert_eq!(client.get("/hello").text(), "Hello from wstd\n");
    // It is there at once, so its length is known by itself.
    let head = client.send(request("HEAD", "/hello", "", "")).head();
    assert_eq!(head.header("content-length"), Some("16"));
}

#[test]
fn a_program_is_served_as_a_library_is() {
    let server = Serve::stock_with("").start();
    let mut client = server.connect();
    assert_eq!(client.get("/program").text(), "Hello from src/main.rs\n");
}

#[test]
fn what_a_component_prints_is_logged() {
    let server = Serve::stock_with("").start();
    assert_eq!(server.connect().get("/faults/print").text(), "printed\n");
    for line in [
        "INFO guest: said on standard output request_id=",
        "WARN guest: said on standard error request_id=",
        "WARN guest: said without an end request_id=",
    ] {
        let says = |log: &str| {
            log.lines()
                .any(|l| l.contains(line) && l.contains(" component=\"faults\" pid=<0.0."))
        };
        assert!(eventually(|| says(&server.log())), "{}", server.log());
    }
}

#[test]
fn trailers_go_to_who_takes_them() {
    let server = Serve::stock_with("").start();
    let mut client = server.connect();
    let takes = "TE: trailers\r\nConnection: TE\r\n";
    let response: Response = client
        .send(request("GET", "/bodies/trailers", takes, ""))
        .response();
    assert_eq!(response.text(), "a body with trailers\n");
    let named = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        response.trailers,
        [
            named("x-digest", "abc"),
            named("x-note", "one"),
            named("x-note", "two")
        ]
    );
    let response = client.get("/bodies/trailers");
    assert_eq!(response.text(), "a body with trailers\n");
    assert_eq!(response.trailers, []);

    let chunked = "Transfer-Encoding: chunked\r\nTrailer: x-sum\r\n";
    for path in ["/echo/digest", "/bodies/duplex"] {
        let body = "3\r\nabc\r\n0\r\nX-Sum: 1\r\nx-sum: 2\r\n\r\n";
        let headers = format!("{chunked}{takes}");
        let response = client
            .send(request("POST", path, &headers, body))
            .response();
        if path == "/echo/digest" {
            let text = response.text();
            assert!(text.ends_with("\nx-sum: 1\nx-sum: 2\n"), "{text}");
        } else {
            assert_eq!(response.text(), "begun\nabc");
            assert_eq!(
                response.trailers,
                [named("x-sum", "1"), named("x-sum", "2")]
            );
        }
    }
}

#[test]
fn the_pieces_of_a_request_come_as_they_are_sent() {
    let server = Serve::stock_with("").start();
    let mut client = server.connect();
    client.send("POST /bodies/duplex HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_eq!(client.head().status, 200, "before any of the body");
    assert_eq!(client.chunk().as_deref(), Some(&b"begun\n"[..]));
    for piece in ["one", "two", "three"] {
        client.send(format!("{:x}\r\n{piece}\r\n", piece.len()));
        assert_eq!(client.chunk().as_deref(), Some(piece.as_bytes()));
    }
    client.send("0\r\n\r\n");
    assert_eq!(client.chunk(), None);
    assert_eq!(client.trailers(), []);
    assert_eq!(client.get("/hello").status, 200);
}

#[test]
fn what_wasi_http_has_no_form_for_is_refused() {
    let server = Serve::stock_with("max-request-line = \"1MiB\"").start();
    let mut client = server.connect();
    let long = |len: usize| format!("/hello?{}", "q".repeat(len - "/hello?".len()));
    assert_eq!(client.get(&long(65_534)).status, 200);
    for len in [65_535, 200_000] {
        let rejected = client.get(&long(len));
        assert_eq!(rejected.status, 414, "{}", rejected.text());
    }
    let hosted = |host: &str| format!("GET /echo/head HTTP/1.1\r\nHost: {host}\r\n\r\n");
    for (host, authority) in [("", "localhost"), ("h:80", "h:80")] {
        let response = client.send(hosted(host)).response();
        assert_eq!(response.text().lines().nth(1), Some(authority));
    }
    assert_eq!(client.send(hosted("%41")).response().status, 400);
    // What browsers send as it is.
    assert_eq!(client.get("/echo/`{}|").status, 404);
    let absolute = "GET http://other:81/echo/head?a HTTP/1.1\r\nHost: h\r\n\r\n";
    let response = client.send(absolute).response().text();
    assert!(
        response.starts_with("GET /echo/head?a\nother:81\n"),
        "{response}"
    );
    let accents = client.get("/echo/head?q=\u{e9}").text();
    assert!(
        accents.starts_with("GET /echo/head?q=%C3%A9\n"),
        "{accents}"
    );
    assert_eq!(server.log(), "", "it is the client's fault");
}

#[test]
fn a_response_without_a_body_may_say_how_long_it_would_be() {
    let server = Serve::stock_with("").start();
    let mut client = server.connect();
    for (method, status, length) in [
        ("GET", 304, Some("5")),
        ("HEAD", 304, Some("5")),
        ("GET", 204, None),
        ("HEAD", 204, None),
        ("HEAD", 200, Some("5")),
    ] {
        let target = format!("/bodies/status/{status}?content-length=5");
        let head = client.send(request(method, &target, "", "")).head();
        let seen = (head.status, head.header("content-length"));
        assert_eq!(seen, (status, length), "{method}");
    }
    assert_eq!(client.get("/hello").text(), "Hello from wstd\n");
}

#[test]
fn a_client_is_told_to_continue_when_the_component_reads() {
    let server = Serve::stock_with("").start();
    let expecting = |path: &str| {
        let headers = "Content-Length: 5\r\nExpect: 100-continue\r\n";
        request("POST", path, headers, "")
    };
    let mut client = server.connect();
    assert_eq!(client.send(expecting("/echo/digest")).head().status, 100);
    let digest = client.send("hello").response().text();
    assert!(digest.starts_with("5 "), "{digest}");
    let unread = client.send(expecting("/bodies/unread")).response();
    assert_eq!((unread.status, unread.text()), (200, "unread\n".into()));
}

#[test]
fn what_connection_nominates_is_not_for_the_component() {
    let server = Serve::stock_with("").start();
    let headers = "Connection: X-Hop, te\r\nX-Hop: 1\r\nx-hop: 2\r\nTE: trailers\r\nX-End: 3\r\n";
    let seen = server
        .connect()
        .send(request("GET", "/echo/head", headers, ""))
        .response()
        .text();
    assert!(seen.contains("x-end: 3\n"), "{seen}");
    assert!(!seen.contains("x-hop") && !seen.contains("\nte:"), "{seen}");
}

fn fnv1a(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}
