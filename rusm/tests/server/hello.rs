//! What a well-behaved client gets.

use std::io::Write;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, SystemTime};

use crate::apps;
use crate::client::{Client, exchange, get, request};
use crate::server::{Serve, two_cores};

const MIB: usize = 1 << 20;

#[test]
fn every_route_answers() {
    let server = Serve::hello().args(["--io", "uring"]).start();
    assert!(
        server.banner.contains("1 shard on core "),
        "{}",
        server.banner
    );
    assert!(server.banner.contains(", io_uring, "), "{}", server.banner);
    routes_answer(server.addr());
}

#[test]
fn every_route_answers_over_epoll_and_on_several_cores() {
    let server = Serve::hello()
        .args(["--io", "epoll", "--cores", &two_cores()])
        .start();
    assert!(server.banner.contains(", epoll, "), "{}", server.banner);
    // So many connections that every shard gets some.
    for _ in 0..8 {
        routes_answer(server.addr());
    }
}

fn routes_answer(addr: SocketAddr) {
    let mut client = Client::connect(addr);
    for (target, status, text) in [
        ("/", 200, "Hello from RUSM\n"),
        ("/?query", 200, "Hello from RUSM\n"),
        ("http://elsewhere/", 200, "Hello from RUSM\n"),
        ("/users/7", 200, "user 7\n"),
        ("/users/J%C3%BCrgen%20", 200, "user J\u{fc}rgen \n"),
        ("/users/a%2Fb?c", 200, "user a/b\n"),
        ("/users/%25", 200, "user %\n"),
        ("/users/", 404, "Not Found\n"),
        ("/users/7/", 404, "Not Found\n"),
        ("/%75sers/7", 200, "user 7\n"),
        ("/files/", 200, "file \n"),
        ("/files/a/b%2fc/../%64", 200, "file a/b/c/../d\n"),
        ("/files", 404, "Not Found\n"),
        ("/nowhere", 404, "Not Found\n"),
        ("/boom", 500, "Internal Server Error\n"),
        ("/alloc", 500, "Internal Server Error\n"),
        ("/echo", 405, "Method Not Allowed\n"),
        ("/", 200, "Hello from RUSM\n"),
    ] {
        let response = client.get(target);
        assert_eq!(
            (response.status, response.text()),
            (status, text.into()),
            "{target}"
        );
        assert_eq!(
            response.header("content-type"),
            Some("text/plain; charset=utf-8"),
            "{target}"
        );
        assert_eq!(response.header("connection"), None, "{target}");
    }
    for path in ["/users/%ff", "/users/%C3", "/users/%zz", "/files/%", "/%2"] {
        assert_eq!(client.get(path).status, 400, "{path}");
    }

    let headers = "X-One: 1\r\nx-two:\t2 2 \r\nCookie: a\r\n";
    let response = client
        .send(request("GET", "/headers", headers, ""))
        .response();
    assert_eq!(response.header("content-type"), Some("application/json"));
    let headers: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    let expected = serde_json::json!({"host": "h", "x-one": "1", "x-two": "2 2", "cookie": "a"});
    assert_eq!(headers, expected);

    let echo = request(
        "POST",
        "/echo",
        "Content-Type: a/b\r\nContent-Length: 5\r\n",
        "h\0llo",
    );
    let response = client.send(echo).response();
    assert_eq!((response.status, response.text()), (200, "h\0llo".into()));
    assert_eq!(response.header("content-type"), Some("a/b"));
}

#[test]
fn a_path_without_that_method_says_which_it_has() {
    let server = Serve::hello().start();
    let mut client = server.connect();
    for (method, path, status, allow) in [
        ("DELETE", "/", 405, Some("GET, HEAD")),
        ("post", "/echo", 405, Some("POST")),
        ("HEAD", "/echo", 405, Some("POST")),
        ("PUT", "/users/7", 405, Some("GET, HEAD")),
        ("PUT", "/nowhere", 404, None),
    ] {
        client.send(request(method, path, "", ""));
        let response = if method == "HEAD" {
            client.head()
        } else {
            client.response()
        };
        assert_eq!(
            (response.status, response.header("allow")),
            (status, allow),
            "{method} {path}"
        );
    }
}

#[test]
fn head_is_get_without_a_body() {
    let server = Serve::hello().start();
    let mut client = server.connect();
    for (path, status, len) in [("/", 200, "16"), ("/users/7", 200, "7"), ("/x", 404, "10")] {
        let as_get = client.get(path);
        let head = client.send(request("HEAD", path, "", "")).head();
        assert_eq!(
            (head.status, head.header("content-length")),
            (status, Some(len)),
            "{path}"
        );
        assert_eq!(
            head.header("content-type"),
            as_get.header("content-type"),
            "{path}"
        );
        // A body would be in the way of the next response.
        assert_eq!(client.get("/users/next").text(), "user next\n");
    }
}

#[test]
fn bodies_of_a_length_come_back() {
    let server = Serve::hello().start();
    let mut client = server.connect();
    for len in [0, 1, 100, 4 * 1024, 70_000, MIB - 1, MIB] {
        let body = body_of(len);
        client.send(request(
            "POST",
            "/echo",
            &format!("Content-Length: {len}\r\n"),
            &body,
        ));
        let response = client.response();
        assert_eq!(response.status, 200, "{len} bytes");
        assert!(response.text() == body, "{len} bytes came back otherwise");
    }
    client.send(request("POST", "/echo", "", ""));
    assert_eq!(client.response().text(), "", "no length is no body");
}

#[test]
fn bodies_in_chunks_come_back() {
    let server = Serve::hello().start();
    let mut client = server.connect();
    let head = request("POST", "/echo", "Transfer-Encoding: chunked\r\n", "");
    for (len, by) in [
        (0, 1),
        (10, 1),
        (10, 10),
        (100_000, 7_000),
        (MIB - 1, 65_536),
        (MIB, MIB),
    ] {
        let body = body_of(len);
        client.send(&head).send(chunked(&body, by));
        let response = client.response();
        assert_eq!(response.status, 200, "{len} bytes by {by}");
        assert!(
            response.text() == body,
            "{len} bytes by {by} came back otherwise"
        );
    }
    let message = head + "5;a=\"b\"\r\nhello\r\n00006\r\n world\r\n0\r\nTrailer: x\r\n\r\n";
    client.send(&message).send(get("/users/next"));
    assert_eq!(client.response().text(), "hello world");
    assert_eq!(
        client.response().text(),
        "user next\n",
        "right behind the trailers"
    );
    for byte in message.bytes() {
        client.send([byte]);
        thread::sleep(Duration::from_micros(200));
    }
    assert_eq!(client.response().text(), "hello world", "byte by byte");
}

#[test]
fn a_client_that_waits_to_be_told_is_told_to_continue() {
    let server = Serve::hello().start();
    let mut client = server.connect();
    for (headers, body) in [
        ("Expect: 100-continue\r\nContent-Length: 5\r\n", "hello"),
        (
            "Expect: 100-Continue\r\nTransfer-Encoding: chunked\r\n",
            "5\r\nhello\r\n0\r\n\r\n",
        ),
    ] {
        client.send(request("POST", "/echo", headers, ""));
        assert_eq!(client.head().status, 100);
        let response = client.send(body).response();
        assert_eq!((response.status, response.text()), (200, "hello".into()));
        // One that doesn't wait needs no word.
        client.send(request("POST", "/echo", headers, body));
        assert_eq!(client.response().text(), "hello");
    }
    client.send(request("POST", "/echo", "Expect: 100-continue\r\n", ""));
    assert_eq!(
        client.response().status,
        200,
        "there is nothing to wait for"
    );
    for (target, status) in [("/nowhere", 404), ("/", 405)] {
        let headers = "Expect: 100-continue\r\nContent-Length: 5\r\n";
        let mut client = server.connect();
        let response = client.send(request("POST", target, headers, "")).response();
        assert_eq!(response.status, status);
        assert_eq!(
            response.header("connection"),
            Some("close"),
            "where the body ends is open"
        );
        client.is_closed();
    }
}

#[test]
fn a_connection_serves_any_number_of_requests() {
    let server = Serve::hello().start();
    let mut client = server.connect();
    for number in 0..2_000 {
        assert_eq!(
            client.get(&format!("/users/{number}")).text(),
            format!("user {number}\n")
        );
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = Serve::hello().start();
    let mut client = server.connect();
    let chunks = "Transfer-Encoding: chunked\r\n";
    let one_of_each = |number: usize| {
        let body = format!("body {number}");
        let length = format!("Content-Length: {}\r\n", body.len());
        [
            get(&format!("/users/{number}")),
            request("POST", "/echo", &length, &body),
            get(&format!("/nowhere/{number}")),
            request("POST", "/echo", chunks, &chunked(&body, 3)),
            get("/boom"),
            request("GET", "/users/with-a-body", &length, &body),
        ]
        .concat()
    };
    const ROUNDS: usize = 1_000;
    let mut requests: String = (0..ROUNDS).map(one_of_each).collect();
    requests += &request("GET", "/", "Connection: close\r\n", "");
    thread::scope(|scope| {
        // In one write, as far as the kernel takes it; nobody could send all of it before reading.
        let mut socket = client.socket.try_clone().unwrap();
        scope.spawn(move || socket.write_all(requests.as_bytes()).unwrap());
        for number in 0..ROUNDS {
            assert_eq!(client.response().text(), format!("user {number}\n"));
            assert_eq!(client.response().text(), format!("body {number}"));
            assert_eq!(client.response().status, 404);
            assert_eq!(client.response().text(), format!("body {number}"));
            assert_eq!(client.response().status, 500);
            assert_eq!(client.response().text(), "user with-a-body\n");
        }
        assert_eq!(client.response().text(), "Hello from RUSM\n");
        client.is_closed();
    });
}

#[test]
fn who_closes_when() {
    let server = Serve::hello().start();
    let closing = |version: &str, headers: &str| {
        let first = format!("GET / HTTP/{version}\r\nHost: h\r\n{headers}\r\n");
        let last = request("GET", "/users/last", "Connection: close\r\n", "");
        let responses = exchange(server.addr(), first + &last);
        let connection = responses[0].header("connection").map(str::to_owned);
        let texts: Vec<_> = responses.iter().map(|response| response.text()).collect();
        assert_eq!(texts[0], "Hello from RUSM\n");
        assert!(
            texts.len() == 1 || texts[1..] == ["user last\n"],
            "{texts:?}"
        );
        (connection, texts.len() == 1)
    };
    let closed = (Some("close".to_owned()), true);
    for (version, headers, expected) in [
        ("1.1", "", (None, false)),
        ("1.1", "Connection: keep-alive\r\n", (None, false)),
        ("1.1", "Connection: close\r\n", closed.clone()),
        ("1.1", "Connection: a, Close\r\n", closed.clone()),
        ("1.0", "", closed.clone()),
        ("1.0", "Connection: close\r\n", closed.clone()),
        (
            "1.0",
            "Connection: Keep-Alive\r\n",
            (Some("keep-alive".into()), false),
        ),
    ] {
        assert_eq!(
            closing(version, headers),
            expected,
            "HTTP/{version} {headers}"
        );
    }
}

#[test]
fn a_client_that_has_sent_its_last_still_gets_its_answers() {
    let server = Serve::hello().start();
    let mut client = server.connect();
    client.send(get("/") + &get("/users/2"));
    client.socket.shutdown(std::net::Shutdown::Write).unwrap();
    let texts: Vec<_> = client.responses_to_end().iter().map(|r| r.text()).collect();
    assert_eq!(texts, ["Hello from RUSM\n", "user 2\n"]);
}

#[test]
fn every_response_has_the_date() {
    let server = Serve::hello().start();
    let mut client = server.connect();
    let mut dates = || {
        [(get("/"), 200), (get("/x"), 404), (get("/boom"), 500)].map(|(request, status)| {
            let response = client.send(request).response();
            assert_eq!(response.status, status);
            let date = httpdate::parse_http_date(response.header("date").unwrap()).unwrap();
            let off = SystemTime::now().duration_since(date).unwrap();
            assert!(off < Duration::from_secs(5), "{off:?} late");
            date
        })
    };
    let before = dates();
    // It counts whole seconds, and goes on while nothing is asked.
    thread::sleep(Duration::from_millis(1100));
    assert!(dates().iter().min() > before.iter().max());
}

#[test]
fn headers_of_the_listener_are_on_every_response() {
    let manifest = r#"
        [[serve]]
        listen = "127.0.0.1:0"
        max-body = 10
        [serve.routes]
        "GET /" = "hello#index"
        "GET /boom" = "hello#boom"
        "POST /echo" = "hello#echo"
        [serve.headers]
        x-frame-options = "DENY"
        Content-Type = "x/default"
    "#;
    let server = Serve::app(apps::hello()).manifest(manifest).start();
    for (request, status) in [
        (get("/"), 200),
        (request("HEAD", "/", "", ""), 200),
        (get("/x"), 404),
        (get("/boom"), 500),
        (request("PUT", "/", "", ""), 405),
        ("GET / HTTP/1.1\r\n\r\n".into(), 400),
        (request("POST", "/echo", "Content-Length: 11\r\n", ""), 413),
    ] {
        let response = server.connect().send(&request).head();
        assert_eq!(response.status, status);
        assert_eq!(
            response.header("x-frame-options"),
            Some("DENY"),
            "{request}"
        );
        assert_ne!(
            response.header("content-type"),
            Some("x/default"),
            "what is there stays"
        );
    }
}

#[test]
fn each_listener_has_its_own_routes_and_limits() {
    let manifest = r#"
        [[serve]]
        listen = "127.0.0.1:0"
        max-body = 3
        [serve.routes]
        "GET /" = "hello#index"
        "POST /echo" = "hello#echo"

        [[serve]]
        listen = "[::1]:0"
        [serve.routes]
        "GET /:id" = "hello#user"
        "PUT /echo" = "hello#echo"
    "#;
    let cores = two_cores();
    let server = Serve::app(apps::hello())
        .manifest(manifest)
        .args(["--cores", &cores])
        .start();
    for _ in 0..8 {
        let mut first = Client::connect(server.addrs[0]);
        let mut second = Client::connect(server.addrs[1]);
        assert_eq!(first.get("/").text(), "Hello from RUSM\n");
        assert_eq!(second.get("/").status, 404);
        assert_eq!(first.get("/7").status, 404);
        assert_eq!(second.get("/7").text(), "user 7\n");
        let put = request("PUT", "/echo", "Content-Length: 4\r\n", "four");
        assert_eq!(second.send(&put).response().text(), "four");
        assert_eq!(
            first.send(put.replace("PUT", "POST")).response().status,
            413
        );
    }
}

fn body_of(len: usize) -> String {
    let mut lines = (0..).map(|number| format!("every line of it is another: {number}\n"));
    let mut body = String::new();
    while body.len() < len {
        body.extend(lines.next());
    }
    body.truncate(len);
    body
}

fn chunked(body: &str, by: usize) -> String {
    let chunks = body.as_bytes().chunks(by).map(|chunk| {
        let text = std::str::from_utf8(chunk).unwrap();
        format!("{:x}\r\n{text}\r\n", chunk.len())
    });
    chunks.collect::<String>() + "0\r\n\r\n"
}
