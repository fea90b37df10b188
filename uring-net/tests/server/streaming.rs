//! Bodies that are made while they are sent.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use rusm_uring_net::connection::Settings;
use rusm_uring_net::http1::{HeaderLines, ResponseHeaders, Status};
use rusm_uring_net::{Aborted, Body, Driver, Response, ServiceResponse};

use crate::harness::{A_WHILE, Client, Server, get, settings, soon};
use crate::peers::{Controlled, Endless, Source, ok, source};

/// A server that answers `/` with the body, and everything else with its path.
fn one_stream(driver: Driver, settings: Settings) -> (Server, Source) {
    let (source, body) = source();
    let body = Mutex::new(Some(body));
    let server = Server::on(driver, settings, move || {
        move |request| {
            let body: Option<Controlled> = match request.head.path {
                "/" => body.lock().unwrap().take(),
                _ => None,
            };
            Ok(match body {
                Some(body) => ok(Body::Stream(Box::new(body))),
                None => ok(request.head.path.as_bytes().to_vec()),
            })
        }
    });
    (server, source)
}

fn endless(settings: Settings, chunk: usize) -> (Server, Arc<AtomicUsize>, mpsc::Receiver<()>) {
    let pulled = Arc::new(AtomicUsize::new(0));
    let (drops, dropped) = mpsc::channel();
    let shared = pulled.clone();
    let server = Server::start(settings, move || {
        move |_| {
            Ok(ok(Body::Stream(Box::new(Endless {
                chunk,
                pulled: shared.clone(),
                drops: drops.clone(),
            }))))
        }
    });
    (server, pulled, dropped)
}

fn each_driver(test: impl Fn(Driver)) {
    test(Driver::Uring);
    test(Driver::Epoll);
}

#[test]
fn chunks_arrive_one_by_one() {
    each_driver(|driver| {
        let (server, source) = one_stream(driver, settings());
        let mut client = Client::connect(&server);
        source.send("hello");
        client.get("/");
        let head = client.head();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(head.contains("transfer-encoding: chunked\r\n"), "{head}");
        assert!(!head.contains("content-length"), "{head}");
        assert_eq!(client.take(10), b"5\r\nhello\r\n");
        source.send("");
        client.expect_silence();
        source.send("x".repeat(20));
        assert_eq!(
            client.take(26),
            [b"14\r\n", &[b'x'; 20][..], b"\r\n"].concat()
        );
        drop(source.chunks);
        assert_eq!(client.take(5), b"0\r\n\r\n");
        soon(&source.dropped);
        client.get("/next");
        client.until("/next");
    });
}

#[test]
fn the_head_is_sent_with_the_end_of_an_empty_body() {
    let (server, source) = one_stream(Driver::Uring, settings());
    let mut client = Client::connect(&server);
    drop(source.chunks);
    client.get("/");
    client.head();
    assert_eq!(client.take(5), b"0\r\n\r\n");
    client.get("/next");
    client.until("/next");
}

#[test]
fn the_head_does_not_wait_for_a_first_chunk_that_does_not_come() {
    each_driver(|driver| {
        let (server, source) = one_stream(driver, settings());
        let mut client = Client::connect(&server);
        client.get("/");
        assert!(client.head().starts_with("HTTP/1.1 200 OK\r\n"));
        client.expect_silence();
        source.send("hello");
        assert_eq!(client.take(10), b"5\r\nhello\r\n");
        drop(source.chunks);
        assert_eq!(client.take(5), b"0\r\n\r\n");
        client.get("/next");
        client.until("/next");
    });
}

#[test]
fn chunks_of_every_size_arrive_whole() {
    each_driver(|driver| {
        let (server, source) = one_stream(driver, settings());
        let mut client = Client::connect(&server);
        client.get("/");
        let sizes = [1, 15, 16, 16_384, 16_385, 100_000, 3, 1_000_000, 65_536, 7];
        for (index, size) in sizes.into_iter().enumerate() {
            source.send(vec![b'a' + index as u8; size]);
        }
        drop(source.chunks);
        client.head();
        for (index, size) in sizes.into_iter().enumerate() {
            assert_eq!(client.until("\r\n"), format!("{size:x}\r\n").into_bytes());
            assert!(
                client
                    .take(size)
                    .iter()
                    .all(|byte| *byte == b'a' + index as u8)
            );
            assert_eq!(client.take(2), b"\r\n");
        }
        assert_eq!(client.take(5), b"0\r\n\r\n");
    });
}

#[test]
fn a_large_chunk_is_not_held_back_by_its_end() {
    let (server, source) = one_stream(Driver::Uring, settings());
    let mut client = Client::connect(&server);
    client.get("/");
    source.send(vec![b'x'; 50_000]);
    client.head();
    client.until("c350\r\n");
    client.take(50_000 + 2);
}

#[test]
fn a_client_of_http_1_0_reads_to_the_end() {
    let (server, source) = one_stream(Driver::Uring, settings());
    let mut client = Client::connect(&server);
    client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    source.send("hel");
    let head = client.head();
    assert!(head.contains("connection: close\r\n"), "{head}");
    assert!(!head.contains("transfer-encoding"), "{head}");
    source.send("lo");
    drop(source.chunks);
    assert_eq!(client.rest(), b"hello");
}

#[test]
fn a_head_request_has_no_body_and_drops_the_stream() {
    let (server, source) = one_stream(Driver::Uring, settings());
    let mut client = Client::connect(&server);
    client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert!(client.head().contains("transfer-encoding: chunked\r\n"));
    soon(&source.dropped);
    client.get("/next");
    assert!(client.head().starts_with("HTTP/1.1 200"));
    assert_eq!(client.take(5), b"/next");
}

#[test]
fn an_aborted_body_is_seen_to_be_incomplete() {
    let (server, source) = one_stream(Driver::Uring, settings());
    let mut client = Client::connect(&server);
    client.get("/");
    source.send("hello");
    source.chunks.unbounded_send(Err(Aborted)).unwrap();
    client.head();
    assert_eq!(client.rest(), b"5\r\nhello\r\n");
    soon(&source.dropped);
}

#[test]
fn a_body_that_is_aborted_before_it_began_is_an_error() {
    let (server, source) = one_stream(Driver::Uring, settings());
    let mut client = Client::connect(&server);
    source.chunks.unbounded_send(Err(Aborted)).unwrap();
    client.get("/");
    assert!(client.head().starts_with("HTTP/1.1 500"));
    client.until("\n");
    client.get("/next");
    client.until("/next");
}

#[test]
fn a_client_that_leaves_ends_the_stream() {
    each_driver(|driver| {
        for begun in [false, true] {
            for reset in [false, true] {
                let (server, source) = one_stream(driver, settings());
                let mut client = Client::connect(&server);
                client.get("/");
                if begun {
                    source.send("hello");
                    client.until("hello\r\n");
                }
                thread::sleep(A_WHILE);
                assert!(source.dropped.try_recv().is_err(), "it goes on");
                match reset {
                    true => client.reset(),
                    false => drop(client),
                }
                soon(&source.dropped);
                server.wait_until_empty();
            }
        }
    });
}

#[test]
fn a_client_that_will_not_say_more_counts_as_one_that_left() {
    let (server, source) = one_stream(Driver::Uring, settings());
    let mut client = Client::connect(&server);
    client.get("/");
    source.send("hello");
    client.until("hello\r\n");
    client.socket.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(client.rest(), b"");
    soon(&source.dropped);
}

#[test]
fn requests_that_come_early_wait_for_their_turn() {
    each_driver(|driver| {
        let (server, source) = one_stream(driver, settings());
        let mut client = Client::connect(&server);
        client.send(get("/") + &get("/second"));
        source.send("hello");
        client.until("hello\r\n");
        client.send(get("/third"));
        client.send("GET /fou");
        thread::sleep(A_WHILE);
        client.send("rth HTTP/1.1\r\nHost: h\r\n\r\n");
        thread::sleep(A_WHILE);
        source.send("bye");
        drop(source.chunks);
        client.until("bye\r\n0\r\n\r\n");
        for path in ["/second", "/third", "/fourth"] {
            client.head();
            assert_eq!(client.take(path.len()), path.as_bytes());
        }
        // The read that was in flight at the end is the one that takes this.
        client.get("/fifth");
        client.until("/fifth");
    });
}

#[test]
fn a_flood_amid_a_stream_ends_it() {
    let (server, source) = one_stream(Driver::Uring, settings());
    let mut client = Client::connect(&server);
    client.get("/");
    source.send("hello");
    client.until("hello\r\n");
    // The server may cut before it has read all of this.
    let _ = std::io::Write::write_all(&mut client.socket, &[b'x'; 200_000]);
    soon(&source.dropped);
    assert_eq!(client.rest(), b"");
}

#[test]
fn a_slow_client_slows_the_source() {
    for chunk in [100, 30_000] {
        let (server, pulled, dropped) = endless(settings(), chunk);
        let mut client = Client::connect(&server);
        client.get("/");
        client.head();
        let bytes = || pulled.load(Ordering::Relaxed) * chunk;
        thread::sleep(A_WHILE);
        let full = bytes();
        thread::sleep(A_WHILE);
        assert_eq!(bytes(), full, "nothing is pulled that nobody takes");
        assert!(full < 16 << 20, "{full}");
        client.take(full);
        thread::sleep(A_WHILE);
        assert!(bytes() > full + full / 4, "{} {full}", bytes());
        assert!(dropped.try_recv().is_err(), "it goes on");
        client.reset();
        soon(&dropped);
    }
}

#[test]
fn a_client_that_takes_nothing_is_cut() {
    let settings = Settings {
        write_timeout: Duration::from_secs(1),
        ..settings()
    };
    let (server, _, dropped) = endless(settings, 30_000);
    let mut client = Client::connect(&server);
    client.get("/");
    soon(&dropped);
    server.wait_until_empty();
    let rest = client.rest();
    assert!(!rest.ends_with(b"0\r\n\r\n"));
}

/// A server that answers with this body, which says that it is 5 bytes long.
fn of_five_bytes() -> (Server, Source) {
    let (source, mut body) = source();
    body.length = Some(5);
    let body = Mutex::new(Some(body));
    let server = Server::start(settings(), move || {
        move |_| {
            let body = body.lock().unwrap().take();
            Ok(body.map_or_else(
                || ok(b"next".to_vec()),
                |body| ok(Body::Stream(Box::new(body))),
            ))
        }
    });
    (server, source)
}

#[test]
fn a_stream_of_known_length_says_it_and_is_not_chunked() {
    let (server, source) = of_five_bytes();
    let mut client = Client::connect(&server);
    client.get("/");
    source.send("hel");
    let head = client.head();
    assert!(head.contains("content-length: 5\r\n"), "{head}");
    assert!(!head.contains("transfer-encoding"), "{head}");
    assert_eq!(client.take(3), b"hel");
    source.send("lo");
    // It might go on, so the client waits for the last of it.
    drop(source.chunks);
    assert_eq!(client.take(2), b"lo");
    client.get("/");
    client.until("next");

    let (server, source) = of_five_bytes();
    let mut client = Client::connect(&server);
    client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert!(client.head().contains("content-length: 5\r\n"));
    soon(&source.dropped);
    client.get("/");
    client.until("next");
}

#[test]
fn a_stream_of_another_length_than_it_said_is_cut() {
    for (chunks, sent) in [
        (&["hel"][..], "hel"),
        (&["hel", "lo!"], "hel"),
        (&["hello", "!"], ""),
    ] {
        let (server, source) = of_five_bytes();
        let mut client = Client::connect(&server);
        client.get("/");
        for (index, chunk) in chunks.iter().enumerate() {
            source.send(chunk);
            if index == 0 {
                client.head();
            }
        }
        drop(source.chunks);
        assert_eq!(client.rest(), sent.as_bytes());
    }
    // Nothing was sent yet.
    let (server, source) = of_five_bytes();
    source.send("hello!");
    let mut client = Client::connect(&server);
    client.get("/");
    assert!(client.head().starts_with("HTTP/1.1 500 "));
}

#[test]
fn a_stream_of_events_ends_when_the_server_drains() {
    each_driver(|driver| {
        let (source, body) = source();
        let body = Mutex::new(Some(body));
        let server = Server::on(driver, settings(), move || {
            move |_| {
                let body = body.lock().unwrap().take().unwrap();
                let mut answer = ok(Body::Stream(Box::new(body)));
                if let ServiceResponse::Http(answer) = &mut answer {
                    let value = b"text/Event-Stream; charset=utf-8".to_vec();
                    let headers = vec![("Content-Type".into(), value)];
                    answer.headers = ResponseHeaders::new(headers).unwrap();
                }
                Ok(answer)
            }
        });
        let mut client = Client::connect(&server);
        client.get("/");
        source.send("data: 1\n\n");
        client.head();
        client.until("data: 1\n\n\r\n");
        client.expect_silence();
        server.drain();
        assert_eq!(client.rest(), b"0\r\n\r\n");
        soon(&source.dropped);
    });
}

#[test]
fn a_stream_goes_on_while_the_server_drains() {
    let (server, source) = one_stream(Driver::Uring, settings());
    let mut client = Client::connect(&server);
    client.get("/");
    source.send("hello");
    client.until("hello\r\n");
    server.drain();
    client.expect_silence();
    source.send("still there");
    client.until("still there\r\n");
    drop(source.chunks);
    // The head promised that the connection would live on; nothing more is answered, though.
    assert_eq!(client.rest(), b"0\r\n\r\n");
    server.wait_until_empty();
}

#[test]
fn a_stream_that_waits_is_not_timed_out() {
    let settings = Settings {
        header_timeout: A_WHILE,
        body_timeout: A_WHILE,
        idle_timeout: A_WHILE,
        write_timeout: A_WHILE,
        ..settings()
    };
    let (server, source) = one_stream(Driver::Uring, settings);
    let mut client = Client::connect(&server);
    client.get("/");
    thread::sleep(A_WHILE * 2);
    source.send("hello");
    client.until("hello\r\n");
    thread::sleep(A_WHILE * 3);
    source.send("again");
    client.until("again\r\n");
    drop(source.chunks);
    client.until("0\r\n\r\n");
    assert_eq!(client.rest(), b"", "idle again, and timed out");
}

#[test]
fn proxies_are_asked_not_to_hold_events_back_unless_something_else_is_said() {
    let buffering = |listener: Option<&str>, service: Option<&str>, kind: &str| {
        let (source, body) = source();
        let headers = listener.map(|value| ("X-Accel-Buffering", value.to_owned()));
        let settings = Settings {
            headers: HeaderLines::new(headers).unwrap(),
            ..settings()
        };
        let mut own = vec![("content-type".to_owned(), kind.as_bytes().to_vec())];
        own.extend(service.map(|value| ("X-Accel-Buffering".to_owned(), value.into())));
        let answer = Mutex::new(Some((own, body)));
        let server = Server::start(settings, move || {
            move |_| {
                let (headers, body) = answer.lock().unwrap().take().expect("one request");
                Ok(ServiceResponse::Http(Response {
                    status: Status::OK,
                    headers: ResponseHeaders::new(headers).unwrap(),
                    body: Body::Stream(Box::new(body)),
                }))
            }
        });
        let mut client = Client::connect(&server);
        client.get("/");
        source.send("data: x\n\n");
        let head = client.head().to_ascii_lowercase();
        let lines = head.lines();
        let value = lines.filter_map(|line| line.strip_prefix("x-accel-buffering: "));
        value.map(str::to_owned).collect::<Vec<_>>()
    };
    let events = "text/event-stream; charset=utf-8";
    assert_eq!(buffering(None, None, events), ["no"]);
    assert_eq!(buffering(None, Some("yes"), events), ["yes"]);
    assert_eq!(buffering(Some("yes"), None, events), ["yes"]);
    assert_eq!(buffering(Some("yes"), Some("no"), events), ["no"]);
    assert!(buffering(None, None, "text/plain").is_empty());
}
