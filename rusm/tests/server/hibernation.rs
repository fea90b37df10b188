//! Connections that wait without an instance: they give it back whenever they have nothing to do.

use crate::client::get;
use crate::server::{Serve, Server, eventually};
use crate::websocket::{Socket, TEXT};
use crate::{apps, clients};

/// Lets no connection keep its instance that can do without.
const NONE_KEPT: &str = "held-per-core = 1";

fn chat(keys: &str, node: &str) -> Server {
    let manifest = std::fs::read_to_string(apps::chat().join("rusm.toml")).unwrap();
    let manifest = manifest.replace(
        "listen = \"127.0.0.1:8082\"",
        &format!("listen = \"127.0.0.1:0\"\n{keys}"),
    );
    Serve::app(apps::chat())
        .manifest(&format!(
            "{manifest}\n[node]\ncores = 1\ninstances-per-core = 8\n{node}\n"
        ))
        .start()
}

/// It speaks the subprotocol `chat`.
fn with_subprotocols(node: &str) -> Server {
    chat("subprotocols = [\"chat\"]", node)
}

#[test]
fn many_more_sockets_than_instances_keep_their_state_and_hear_one_another() {
    const SOCKETS: usize = 200;
    const ROOMS: usize = 10;
    let server = chat("", NONE_KEPT);
    let mut sockets: Vec<_> = (0..SOCKETS)
        .map(|number| {
            let room = number % ROOMS;
            Socket::open(&server, &format!("/rooms/{room}?name=n{number}"))
        })
        .collect();
    let members = |room: usize| {
        let response = server.connect().get(&format!("/members/{room}"));
        response.text().matches("\"n").count()
    };
    assert!(eventually(
        || (0..ROOMS).all(|room| members(room) == SOCKETS / ROOMS)
    ));
    for round in 0..3 {
        for speaker in [0, 57, 123, 199] {
            let said = format!("{round} of {speaker}");
            sockets[speaker].send(TEXT, said.as_bytes());
            let room = sockets.iter_mut().skip(speaker % ROOMS).step_by(ROOMS);
            for socket in room {
                let heard = String::from_utf8(socket.receive().payload).unwrap();
                assert!(heard.contains(&said), "{heard}");
                assert!(heard.contains(&format!("n{speaker}")), "{heard}");
            }
        }
    }
    // A trap ends one of them.
    sockets[5].send(TEXT, b"/crash");
    assert_eq!(sockets[5].receive().opcode, 8);
    // Those that leave while they sleep are gone.
    let stays = sockets.remove(0);
    drop(sockets);
    assert!(eventually(|| members(0) == 1 && members(5) == 0));
    drop(stays);
    assert!(eventually(|| members(0) == 0));
    assert_eq!(server.connect().get("/members/0").status, 200);
}

#[test]
fn many_more_event_streams_than_instances_hear_what_is_published() {
    let server = Serve::actors(|manifest| {
        manifest.replace(
            "instances-per-core = 32",
            "cores = 1\ninstances-per-core = 8\nheld-per-core = 1",
        )
    })
    .start();
    let mut streams: Vec<_> = (0..100)
        .map(|_| {
            let mut client = server.connect();
            assert_eq!(client.send(get("/feed/a")).head().status, 200);
            client.read_until("event: hello\n");
            client
        })
        .collect();
    let length = "Content-Length: 4\r\n";
    let publish = crate::client::request("POST", "/publish/feed%3Aa", length, "news");
    let published = server.connect().send(publish).response();
    assert_eq!(published.text(), "100");
    for stream in &mut streams {
        stream.read_until("data: news\n");
    }
}

#[test]
fn no_more_connections_are_let_in_when_those_that_wait_have_used_their_memory() {
    let server = Serve::actors(|manifest| {
        manifest.replace(
            "instances-per-core = 32",
            "cores = 1\ninstances-per-core = 32\nheld-per-core = 1\nprocess-memory = \"3KiB\"",
        )
    })
    .start();
    let mut streams = Vec::new();
    let rejected = loop {
        let mut client = server.connect();
        let head = client.send(get("/feed/a")).head();
        if head.status != 200 {
            break head;
        }
        client.read_until("event: hello\n");
        streams.push(client);
        assert!(streams.len() < 100);
    };
    assert!(streams.len() > 1, "{}", streams.len());
    assert_eq!(rejected.status, 503);
    assert_eq!(rejected.header("retry-after"), Some("1"));
    assert!(eventually(|| server.log().contains("process-memory")));
    // Those that are there live, and requests are served.
    assert_eq!(server.connect().get("/echo/x").text(), "x");
    drop(streams);
    assert!(eventually(|| {
        let mut client = server.connect();
        client.send(get("/feed/a")).head().status == 200
    }));
}

#[test]
fn python_websockets() {
    clients::python("websockets_client.py", &with_subprotocols(NONE_KEPT), &[]);
}

#[test]
fn python_aiohttp() {
    // It has two streams at a time, which need a permit each.
    let server = with_subprotocols("held-per-core = 3");
    clients::python("aiohttp_client.py", &server, &[]);
}

#[test]
fn node_ws() {
    clients::node("ws.mjs", &with_subprotocols(NONE_KEPT));
}

/// A snapshot of 2.5 MiB, of which a connection changes a part.
#[test]
fn sockets_in_typescript() {
    let server =
        Serve::typescript(|manifest| manifest.replace("[node]", "[node]\nheld-per-core = 1"))
            .start();
    clients::python("typescript_sockets.py", &server, &[]);
}
