//! WebSockets after the handshake, with a client that keeps to the protocol (tungstenite), or
//! with one that doesn't.

use std::io::Write;
use std::net::TcpStream;
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use rusm_uring_net::websocket::{Outgoing, Settings};
use rusm_uring_net::{Body, Driver, connection};
use tungstenite::protocol::{CloseFrame, WebSocket as Socket};
use tungstenite::{Error, Message};

use crate::harness::{A_WHILE, Client, SOON, Server, settings, soon};
use crate::peers::{Event, Puppet, Strings, accept, ok, puppet, source};

type Peer = Socket<TcpStream>;

const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\
                       Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

fn serve(connection: connection::Settings, rules: Settings) -> (Server, Strings) {
    serve_on(Driver::Uring, connection, rules)
}

fn serve_on(
    driver: Driver,
    connection: connection::Settings,
    rules: Settings,
) -> (Server, Strings) {
    let (strings, puppet) = puppet();
    let puppet = Mutex::new(Some(puppet));
    let server = Server::on(driver, connection, move || {
        let rules = Rc::new(rules);
        move |request| {
            let puppet: Option<Puppet> = puppet.lock().unwrap().take();
            accept(request, &rules, puppet.expect("one connection"))
        }
    });
    (server, strings)
}

fn connect(server: &Server) -> Peer {
    let socket = TcpStream::connect(server.addr()).unwrap();
    socket.set_read_timeout(Some(SOON)).unwrap();
    let url = format!("ws://{}/", server.addr());
    let (peer, _) = tungstenite::client(url, socket).unwrap();
    peer
}

/// A client that is upgraded, and can say anything.
fn connect_raw(server: &Server) -> Client {
    let mut client = Client::connect(server);
    client.send(UPGRADE);
    client.head();
    client
}

/// The code and the reason of the close that comes next, and that the connection then ends.
fn closed_by_server(peer: &mut Peer) -> (u16, String) {
    let Message::Close(close) = peer.read().unwrap() else {
        panic!("a close");
    };
    match peer.read() {
        Err(Error::ConnectionClosed) => {}
        other => panic!("{other:?}"),
    }
    close.map_or((1005, String::new()), |close| {
        (close.code.into(), close.reason.to_string())
    })
}

fn closed_event(code: u16, reason: &str) -> Event {
    Event::Closed(code, reason.into())
}

#[test]
fn messages_go_both_ways() {
    for driver in [Driver::Uring, Driver::Epoll] {
        let (server, strings) = serve_on(driver, settings(), Settings::default());
        let mut peer = connect(&server);
        strings.permit(3);
        peer.send(Message::text("one")).unwrap();
        peer.send(Message::binary(vec![7; 100_000])).unwrap();
        peer.send(Message::text("")).unwrap();
        assert_eq!(soon(&strings.events), Event::Text("one".into()));
        assert_eq!(soon(&strings.events), Event::Binary(100_000));
        assert_eq!(soon(&strings.events), Event::Text(String::new()));
        strings.send(Outgoing::Text("two".into()));
        strings.send(Outgoing::Binary(vec![7; 200_000]));
        assert_eq!(peer.read().unwrap(), Message::text("two"));
        assert_eq!(peer.read().unwrap(), Message::binary(vec![7; 200_000]));
    }
}

/// The read that noticed nothing during the stream is still in flight when the protocol changes:
/// the first frame is what it reads.
#[test]
fn an_upgrade_behind_a_stream() {
    for driver in [Driver::Uring, Driver::Epoll] {
        let (source, body) = source();
        let (strings, puppet) = puppet();
        let parts = Mutex::new((Some(body), Some(puppet)));
        let server = Server::on(driver, settings(), move || {
            let rules = Rc::new(Settings::default());
            move |request| {
                let mut parts = parts.lock().unwrap();
                match parts.0.take() {
                    Some(body) => Ok(ok(Body::Stream(Box::new(body)))),
                    None => accept(request, &rules, parts.1.take().expect("one connection")),
                }
            }
        });
        let mut client = Client::connect(&server);
        client.get("/");
        source.send("hello");
        client.until("hello\r\n");
        client.send(UPGRADE);
        thread::sleep(A_WHILE);
        drop(source.chunks);
        client.until("0\r\n\r\n");
        assert!(client.head().starts_with("HTTP/1.1 101 "));
        strings.permit(2);
        for _ in 0..2 {
            client.send(b"\x81\x81\x01\x01\x01\x01\x60");
            assert_eq!(soon(&strings.events), Event::Text("a".into()));
        }
    }
}

#[test]
fn the_handler_closes() {
    for (close, code, reason) in [
        (None, 1000, ""),
        (Some((4001, "enough")), 4001, "enough"),
        (Some((1006, "")), 1011, ""),
        (Some((1005, "")), 1005, ""),
    ] {
        let (server, strings) = serve(settings(), Settings::default());
        let mut peer = connect(&server);
        strings.send(Outgoing::Text("last".into()));
        if let Some((code, reason)) = close {
            let reason = reason.into();
            strings.send(Outgoing::Close { code, reason });
        }
        drop(strings.outgoing);
        assert_eq!(peer.read().unwrap(), Message::text("last"));
        assert_eq!(closed_by_server(&mut peer), (code, reason.into()));
        // Tungstenite sends the code back.
        assert_eq!(soon(&strings.events), closed_event(code, reason));
        server.wait_until_empty();
    }
}

#[test]
fn the_client_closes() {
    for close in [None, Some((1000_u16, "")), Some((3000, "bye"))] {
        let (server, strings) = serve(settings(), Settings::default());
        let mut peer = connect(&server);
        let frame = close.map(|(code, reason)| CloseFrame {
            code: code.into(),
            reason: reason.into(),
        });
        peer.close(frame).unwrap();
        let (code, reason) = close.unwrap_or((1005, ""));
        // The code comes back, as is usual; the reason is the client's own.
        assert_eq!(closed_by_server(&mut peer), (code, String::new()));
        assert_eq!(soon(&strings.events), closed_event(code, reason));
        server.wait_until_empty();
    }
}

#[test]
fn the_client_vanishes() {
    for driver in [Driver::Uring, Driver::Epoll] {
        for reset in [false, true] {
            let (server, strings) = serve_on(driver, settings(), Settings::default());
            let client = connect_raw(&server);
            match reset {
                true => client.reset(),
                false => drop(client),
            }
            assert_eq!(soon(&strings.events), closed_event(1006, ""));
            server.wait_until_empty();
        }
    }
}

#[test]
fn a_client_that_does_not_answer_a_close_is_cut() {
    let rules = Settings {
        close_timeout: A_WHILE,
        ..Settings::default()
    };
    let (server, strings) = serve(settings(), rules);
    let mut client = connect_raw(&server);
    drop(strings.outgoing);
    assert_eq!(client.take(4), b"\x88\x02\x03\xe8");
    assert_eq!(soon(&strings.events), closed_event(1006, ""));
    assert_eq!(client.rest(), b"");
}

#[test]
fn a_handler_that_is_not_ready_holds_the_client_back() {
    for driver in [Driver::Uring, Driver::Epoll] {
        let (server, strings) = serve_on(driver, settings(), Settings::default());
        let mut peer = connect(&server);
        peer.get_ref().set_write_timeout(Some(A_WHILE)).unwrap();
        let message = Message::binary(vec![7; 60_000]);
        let mut sent = 0;
        let blocked = loop {
            match peer.send(message.clone()) {
                Ok(()) => sent += 1,
                Err(error) => break error,
            }
            assert!(sent < 1000, "it never blocks");
        };
        assert!(matches!(blocked, Error::Io(_)), "{blocked}");
        assert!(strings.events.try_recv().is_err(), "nothing was permitted");
        strings.permit(sent);
        for _ in 0..sent {
            assert_eq!(soon(&strings.events), Event::Binary(60_000));
        }
    }
}

#[test]
fn a_client_that_leaves_a_handler_that_is_not_ready_is_noticed() {
    let (server, strings) = serve(settings(), Settings::default());
    let mut peer = connect(&server);
    peer.send(Message::text("one")).unwrap();
    thread::sleep(A_WHILE);
    drop(peer);
    assert_eq!(soon(&strings.events), closed_event(1006, ""));
}

#[test]
fn a_slow_client_slows_the_handler() {
    let (server, strings) = serve(settings(), Settings::default());
    let mut peer = connect(&server);
    for _ in 0..2000 {
        strings.send(Outgoing::Binary(vec![7; 20_000]));
    }
    let pulled = || strings.pulled.load(Ordering::Relaxed);
    thread::sleep(A_WHILE);
    let full = pulled();
    thread::sleep(A_WHILE);
    assert_eq!(pulled(), full, "nothing is pulled that nobody takes");
    assert!((1..1000).contains(&full), "{full}");
    for _ in 0..2000 {
        assert_eq!(peer.read().unwrap().len(), 20_000);
    }
}

#[test]
fn a_client_that_takes_nothing_is_cut() {
    let connection = connection::Settings {
        write_timeout: Duration::from_secs(1),
        ..settings()
    };
    let (server, strings) = serve(connection, Settings::default());
    let peer = connect(&server);
    for _ in 0..1000 {
        strings.send(Outgoing::Binary(vec![7; 20_000]));
    }
    assert_eq!(soon(&strings.events), closed_event(1006, ""));
    server.wait_until_empty();
    drop(peer);
}

#[test]
fn a_silent_client_is_pinged_and_lives_if_it_answers() {
    let rules = Settings {
        ping_interval: Some(A_WHILE),
        ping_timeout: A_WHILE,
        ..Settings::default()
    };
    let (server, strings) = serve(settings(), rules.clone());
    let mut peer = connect(&server);
    for _ in 0..4 {
        // Reading also answers.
        assert_eq!(peer.read().unwrap(), Message::Ping(Vec::new().into()));
    }
    assert!(strings.events.try_recv().is_err(), "it lives");

    let (server, strings) = serve(settings(), rules);
    let connected = Instant::now();
    let mut client = connect_raw(&server);
    assert_eq!(client.take(2), b"\x89\x00");
    assert!(connected.elapsed() >= A_WHILE);
    assert_eq!(soon(&strings.events), closed_event(1006, ""));
    assert!(connected.elapsed() >= A_WHILE * 2);
    assert_eq!(client.rest(), b"");
}

#[test]
fn a_client_is_not_blamed_for_a_handler_that_is_not_ready() {
    let rules = Settings {
        ping_interval: Some(A_WHILE),
        ping_timeout: A_WHILE,
        ..Settings::default()
    };
    let (server, strings) = serve(settings(), rules);
    let mut client = connect_raw(&server);
    client.send(b"\x81\x81\x01\x01\x01\x01\x60");
    thread::sleep(A_WHILE * 5);
    strings.permit(1);
    assert_eq!(soon(&strings.events), Event::Text("a".into()));
}

#[test]
fn pings_are_answered_in_order_and_not_without_end() {
    let (server, strings) = serve(settings(), Settings::default());
    strings.permit(1);
    let mut client = connect_raw(&server);
    let ping = |payload: &[u8; 2]| [b"\x89\x82\0\0\0\0", &payload[..]].concat();
    client.send([ping(b"p1"), ping(b"p2")].concat());
    assert_eq!(client.take(8), b"\x8a\x02p1\x8a\x02p2");

    // Pongs that nobody reads: our own sending has to wait.
    client.socket.set_write_timeout(Some(A_WHILE)).unwrap();
    let pings = ping(b"p3").repeat(10_000);
    let sent = (0..1000).take_while(|_| client.socket.write_all(&pings).is_ok());
    assert!(sent.count() < 1000, "it never blocks");
}

#[test]
fn a_violation_is_named_in_a_close_that_arrives() {
    let (code, reason) = (1002, "a frame that isn't masked");
    let (server, strings) = serve(settings(), Settings::default());
    strings.permit(1);
    let mut client = connect_raw(&server);
    // What comes behind it must not lose the close by a reset.
    client.send([&b"\x81\x01a"[..], &[b'x'; 300_000]].concat());
    let close = [b"\x88\x1b", &1002_u16.to_be_bytes()[..], reason.as_bytes()].concat();
    assert_eq!(client.rest(), close);
    drop(client);
    assert_eq!(soon(&strings.events), closed_event(code, reason));
    server.wait_until_empty();
}

#[test]
fn a_message_that_is_too_big_is_refused() {
    let rules = Settings {
        max_message: 1000,
        ..Settings::default()
    };
    let (server, strings) = serve(settings(), rules);
    let mut peer = connect(&server);
    strings.permit(2);
    peer.send(Message::binary(vec![7; 1000])).unwrap();
    assert_eq!(soon(&strings.events), Event::Binary(1000));
    peer.send(Message::binary(vec![7; 1001])).unwrap();
    let close = (1009, "the message is too big".to_owned());
    assert_eq!(closed_by_server(&mut peer), close);
    assert_eq!(soon(&strings.events), closed_event(close.0, &close.1));
}

#[test]
fn a_server_that_stops_says_so() {
    for driver in [Driver::Uring, Driver::Epoll] {
        let (server, strings) = serve_on(driver, settings(), Settings::default());
        let mut peer = connect(&server);
        server.drain();
        let close = (1001, "the server stops".to_owned());
        assert_eq!(closed_by_server(&mut peer), close);
        assert_eq!(
            soon(&strings.events),
            closed_event(1001, "the server stops")
        );
        server.wait_until_empty();
    }
}

#[test]
fn idle_websockets_outlive_the_timeouts_of_http() {
    let connection = connection::Settings {
        header_timeout: A_WHILE,
        body_timeout: A_WHILE,
        idle_timeout: A_WHILE,
        write_timeout: A_WHILE,
        ..settings()
    };
    let (server, strings) = serve(connection, Settings::default());
    let mut peer = connect(&server);
    thread::sleep(A_WHILE * 4);
    strings.permit(1);
    peer.send(Message::text("still there")).unwrap();
    assert_eq!(soon(&strings.events), Event::Text("still there".into()));
    strings.send(Outgoing::Text("so am I".into()));
    assert_eq!(peer.read().unwrap(), Message::text("so am I"));
}
