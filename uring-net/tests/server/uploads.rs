//! Requests that are answered while their bodies still come.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::rc::Rc;
use std::sync::mpsc;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use rusm_uring_net::connection::Settings;
use rusm_uring_net::http1::{Status, Trailers};
use rusm_uring_net::{
    Aborted, Body, BodyError, BodyStream, Driver, ErrorResponse, Request, ServiceResponse,
    Streamed, StreamedRequest, websocket,
};

use crate::harness::{A_WHILE, Client, Server, get, settings, soon};
use crate::peers::{Echo, accept, ok, source};
use crate::sinks::{Event, Strings, echo, puppet, streaming};

fn each_driver(test: impl Fn(Driver)) {
    test(Driver::Uring);
    test(Driver::Epoll);
}

/// The beginning of a request of which `rest` follows, for example more headers.
fn post(path: &str, rest: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: h\r\n{rest}")
}

fn chunked(rest: &str) -> String {
    post("/", &format!("Transfer-Encoding: chunked\r\n{rest}\r\n"))
}

fn of_length(len: usize) -> String {
    post("/", &format!("Content-Length: {len}\r\n\r\n"))
}

fn echoing(driver: Driver, settings: Settings) -> Server {
    streaming(driver, settings, || |_| Ok(echo(mpsc::channel().0)))
}

/// A puppet whose request has begun.
fn began(
    driver: Driver,
    settings: Settings,
    request: impl AsRef<[u8]>,
) -> (Server, Strings, Client) {
    let (server, strings) = puppet(driver, settings);
    let mut client = Client::connect(&server);
    client.send(request);
    assert_eq!(soon(&strings.events), Event::Began);
    (server, strings, client)
}

/// That the connection takes another request.
fn lives_on(client: &mut Client) {
    client.send(post("/plain", "Content-Length: 5\r\n\r\nagain"));
    client.until("\r\n\r\nagain");
}

fn yes() -> Result<ServiceResponse, ErrorResponse> {
    Ok(ok(b"yes".to_vec()))
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at / 3 % 251) as u8).collect()
}

#[test]
fn an_echo_answers_while_the_body_still_comes() {
    each_driver(|driver| {
        let server = echoing(driver, settings());
        let mut client = Client::connect(&server);
        client.send(chunked(""));
        // The first chunk of the answer would have to come of the body.
        assert!(client.head().starts_with("HTTP/1.1 200 OK\r\n"));
        client.send("3\r\none\r\n");
        assert_eq!(client.take(8), b"3\r\none\r\n");
        for _ in 0..3 {
            client.send("3\r\ntwo\r\n");
            assert_eq!(client.take(8), b"3\r\ntwo\r\n");
        }
        client.expect_silence();
        client.send("0\r\n\r\n");
        assert_eq!(client.take(5), b"0\r\n\r\n");
        lives_on(&mut client);

        client.send(of_length(6));
        client.send("one");
        client.until("3\r\none\r\n");
        client.send("two");
        assert_eq!(client.take(8 + 5), b"3\r\ntwo\r\n0\r\n\r\n");
        lives_on(&mut client);
    });
}

/// Take the chunks of a body off, and return the content.
fn dechunk(client: &mut Client) -> Vec<u8> {
    let mut content = Vec::new();
    loop {
        let line = String::from_utf8(client.until("\r\n")).unwrap();
        let len = usize::from_str_radix(line.trim_end(), 16).unwrap();
        content.extend(client.take(len));
        assert_eq!(client.take(2), b"\r\n");
        if len == 0 {
            return content;
        }
    }
}

#[test]
fn much_goes_through_an_echo_and_little_is_held() {
    const LEN: usize = 64 << 20;
    each_driver(|driver| {
        for with_chunks in [false, true] {
            let (taken, takes) = mpsc::channel();
            let settings = Settings {
                max_body: LEN as u64,
                ..settings()
            };
            let server = streaming(driver, settings, move || move |_| Ok(echo(taken.clone())));
            let mut client = Client::connect(&server);
            let mut upload = client.socket.try_clone().unwrap();
            let uploading = thread::spawn(move || {
                let body = pattern(LEN);
                if !with_chunks {
                    upload.write_all(of_length(LEN).as_bytes()).unwrap();
                    return upload.write_all(&body).unwrap();
                }
                upload.write_all(chunked("").as_bytes()).unwrap();
                for (index, part) in body.chunks(100_000).enumerate() {
                    let size = format!("{:x};n={index}\r\n", part.len());
                    upload.write_all(size.as_bytes()).unwrap();
                    upload.write_all(part).unwrap();
                    upload.write_all(b"\r\n").unwrap();
                }
                upload.write_all(b"0\r\n\r\n").unwrap();
            });
            // Nobody reads the answer, so in the end nobody reads the body.
            let mut read = soon(&takes);
            while let Ok(len) = takes.recv_timeout(A_WHILE * 2) {
                assert!(len <= 64 << 10, "{len}");
                read += len;
            }
            assert!((1..LEN / 2).contains(&read), "{read}");
            client.head();
            assert!(dechunk(&mut client) == pattern(LEN));
            uploading.join().unwrap();
            read += takes.try_iter().sum::<usize>();
            assert_eq!(read, LEN);
            lives_on(&mut client);
        }
    });
}

#[test]
fn what_is_behind_a_body_is_the_next_request() {
    each_driver(|driver| {
        let server = echoing(driver, settings());
        let mut client = Client::connect(&server);
        let requests = [
            of_length(5) + "12345",
            chunked("") + "5\r\n12345\r\n0\r\nx: y\r\n\r\n",
            get("/"),
            post("/plain", "Content-Length: 5\r\n\r\n12345"),
            of_length(0),
            of_length(5) + "12345",
        ];
        let expect = |client: &mut Client| {
            for (index, request) in requests.iter().enumerate() {
                client.head();
                let content = match index {
                    3 => client.take(5),
                    _ => dechunk(client),
                };
                let empty = request.contains("GET") || request.contains("Length: 0");
                assert_eq!(
                    content,
                    if empty { &b""[..] } else { b"12345" },
                    "{request}"
                );
            }
        };
        let all = requests.concat();
        client.send(&all);
        expect(&mut client);
        for step in [1, 7, 50, 100] {
            for part in all.as_bytes().chunks(step) {
                client.send(part);
                if step < 50 {
                    thread::sleep(Duration::from_micros(200));
                }
            }
            expect(&mut client);
        }
    });
}

#[test]
fn requests_that_come_during_the_answer_wait_for_their_turn() {
    each_driver(|driver| {
        let (server, strings, mut client) = began(driver, settings(), of_length(2) + "ab");
        let _server = server;
        strings.permit(1);
        assert_eq!(soon(&strings.events), Event::Chunk(b"ab".to_vec()));
        assert_eq!(soon(&strings.events), Event::End(Trailers::new()));
        client.send(of_length(3) + "on");
        thread::sleep(A_WHILE);
        client.send("e");
        thread::sleep(A_WHILE);
        strings.answer(yes);
        client.until("\r\n\r\nyes");
        client.head();
        assert_eq!(dechunk(&mut client), b"one");
        lives_on(&mut client);
    });
}

#[test]
fn a_request_without_a_body_has_an_end_at_once() {
    each_driver(|driver| {
        for request in [
            get("/"),
            "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(),
            of_length(0),
        ] {
            let (_server, strings, mut client) = began(driver, settings(), &request);
            assert_eq!(soon(&strings.events), Event::End(Trailers::new()));
            client.expect_silence();
            strings.answer(yes);
            let head = client.head();
            assert!(head.contains("content-length: 3\r\n"), "{head}");
            if !request.starts_with("HEAD") {
                assert_eq!(client.take(3), b"yes");
            }
            lives_on(&mut client);
        }
    });
}

#[test]
fn a_head_request_drops_the_stream() {
    let (_server, strings, mut client) = began(
        Driver::Uring,
        settings(),
        "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n",
    );
    let (source, body) = source();
    strings.answer(|| Ok(ok(Body::Stream(Box::new(body)))));
    assert!(client.head().contains("transfer-encoding: chunked\r\n"));
    soon(&source.dropped);
    lives_on(&mut client);
}

#[test]
fn a_client_that_waits_to_be_told_to_continue_is_told_when_the_sink_is_ready() {
    each_driver(|driver| {
        let request = post("/", "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n");
        let (_server, strings, mut client) = began(driver, settings(), request);
        client.expect_silence();
        strings.permit(1);
        assert_eq!(client.head(), "HTTP/1.1 100 Continue\r\n\r\n");
        client.send("hello");
        assert_eq!(soon(&strings.events), Event::Chunk(b"hello".to_vec()));
        assert_eq!(soon(&strings.events), Event::End(Trailers::new()));
        strings.answer(yes);
        assert!(client.head().starts_with("HTTP/1.1 200 "));
        assert_eq!(client.take(3), b"yes");
        lives_on(&mut client);
    });
}

#[test]
fn an_answer_whose_first_chunk_waits_for_the_body_lets_the_client_continue() {
    each_driver(|driver| {
        let server = echoing(driver, settings());
        let mut client = Client::connect(&server);
        client.send(post(
            "/",
            "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n",
        ));
        assert_eq!(client.head(), "HTTP/1.1 100 Continue\r\n\r\n");
        client.send("hello");
        let head = client.head();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(!head.contains("connection: close"), "{head}");
        assert_eq!(dechunk(&mut client), b"hello");
        lives_on(&mut client);
    });
}

#[test]
fn a_client_that_got_the_answer_first_is_not_told_to_continue() {
    each_driver(|driver| {
        let request = post("/", "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n");
        let (_server, strings, mut client) = began(driver, settings(), request);
        strings.answer(yes);
        let head = client.head();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(head.contains("connection: close\r\n"), "{head}");
        assert_eq!(client.rest(), b"yes");
        assert_eq!(soon(&strings.events), Event::Dropped);
    });
}

#[test]
fn a_client_that_got_the_beginning_of_the_answer_may_send_the_body_all_the_same() {
    each_driver(|driver| {
        let request = post("/", "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n");
        let settings = Settings {
            body_timeout: A_WHILE,
            ..settings()
        };
        let (_server, strings, mut client) = began(driver, settings, request);
        let (source, body) = source();
        source.send("first");
        strings.answer(|| Ok(ok(Body::Stream(Box::new(body)))));
        let head = client.head();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(head.contains("connection: close\r\n"), "{head}");
        client.until("5\r\nfirst\r\n");
        strings.permit(1);
        // It need not send it, either.
        thread::sleep(A_WHILE * 2);
        client.send("hello");
        assert_eq!(soon(&strings.events), Event::Chunk(b"hello".to_vec()));
        assert_eq!(soon(&strings.events), Event::End(Trailers::new()));
        drop(source.chunks);
        assert_eq!(client.rest(), b"0\r\n\r\n");
    });
}

#[test]
fn a_client_that_did_not_wait_is_not_told_to_continue() {
    each_driver(|driver| {
        for apart in [false, true] {
            let request = post("/", "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n");
            let (server, strings) = puppet(driver, settings());
            let mut client = Client::connect(&server);
            match apart {
                true => {
                    client.send(request);
                    thread::sleep(A_WHILE);
                    client.send("hello");
                    thread::sleep(A_WHILE);
                }
                false => client.send(request + "hello"),
            }
            assert_eq!(soon(&strings.events), Event::Began);
            strings.permit(1);
            assert_eq!(soon(&strings.events), Event::Chunk(b"hello".to_vec()));
            strings.answer(yes);
            assert!(client.head().starts_with("HTTP/1.1 200 "));
            assert_eq!(client.take(3), b"yes");
            lives_on(&mut client);
        }
    });
}

#[test]
fn a_little_of_a_body_that_nobody_read_does_not_end_the_connection() {
    each_driver(|driver| {
        for (request, rest) in [
            (of_length(60_000), vec![b'x'; 60_000]),
            (chunked(""), b"5\r\nhello\r\n0\r\n\r\n".to_vec()),
        ] {
            for before in [0, 3, rest.len()] {
                let mut begun = request.clone().into_bytes();
                begun.extend_from_slice(&rest[..before]);
                let (_server, strings, mut client) = began(driver, settings(), begun);
                strings.answer(yes);
                let head = client.head();
                assert!(!head.contains("connection: close"), "{head}");
                assert_eq!(client.take(3), b"yes");
                client.send(&rest[before..]);
                assert_eq!(soon(&strings.events), Event::Dropped);
                lives_on(&mut client);
            }
        }
    });
}

#[test]
fn much_of_a_body_that_nobody_read_ends_the_connection_but_not_the_answer() {
    each_driver(|driver| {
        let (_server, strings, mut client) = began(driver, settings(), of_length(500_000));
        strings.answer(yes);
        let head = client.head();
        assert!(head.contains("connection: close\r\n"), "{head}");
        // The whole body is on its way, and must not reset the answer away.
        client.send(vec![b'x'; 500_000]);
        assert_eq!(client.rest(), b"yes");
        assert_eq!(soon(&strings.events), Event::Dropped);

        let (_server, strings, mut client) = began(driver, settings(), chunked(""));
        strings.answer(yes);
        client.until("\r\n\r\nyes");
        client.send("7a120\r\n");
        client.send(vec![b'x'; 500_000]);
        // The end of it would come too late.
        let _ = client.socket.write_all(b"\r\n0\r\n\r\n");
        let _ = client.socket.write_all(get("/").as_bytes());
        assert_eq!(client.rest(), b"");
    });
}

#[test]
fn a_little_that_does_not_come_ends_the_connection() {
    let (server, strings, mut client) = began(Driver::Uring, settings(), of_length(5));
    strings.answer(yes);
    client.until("\r\n\r\nyes");
    assert_eq!(client.rest(), b"");
    server.wait_until_empty();
}

#[test]
fn a_sink_that_is_closed_gets_no_more_and_the_answer_goes_on() {
    each_driver(|driver| {
        for (len, lives) in [(50_000, true), (500_000, false)] {
            let request = of_length(len) + &"x".repeat(10);
            let (server, strings, mut client) = began(driver, settings(), request);
            strings.permit(1);
            assert_eq!(soon(&strings.events), Event::Chunk(vec![b'x'; 10]));
            strings.close();
            assert_eq!(soon(&strings.events), Event::Dropped);
            let (source, body) = source();
            strings.answer(|| Ok(ok(Body::Stream(Box::new(body)))));
            source.send("hello");
            let head = client.head();
            assert_eq!(!head.contains("connection: close"), lives, "{head}");
            client.until("hello\r\n");
            client.send(vec![b'x'; len - 10]);
            thread::sleep(A_WHILE);
            source.send("bye");
            client.until("bye\r\n");
            drop(source.chunks);
            assert_eq!(client.take(5), b"0\r\n\r\n");
            match lives {
                true => lives_on(&mut client),
                false => assert_eq!(client.rest(), b""),
            }
            drop(client);
            server.wait_until_empty();
        }
    });
}

#[test]
fn a_client_that_leaves_is_noticed_though_nothing_is_read_of_it() {
    each_driver(|driver| {
        for reset in [false, true] {
            let (server, strings, client) = began(driver, settings(), of_length(500_000));
            strings.close();
            assert_eq!(soon(&strings.events), Event::Dropped);
            thread::sleep(A_WHILE);
            assert!(strings.dropped.try_recv().is_err(), "it goes on");
            match reset {
                true => client.reset(),
                false => drop(client),
            }
            soon(&strings.dropped);
            server.wait_until_empty();
        }
    });
}

#[test]
fn a_body_that_is_declared_too_large_is_refused_at_once() {
    each_driver(|driver| {
        let (server, strings) = puppet(driver, settings());
        let mut client = Client::connect(&server);
        client.send(of_length((1 << 20) + 1));
        let head = client.head();
        assert!(head.starts_with("HTTP/1.1 413 "), "{head}");
        assert!(head.contains("connection: close\r\n"), "{head}");
        client.rest();
        assert!(strings.events.try_recv().is_err(), "nobody is asked");
    });
}

/// That the body fails with `why` after some of it has come: the client is told with `status`
/// if no answer has begun, and is cut otherwise.
fn fails(driver: Driver, settings: &Settings, bad: &[u8], why: &str, status: u16) {
    for begun in [false, true] {
        let request = chunked("") + "5\r\nhello\r\n";
        let (server, strings, mut client) = began(driver, settings.clone(), request);
        strings.permit(2);
        assert_eq!(soon(&strings.events), Event::Chunk(b"hello".to_vec()));
        let (source, body) = source();
        if begun {
            strings.answer(|| Ok(ok(Body::Stream(Box::new(body)))));
            source.send("hel");
            client.until("3\r\nhel\r\n");
        }
        client.send(bad);
        match soon(&strings.events) {
            Event::Fail(error) => assert_eq!(error.to_string(), why),
            event => panic!("{event:?}"),
        }
        if begun {
            soon(&source.dropped);
            assert_eq!(client.rest(), b"", "no end of the body");
        } else {
            soon(&strings.dropped);
            let head = client.head();
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
            assert!(head.contains("connection: close\r\n"), "{head}");
            client.rest();
        }
        drop(client);
        server.wait_until_empty();
    }
}

#[test]
fn a_body_that_turns_out_to_be_too_large_fails() {
    each_driver(|driver| {
        let why = BodyError::TooLarge.to_string();
        fails(driver, &settings(), b"100000\r\n", &why, 413);
    });
}

#[test]
fn a_body_that_is_malformed_fails() {
    each_driver(|driver| {
        fails(driver, &settings(), b"zz\r\n", "invalid chunk size", 400);
        let trailers = b"0\r\nContent-Length: 3\r\n\r\n";
        fails(
            driver,
            &settings(),
            trailers,
            "it may not be a trailer",
            400,
        );
        fails(
            driver,
            &settings(),
            b"0\r\nx y\r\n\r\n",
            "invalid trailer",
            400,
        );
        let mut settings = settings();
        settings.head.header_bytes = 100;
        let trailers = [&b"0\r\nx: "[..], &[b'y'; 200], b"\r\n\r\n"].concat();
        fails(
            driver,
            &settings,
            &trailers,
            "the trailers are too large",
            431,
        );
    });
}

#[test]
fn a_client_that_sends_nothing_for_too_long_fails() {
    let settings = Settings {
        body_timeout: A_WHILE,
        ..settings()
    };
    let why = BodyError::TooSlow.to_string();
    each_driver(|driver| fails(driver, &settings, b"5\r\n", &why, 408));
}

#[test]
fn a_client_that_sends_on_behind_its_408_still_reads_it() {
    let settings = Settings {
        header_timeout: A_WHILE,
        body_timeout: A_WHILE,
        ..settings()
    };
    each_driver(|driver| {
        // An answer that has begun could not become another.
        let streamed = streaming(driver, settings.clone(), || {
            |_| {
                let Streamed { sink, response } = echo(mpsc::channel().0);
                let response = Box::pin(async {
                    let _for_its_end_of_the_pipe = response;
                    std::future::pending().await
                });
                Ok(Streamed { sink, response })
            }
        });
        let buffered = Server::on(driver, settings.clone(), || |_| yes());
        for (server, begun) in [
            (&buffered, "GET / HTTP/1.1\r\nHost: ".to_owned()),
            (&buffered, get("/") + "GET / HTTP/1.1\r\nHost: "),
            (&buffered, of_length(1000) + "x"),
            (&buffered, chunked("") + "5\r\nhel"),
            (&streamed, of_length(1000)),
            (&streamed, chunked("")),
        ] {
            let mut client = Client::connect(server);
            client.send(&begun);
            if begun.starts_with("GET / HTTP/1.1\r\nHost: h\r\n") {
                client.until("yes");
            }
            client.socket.peek(&mut [0]).unwrap();
            // To bytes that it takes no more a closed socket answers with a reset.
            for _ in 0..10 {
                client.send("x");
                thread::sleep(Duration::from_millis(5));
            }
            client.socket.shutdown(Shutdown::Write).unwrap();
            assert!(client.head().starts_with("HTTP/1.1 408 "), "{begun}");
            let mut rest = Vec::new();
            client.socket.read_to_end(&mut rest).expect("not reset");
            server.wait_until_empty();
        }
    });
}

#[test]
fn a_client_is_not_blamed_for_a_sink_that_is_not_ready() {
    each_driver(|driver| {
        let settings = Settings {
            header_timeout: A_WHILE,
            body_timeout: A_WHILE * 2,
            idle_timeout: A_WHILE,
            write_timeout: A_WHILE,
            ..settings()
        };
        let (_server, strings, mut client) = began(driver, settings, chunked(""));
        // Nothing has come, and nothing would be taken.
        thread::sleep(A_WHILE * 4);
        client.send("5\r\nhello\r\n");
        thread::sleep(A_WHILE * 4);
        strings.permit(100);
        assert_eq!(soon(&strings.events), Event::Chunk(b"hello".to_vec()));
        // It is slow, but not too slow.
        for _ in 0..4 {
            thread::sleep(A_WHILE);
            client.send("1\r\nx\r\n");
            assert_eq!(soon(&strings.events), Event::Chunk(b"x".to_vec()));
        }
        client.send("0\r\n\r\n");
        assert_eq!(soon(&strings.events), Event::End(Trailers::new()));
        thread::sleep(A_WHILE * 4);
        strings.answer(yes);
        client.until("\r\n\r\nyes");
    });
}

#[test]
fn a_client_that_takes_nothing_is_cut() {
    each_driver(|driver| {
        let settings = Settings {
            write_timeout: Duration::from_secs(1),
            ..settings()
        };
        let (server, strings, client) = began(driver, settings, chunked(""));
        let (source, body) = source();
        strings.answer(|| Ok(ok(Body::Stream(Box::new(body)))));
        for _ in 0..1000 {
            source.send(vec![b'x'; 20_000]);
        }
        assert_eq!(soon(&strings.events), Event::Fail(BodyError::Disconnected));
        soon(&source.dropped);
        server.wait_until_empty();
        drop(client);
    });
}

#[test]
fn a_client_that_leaves_amid_the_body_ends_everything() {
    each_driver(|driver| {
        for begun in [false, true] {
            for reset in [false, true] {
                let request = chunked("") + "5\r\nhello\r\n";
                let (server, strings, mut client) = began(driver, settings(), request);
                strings.permit(1);
                assert_eq!(soon(&strings.events), Event::Chunk(b"hello".to_vec()));
                let (source, body) = source();
                if begun {
                    strings.answer(|| Ok(ok(Body::Stream(Box::new(body)))));
                    source.send("hel");
                    client.until("3\r\nhel\r\n");
                }
                thread::sleep(A_WHILE);
                assert!(strings.events.try_recv().is_err(), "it goes on");
                match reset {
                    true => client.reset(),
                    false => drop(client),
                }
                assert_eq!(soon(&strings.events), Event::Fail(BodyError::Disconnected));
                match begun {
                    true => soon(&source.dropped),
                    false => soon(&strings.dropped),
                }
                server.wait_until_empty();
            }
        }
    });
}

#[test]
fn a_client_that_resets_is_noticed_though_the_sink_is_not_ready() {
    each_driver(|driver| {
        let (server, strings, client) = began(driver, settings(), of_length(10) + "hello");
        thread::sleep(A_WHILE);
        assert!(strings.events.try_recv().is_err(), "it goes on");
        client.reset();
        assert_eq!(soon(&strings.events), Event::Fail(BodyError::Disconnected));
        soon(&strings.dropped);
        server.wait_until_empty();
    });
}

#[test]
fn a_client_that_will_not_say_more_counts_as_one_that_left() {
    each_driver(|driver| {
        let (_server, strings, mut client) = began(driver, settings(), of_length(5) + "hello");
        // What it has sent comes to its end, though: it left only when that is known.
        client.socket.shutdown(Shutdown::Write).unwrap();
        strings.permit(1);
        assert_eq!(soon(&strings.events), Event::Chunk(b"hello".to_vec()));
        assert_eq!(soon(&strings.events), Event::End(Trailers::new()));
        soon(&strings.dropped);
        assert_eq!(client.rest(), b"");

        // An answer that is there at once is written all the same.
        let server = echoing(driver, settings());
        let mut client = Client::connect(&server);
        client.send(of_length(5) + "hello");
        client.socket.shutdown(Shutdown::Write).unwrap();
        client.head();
        assert_eq!(dechunk(&mut client), b"hello");
    });
}

#[test]
fn a_flood_behind_the_body_ends_it() {
    let (_server, strings, mut client) = began(Driver::Uring, settings(), of_length(0));
    assert_eq!(soon(&strings.events), Event::End(Trailers::new()));
    // The server may cut before it has read all of this.
    let _ = client.socket.write_all(&[b'x'; 200_000]);
    soon(&strings.dropped);
}

#[test]
fn trailers_come_and_go() {
    each_driver(|driver| {
        let server = echoing(driver, settings());
        let mut client = Client::connect(&server);
        for (te, trailers) in [
            (
                "TE: gzip;q=0.5, Trailers\r\n",
                "x-sum: 12\r\nx-sum: 1 3\r\nempty: \r\n",
            ),
            ("TE: gzip\r\n", ""),
            ("", ""),
        ] {
            client.send(chunked(te));
            client.send("5\r\nhello\r\n0\r\nX-Sum: 12\r\nX-Sum:\t1 3 \r\n");
            thread::sleep(Duration::from_millis(20));
            client.send("empty:\r\n\r\n");
            client.head();
            client.until("5\r\nhello\r\n0\r\n");
            let expected = format!("{trailers}\r\n");
            assert_eq!(client.take(expected.len()), expected.as_bytes());
            lives_on(&mut client);
        }
        client.send("POST / HTTP/1.0\r\nTE: trailers\r\nContent-Length: 5\r\n\r\nhello");
        client.head();
        assert_eq!(client.rest(), b"hello");
    });
}

/// Ends at once, with one trailer.
struct Trailing(&'static str);

impl BodyStream for Trailing {
    fn poll_chunk(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Vec<u8>, Aborted>>> {
        Poll::Ready(None)
    }

    fn trailers(&mut self) -> Trailers {
        vec![(self.0.to_owned(), b"1".to_vec())]
    }
}

#[test]
fn trailers_of_an_answer_are_checked() {
    for (name, end) in [
        ("x-sum", "0\r\nx-sum: 1\r\n\r\n"),
        ("Content-Length", ""),
        ("a\r\nb", ""),
    ] {
        let until_end = |client: &mut Client| {
            if !end.is_empty() {
                client.until(end);
            }
        };
        // Of an answer to a whole request, too.
        let whole = Server::start(settings(), move || {
            move |_| Ok(ok(Body::Stream(Box::new(Trailing(name)))))
        });
        let mut client = Client::connect(&whole);
        client.send("GET / HTTP/1.1\r\nHost: h\r\nTE: trailers\r\n\r\n");
        let head = client.head();
        assert_eq!(head.starts_with("HTTP/1.1 200 "), !end.is_empty(), "{head}");
        until_end(&mut client);

        let request = post("/", "TE: trailers\r\nContent-Length: 0\r\n\r\n");
        let (_server, strings, mut client) = began(Driver::Uring, settings(), request);
        strings.answer(move || Ok(ok(Body::Stream(Box::new(Trailing(name))))));
        let head = client.head();
        let status = if end.is_empty() { "500" } else { "200" };
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        until_end(&mut client);
    }
}

#[test]
fn a_client_of_http_1_0_is_echoed_to_the_end() {
    each_driver(|driver| {
        let server = echoing(driver, settings());
        let mut client = Client::connect(&server);
        client.send("POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 10\r\n\r\nhello");
        let head = client.head();
        assert!(head.contains("connection: close\r\n"), "{head}");
        assert!(!head.contains("transfer-encoding"), "{head}");
        assert_eq!(client.take(5), b"hello");
        client.send("again");
        assert_eq!(client.rest(), b"again");

        let (_server, strings) = puppet(driver, settings());
        let mut client = Client::connect(&_server);
        client.send("POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello");
        strings.permit(1);
        strings.answer(yes);
        let head = client.head();
        assert!(head.contains("connection: keep-alive\r\n"), "{head}");
        assert_eq!(client.take(3), b"yes");
        lives_on(&mut client);
    });
}

#[test]
fn an_exchange_goes_on_while_the_server_drains() {
    each_driver(|driver| {
        for stalled in [false, true] {
            let request = of_length(10) + "hello";
            let (server, strings, mut client) = began(driver, settings(), request);
            if !stalled {
                strings.permit(1);
                assert_eq!(soon(&strings.events), Event::Chunk(b"hello".to_vec()));
            }
            server.drain();
            client.expect_silence();
            client.send("again");
            strings.permit(2);
            while soon(&strings.events) != Event::End(Trailers::new()) {}
            strings.answer(yes);
            let head = client.head();
            assert!(head.contains("connection: close\r\n"), "{head}");
            assert_eq!(client.rest(), b"yes");
            drop(client);
            server.wait_until_empty();
        }
    });
}

#[test]
fn an_answer_that_fails_amid_the_body_is_seen_to_be_incomplete() {
    each_driver(|driver| {
        let (_server, strings, mut client) = began(driver, settings(), chunked(""));
        let (source, body) = source();
        strings.answer(|| Ok(ok(Body::Stream(Box::new(body)))));
        source.send("hello");
        source.chunks.unbounded_send(Err(Aborted)).unwrap();
        client.head();
        assert_eq!(client.rest(), b"5\r\nhello\r\n");
        assert_eq!(soon(&strings.events), Event::Dropped);

        let (_server, strings, mut client) = began(driver, settings(), of_length(5));
        let (source, body) = crate::peers::source();
        strings.answer(|| Ok(ok(Body::Stream(Box::new(body)))));
        source.chunks.unbounded_send(Err(Aborted)).unwrap();
        assert!(client.head().starts_with("HTTP/1.1 500"));
        client.until("\n");
        client.send("hello");
        lives_on(&mut client);
    });
}

#[test]
fn a_refusal_is_an_answer() {
    each_driver(|driver| {
        let (_server, strings, mut client) = began(driver, settings(), of_length(5));
        strings.answer(|| Err(ErrorResponse::new(Status::GATEWAY_TIMEOUT)));
        assert!(client.head().starts_with("HTTP/1.1 504 "));
        client.until("Gateway Timeout\n");
        client.send("hello");
        lives_on(&mut client);

        // Instead of a sink.
        let server = streaming(driver, settings(), || {
            |_| Err(ErrorResponse::new(Status::SERVICE_UNAVAILABLE))
        });
        let mut client = Client::connect(&server);
        client.send(of_length(5) + "hello");
        assert!(client.head().starts_with("HTTP/1.1 503 "));
        client.until("Service Unavailable\n");
        lives_on(&mut client);
    });
}

#[test]
fn large_answers_arrive_whole_while_the_body_comes() {
    each_driver(|driver| {
        let (_server, strings, mut client) = began(driver, settings(), chunked(""));
        strings.permit(1000);
        let (source, body) = source();
        strings.answer(|| Ok(ok(Body::Stream(Box::new(body)))));
        for size in [1, 16_384, 16_385, 1_000_000, 3] {
            source.send(vec![b'x'; size]);
        }
        drop(source.chunks);
        client.send("5\r\nhello\r\n");
        client.head();
        assert_eq!(dechunk(&mut client).len(), 1_032_773);
        client.send("0\r\n\r\n");
        lives_on(&mut client);

        let (_server, strings, mut client) = began(driver, settings(), of_length(0));
        strings.answer(|| Ok(ok(pattern(3_000_000))));
        client.head();
        assert!(client.take(3_000_000) == pattern(3_000_000));
        lives_on(&mut client);
    });
}

#[test]
fn responses_before_the_final_one() {
    each_driver(|driver| {
        let (interims, made) = mpsc::channel();
        let server = streaming(driver, settings(), move || {
            move |request: StreamedRequest<'_>| {
                let informational = request.informational.clone();
                informational.send(103, [("link", "</a.css>")]).unwrap();
                assert!(informational.send(100, NONE).is_err());
                assert!(informational.send(200, NONE).is_err());
                assert!(informational.send(103, [("a\r\nb", "c")]).is_err());
                interims.send(()).unwrap();
                let answer = async move {
                    informational.send(102, NONE).unwrap();
                    monoio::time::sleep(A_WHILE).await;
                    informational
                        .send(103, [("connection", "x"), ("x", "y")])
                        .unwrap();
                    let response = yes();
                    informational.send(199, NONE).unwrap();
                    response
                };
                Ok(Streamed {
                    sink: echo(mpsc::channel().0).sink,
                    response: Box::pin(answer),
                })
            }
        });
        let mut client = Client::connect(&server);
        client.get("/");
        soon(&made);
        assert_eq!(
            client.head(),
            "HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n"
        );
        assert_eq!(client.head(), "HTTP/1.1 102 Processing\r\n\r\n");
        assert_eq!(client.head(), "HTTP/1.1 103 Early Hints\r\nx: y\r\n\r\n");
        assert_eq!(client.head(), "HTTP/1.1 199 \r\n\r\n");
        client.until("\r\n\r\nyes");
        lives_on(&mut client);
        client.send("GET / HTTP/1.0\r\n\r\n");
        assert!(client.head().starts_with("HTTP/1.1 200 "));
    });
}

const NONE: [(&str, &str); 0] = [];

#[test]
fn an_exchange_may_become_a_websocket() {
    each_driver(|driver| {
        for with_body in [false, true] {
            let server = streaming(driver, settings(), || {
                |request: StreamedRequest<'_>| {
                    let whole = Request {
                        head: request.head,
                        body: b"",
                        peer: request.peer,
                        id: request.id,
                    };
                    let rules = Rc::new(websocket::Settings::default());
                    let upgraded = accept(&whole, &rules, Echo::default());
                    Ok(Streamed {
                        sink: echo(mpsc::channel().0).sink,
                        response: Box::pin(async { upgraded }),
                    })
                }
            });
            let mut client = Client::connect(&server);
            let length = if with_body {
                "Content-Length: 5\r\n"
            } else {
                ""
            };
            client.send(format!(
                "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Version: 13\r\n{length}\
                 Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            ));
            if with_body {
                assert!(client.head().starts_with("HTTP/1.1 500 "));
                continue;
            }
            client.send(b"\x81\x81\x01\x01\x01\x01\x60");
            assert!(client.head().starts_with("HTTP/1.1 101 "));
            assert_eq!(client.take(3), b"\x81\x01a");
        }
    });
}
