//! `conn` against servers of known behaviour.

#![allow(clippy::unwrap_used)]

mod stub;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rusm_loadtest::generator::conn::{self, Protocol};
use rusm_loadtest::generator::{self, Endpoint, Load};
use rusm_loadtest::model::{Arrivals, Run};
use stub::http::{Framing, Http};
use stub::ws::Ws;
use stub::{Stub, header};

#[test]
fn as_many_connections_as_the_delay_allows() {
    let stub = Http {
        close: true,
        ..Http::delayed(Duration::from_millis(10))
    };
    let stub = stub.start();
    let run = run(&stub, Protocol::Http, Arrivals::Closed);
    // 4 at a time, 10 ms: at most 400 a second.
    assert!((1..=400).contains(&run.ok), "{}", run.ok);
    assert!(run.ok >= 250 || !stub.is_punctual(), "{}", run.ok);
    assert!(run.latency.min >= 10_000.0, "{}", run.latency.min);
    assert!(run.errors.is_empty(), "{:?}", run.errors);
    assert_eq!(run.statuses[&200], run.ok);
    // One request on each, and those that the end of the run cut off.
    assert_eq!(stub.requests(), stub.accepted());
    assert!(stub.accepted() - run.ok <= 4);
    let heads = stub.heads();
    assert!(
        heads
            .iter()
            .all(|head| header(head, "connection") == Some("close"))
    );
}

#[test]
fn more_connections_than_there_are_ports() {
    // A server that leaves the close to the client: without care, each port is gone for a minute.
    let stub = Http::default().start();
    let before = time_wait(stub.addr());
    let run = run(&stub, Protocol::Http, Arrivals::Closed);
    assert!(run.errors.is_empty(), "{:?}", run.errors);
    assert!(run.ok > 20, "{}", run.ok);
    // But for those that the end of the run cut off.
    let after = time_wait(stub.addr());
    assert!(after <= before + 4, "{before} {after}");
}

#[test]
fn websockets() {
    let stub = Ws::default().start();
    let run = run(
        &stub,
        Protocol::WebSocket,
        Arrivals::Constant { rate: 100.0 },
    );
    let unsent = run.unsent;
    assert!(run.errors.is_empty(), "{:?}", run.errors);
    assert!(run.ok > 0);
    assert_eq!(run.ok + unsent, 100);
    assert_eq!(run.statuses[&101], run.ok);
    assert_eq!((stub.accepted(), stub.requests()), (run.ok, 0));
    assert!(stub.heads()[0].contains("sec-websocket-key"));
}

#[test]
fn framings_and_failures() {
    let ok = Http::default;
    for (http, protocol, outcome) in [
        (
            Http {
                framing: Framing::Chunked,
                ..ok()
            },
            Protocol::Http,
            "ok",
        ),
        (
            Http {
                framing: Framing::Close,
                ..ok()
            },
            Protocol::Http,
            "ok",
        ),
        (
            Http {
                status: 500,
                ..ok()
            },
            Protocol::Http,
            "status 500",
        ),
        (
            Http {
                status: 403,
                ..ok()
            },
            Protocol::WebSocket,
            "status 403",
        ),
        (
            Http {
                reset: true,
                ..ok()
            },
            Protocol::Http,
            "reset",
        ),
        (
            Http {
                silent: true,
                ..ok()
            },
            Protocol::Http,
            "timeout",
        ),
        (
            Http {
                raw: Some(b"SSH-2.0\r\n".into()),
                ..ok()
            },
            Protocol::Http,
            "protocol",
        ),
        (
            Http {
                raw: Some(b"HTTP/1.1 200 OK\r\n".into()),
                ..ok()
            },
            Protocol::Http,
            "reset",
        ),
    ] {
        let case = format!("{http:?} {protocol:?}");
        let mut load = load(Arrivals::Constant { rate: 20.0 });
        if outcome == "timeout" {
            load.timeout = Duration::from_millis(200);
        }
        let stub = http.start();
        let run = generate(&conn::Mode::new(endpoint(stub.addr()), protocol), &load);
        let mut counts = run.errors.clone();
        counts.insert("ok".into(), run.ok);
        counts.retain(|_, count| *count > 0);
        // 4 at a time: not all of 20 have their turn when they time out, or the machine is busy.
        assert_eq!(counts.keys().collect::<Vec<_>>(), [outcome], "{case}");
        let sum = run.ok + run.unsent + run.errors.values().sum::<u64>();
        assert_eq!(sum, 20, "{case}");
    }
}

#[test]
fn nobody_listens() {
    let refused = stub::refused();
    let mode = conn::Mode::new(endpoint(refused.addr()), Protocol::Http);
    let run = generate(&mode, &load(Arrivals::Closed));
    assert_eq!(run.ok, 0);
    assert_eq!(run.errors.keys().collect::<Vec<_>>(), ["connect"]);
}

/// 4 at a time, for a second.
fn run(stub: &Stub, protocol: Protocol, arrivals: Arrivals) -> Run {
    generate(
        &conn::Mode::new(endpoint(stub.addr()), protocol),
        &load(arrivals),
    )
}

fn generate(mode: &Arc<conn::Mode>, load: &Load) -> Run {
    generator::run(load, |worker| Arc::clone(mode).run(worker), &mut |_| ()).unwrap()
}

fn load(arrivals: Arrivals) -> Load {
    Load {
        label: String::new(),
        cores: Vec::new(),
        connections: 4,
        arrivals,
        warmup: Duration::ZERO,
        duration: Duration::from_secs(1),
        timeout: Duration::from_secs(5),
        ..Load::default()
    }
}

fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint {
        address,
        authority: address.to_string(),
        target: "/".into(),
        headers: String::new(),
    }
}

/// Ports of clients of `server` that wait for a minute to pass (proc_net_tcp(5)).
fn time_wait(server: SocketAddr) -> usize {
    const TIME_WAIT: &str = "06";
    let remote = format!(":{:04X}", server.port());
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let rows = table.lines().map(|line| line.split_whitespace().collect());
    rows.filter(|row: &Vec<_>| row[2].ends_with(&remote) && row[3] == TIME_WAIT)
        .count()
}
