//! What one client may take: bytes, time, and connections.

use std::io::Read;
use std::thread;
use std::time::{Duration, Instant};

use crate::client::{Client, exchange, get, request};
use crate::server::{PATIENCE, Serve, eventually, two_cores};

#[test]
fn request_lines_and_headers_have_a_size() {
    let keys = "max-request-line = 64\nmax-header-bytes = 200\nmax-headers = 5";
    let server = Serve::hello_with(keys).start();
    let line = |len: usize| {
        let around = "GET /users/ HTTP/1.1".len();
        get(&format!("/users/{}", "x".repeat(len - around)))
    };
    let bytes = |len: usize| {
        let around = "Host: h\r\nA: \r\n\r\n".len();
        request(
            "GET",
            "/",
            &format!("A: {}\r\n", "x".repeat(len - around)),
            "",
        )
    };
    let count = |count: usize| request("GET", "/", &"A: b\r\n".repeat(count - 1), "");
    for (what, fits, too_large, endless, status) in [
        ("request line", line(64), line(65), &line(1_000)[..500], 414),
        (
            "headers' bytes",
            bytes(200),
            bytes(201),
            &bytes(1_000)[..500],
            431,
        ),
        ("headers", count(5), count(6), &count(30)[..80], 431),
    ] {
        let mut client = server.connect();
        assert_eq!(client.send(fits).response().status, 200, "{what}");
        assert_eq!(client.send(&too_large).response().status, status, "{what}");
        client.is_closed();
        assert_eq!(
            exchange(server.addr(), endless)[0].status,
            status,
            "{what} without an end"
        );
    }
}

#[test]
fn as_many_headers_may_come_as_the_limit_says() {
    let keys = "max-headers = 500\nmax-header-bytes = \"64KiB\"";
    let server = Serve::hello_with(keys).start();
    let count = |count: usize| request("GET", "/", &"A: b\r\n".repeat(count - 1), "");
    let mut client = server.connect();
    for fits in [100, 128, 129, 500] {
        assert_eq!(client.send(count(fits)).response().status, 200, "{fits}");
    }
    assert_eq!(client.send(count(501)).response().status, 431);
}

#[test]
fn bodies_that_wait_have_a_bound_of_memory() {
    let manifest = "[node]\nbody-memory-per-core = \"8MiB\"\n[[serve]]\nlisten = \"127.0.0.1:0\"\n\
                    [serve.routes]\n\"GET /blob/:bytes\" = \"odd#blob\"\n";
    let server = Serve::app(crate::apps::lab())
        .manifest(manifest)
        .args(["--cores", "0-0"])
        .start();
    let unread = || {
        let mut client = Client::with_a_small_buffer(server.addr());
        client.send(get("/blob/6000000"));
        client.head().status
    };
    let statuses: Vec<_> = (0..20).map(|_| unread()).collect();
    assert_eq!(statuses[0], 200);
    // Each is dropped before the next, so there is room again, sooner or later.
    assert!(
        statuses.iter().all(|status| matches!(status, 200 | 503)),
        "{statuses:?}"
    );
    let mut clients = Vec::new();
    for _ in 0..5 {
        let mut client = Client::with_a_small_buffer(server.addr());
        client.send(get("/blob/6000000"));
        let status = client.head().status;
        clients.push((client, status));
    }
    let rejected = clients.iter().filter(|(_, status)| *status == 503).count();
    assert!(rejected >= 3, "{rejected}");
    assert_eq!(server.connect().get("/blob/1000").status, 200);
    assert!(eventually(|| server
        .log()
        .contains("(body-memory-per-core)")));
}

#[test]
fn a_large_head_within_the_limits_is_read() {
    let server = Serve::hello().start();
    let lines = (0..90).map(|number| format!("X-{number}: {}\r\n", "v".repeat(300)));
    let target = format!("/users/{}", "7".repeat(8_000));
    let request = request("GET", &target, &lines.collect::<String>(), "");
    let mut client = server.connect();
    for piece in request.as_bytes().chunks(5_000) {
        client.send(piece);
        thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(client.response().body.len(), "user \n".len() + 8_000);
}

#[test]
fn bodies_have_a_size() {
    let server = Serve::hello_with("max-body = 100").start();
    let of_length = |len: usize| {
        request(
            "POST",
            "/echo",
            &format!("Content-Length: {len}\r\n"),
            &"x".repeat(len),
        )
    };
    let in_chunks = |len: usize| {
        let chunks = "1\r\nx\r\n".repeat(len);
        request(
            "POST",
            "/echo",
            "Transfer-Encoding: chunked\r\n",
            &format!("{chunks}0\r\n\r\n"),
        )
    };
    for (fits, too_large) in [
        (of_length(100), of_length(101)),
        (in_chunks(100), in_chunks(101)),
    ] {
        let mut client = server.connect();
        assert_eq!(client.send(fits).response().body.len(), 100);
        // It is told even though it goes on sending.
        let rejected = client.send(too_large + &get("/")).response();
        assert_eq!(
            (rejected.status, rejected.header("connection")),
            (413, Some("close"))
        );
        client.is_closed();
    }
    let waiting = "Expect: 100-continue\r\nContent-Length: 101\r\n";
    let responses = exchange(server.addr(), request("POST", "/echo", waiting, ""));
    assert_eq!(
        responses[0].status, 413,
        "before the client has sent any of it"
    );
}

#[test]
fn a_client_that_sends_far_too_much_still_reads_why() {
    let server = Serve::hello().start();
    for sent in [1 << 20, 3 << 20] {
        let mut client = server.connect();
        client.send(request(
            "POST",
            "/echo",
            &format!("Content-Length: {}\r\n", 1 << 30),
            "",
        ));
        let _ = client.try_send(vec![b'x'; sent]);
        assert_eq!(client.response().status, 413, "{sent} bytes were sent");
    }
}

#[test]
fn a_head_takes_no_longer_than_it_may() {
    let server = Serve::hello_with("header-timeout-ms = 400").start();
    let request = request("GET", "/", &"A: b\r\n".repeat(90), "");
    for before in [String::new(), get("/"), get("/") + "GET /ne"] {
        let mut client = server.connect();
        client.send(&before);
        if !before.is_empty() {
            assert_eq!(client.response().status, 200);
        }
        is_cut_off_while_sending(&mut client, request.bytes(), 408);
    }
    // Nor does one of which the last byte is missing.
    let mut client = server.connect();
    client.send(get("/") + get("/").trim_end());
    assert_eq!(client.response().status, 200);
    assert_eq!(client.response().status, 408);
    client.is_closed();
    // Time that a client takes between requests is not the head's.
    let mut client = server.connect();
    assert_eq!(client.get("/").status, 200);
    thread::sleep(Duration::from_millis(600));
    assert_eq!(client.get("/").status, 200);
}

#[test]
fn a_body_takes_no_longer_than_it_may() {
    let server = Serve::hello_with("body-timeout-ms = 400").start();
    for headers in [
        "Content-Length: 100000\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Content-Length: 100000\r\nExpect: 100-continue\r\n",
    ] {
        let mut client = server.connect();
        client.send(request("POST", "/echo", headers, ""));
        if headers.contains("Expect") {
            assert_eq!(client.head().status, 100);
        }
        is_cut_off_while_sending(&mut client, "1\r\nx\r\n".bytes().cycle(), 408);
    }
}

/// Send a byte now and then, until the server answers with `status` and closes. A slow sender is
/// cut off by the clock, not when it pauses.
#[track_caller]
fn is_cut_off_while_sending(client: &mut Client, bytes: impl Iterator<Item = u8>, status: u16) {
    let started = Instant::now();
    let mut peeked = [0];
    client
        .socket
        .set_read_timeout(Some(Duration::from_millis(30)))
        .unwrap();
    for byte in bytes {
        let sent = client.try_send([byte]);
        if client.socket.peek(&mut peeked).is_ok() || sent.is_err() {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "it may send for ever");
    }
    client.socket.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(
        started.elapsed() > Duration::from_millis(250),
        "{:?}",
        started.elapsed()
    );
    let response = client.response();
    assert_eq!(
        (response.status, response.header("connection")),
        (status, Some("close"))
    );
    client.is_closed();
}

#[test]
fn an_idle_connection_is_closed_without_a_word() {
    let server = Serve::hello_with("idle-timeout-ms = 300").start();
    for requests in [0, 1, 2] {
        let mut client = server.connect();
        for _ in 0..requests {
            assert_eq!(client.get("/").status, 200);
        }
        let idle_since = Instant::now();
        client.is_closed();
        assert!(
            idle_since.elapsed() > Duration::from_millis(150),
            "{:?}",
            idle_since.elapsed()
        );
    }
}

#[test]
fn deadlines_are_those_of_each_connection() {
    let keys = "idle-timeout-ms = 60000\nheader-timeout-ms = 300\nbody-timeout-ms = 60000";
    let server = Serve::hello_with(keys).start();
    let mut idle = server.connect();
    idle.get("/");
    let mut in_body = server.connect();
    in_body.send(request("POST", "/echo", "Content-Length: 5\r\n", "he"));
    let mut in_head = server.connect();
    assert_eq!(in_head.send("GET / HT").response().status, 408);
    assert_eq!(in_body.send("llo").response().text(), "hello");
    assert_eq!(idle.get("/").status, 200);
}

#[test]
fn a_listener_has_so_many_connections_and_no_more() {
    let server = Serve::hello_with("max-connections = 3")
        .args(["--cores", &two_cores()])
        .start();
    let mut open: Vec<_> = (0..3).map(|_| server.connect()).collect();
    for client in &mut open {
        assert_eq!(client.get("/").status, 200);
    }
    for _ in 0..10 {
        let mut rejected = server.connect();
        let response = rejected.response();
        assert_eq!(
            (response.status, response.header("retry-after")),
            (503, Some("1"))
        );
        assert_eq!(response.header("connection"), Some("close"));
        rejected.is_closed();
    }
    for client in &mut open {
        assert_eq!(
            client.get("/").status,
            200,
            "those that are open are not concerned"
        );
    }
    drop(open.pop());
    let room_again = || {
        let mut client = server.connect();
        client.try_send(get("/")).is_ok() && client.response().status == 200
    };
    assert!(eventually(room_again));
}

#[test]
fn a_client_that_reads_nothing_is_cut_off() {
    let server = Serve::lab_with("write-timeout-ms = 400").start();
    let before = server.files_at_rest();
    let round = || {
        // Each would keep 8 MiB in the server.
        let mut clients: Vec<_> = (0..10)
            .map(|_| Client::with_a_small_buffer(server.addr()))
            .collect();
        server.has_opened(before + clients.len());
        for client in &mut clients {
            client.send(get("/blob/8388608"));
        }
        server.lets_go_of_all_but(before);
        server.resident()
    };
    let after_first = round();
    let after_last = (1..5).fold(round(), |_, _| round());
    let grown = after_last.saturating_sub(after_first);
    assert!(
        grown < 64 << 20,
        "{} MiB after the first, {} MiB now",
        after_first >> 20,
        after_last >> 20
    );
    assert_eq!(server.connect().get("/blob/1").text(), "x");
}

#[test]
fn a_client_that_reads_slowly_is_not() {
    let server = Serve::lab_with("write-timeout-ms = 2000").start();
    const LEN: usize = 24 << 20;
    let mut client = Client::with_a_small_buffer(server.addr());
    let started = Instant::now();
    client.send(get(&format!("/blob/{LEN}")));
    let mut chunk = vec![0; 64 * 1024];
    let (mut read, head) = (0, 200);
    while read < LEN {
        let len = client.socket.read(&mut chunk).unwrap();
        assert_ne!(
            len,
            0,
            "cut off after {read} bytes and {:?}",
            started.elapsed()
        );
        read += len;
        thread::sleep(Duration::from_millis(8));
    }
    assert!(read < LEN + head, "{read}");
    assert!(
        started.elapsed() > Duration::from_millis(2000),
        "all of it took longer than a pause may"
    );
}
