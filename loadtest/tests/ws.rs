//! `ws` against servers of known behaviour.

#![allow(clippy::unwrap_used)]

mod stub;

use std::sync::Arc;
use std::time::Duration;

use rusm_loadtest::generator::{self, Endpoint, Load, ws};
use rusm_loadtest::model::{Arrivals, Run};
use stub::Stub;
use stub::http::Http;
use stub::ws::Ws;

const OPTIONS: ws::Options = ws::Options {
    size: 64,
    binary: false,
    hold: false,
};

#[test]
fn closed_loop_makes_as_many_round_trips_as_the_delay_allows() {
    let stub = Ws {
        delay: Duration::from_millis(10),
        ..Ws::default()
    };
    let stub = stub.start();
    let mode = ws::Mode::new(endpoint(stub.addr()), &OPTIONS);
    // The handshakes are made in the warm-up.
    let load = Load {
        warmup: Duration::from_millis(200),
        ..load(Arrivals::Closed)
    };
    let run = generator::run(&load, |worker| Arc::clone(&mode).run(worker), &mut |_| ()).unwrap();
    // 4 connections, 10 ms: at most 400 a second, and one more of each at the edges.
    assert!(run.ok <= 404, "{}", run.ok);
    assert!(run.ok >= 300 || !stub.is_punctual(), "{}", run.ok);
    // However busy the machine, the latencies of a connection fill its time (Little's law), but
    // for what is under way at the edges.
    let busy = run.ok as f64 * run.latency.mean / 1e6;
    let edges = 4.0 * run.latency.max / 1e6 + 0.2;
    assert!((busy - 4.0).abs() <= edges, "{busy} {edges}");
    assert!(run.latency.min >= 10_000.0, "{:?}", run.latency.min);
    assert!(run.errors.is_empty(), "{:?}", run.errors);
    assert_eq!((mode.tally().opened(), mode.tally().alive()), (4, 4));
    assert_eq!(stub.accepted(), 4);
    // 6 bytes of header and mask, and the message.
    assert!(run.bytes_out.is_multiple_of(70), "{}", run.bytes_out);
    assert!(run.bytes_out.abs_diff(run.ok * 70) <= 4 * 70);
}

#[test]
fn open_loop_counts_from_the_intended_time() {
    let stub = Ws {
        delay: Duration::from_millis(10),
        ..Ws::default()
    };
    let stub = stub.start();
    let (kept_up, _) = run(&stub, &OPTIONS, Arrivals::Constant { rate: 200.0 });
    assert!(kept_up.ok == 200 || !stub.is_punctual(), "{}", kept_up.ok);
    assert_eq!(due(&kept_up), 200);
    assert!(kept_up.latency.min >= 10_000.0);
    // 4 connections carry 400 a second: of 800, half is never sent, and what is waits longer and
    // longer.
    let (behind, _) = run(&stub, &OPTIONS, Arrivals::Constant { rate: 800.0 });
    let unsent = behind.unsent;
    assert_eq!(due(&behind), 800);
    assert!(unsent >= 350, "{unsent}");
    assert!(unsent <= 450 || !stub.is_punctual(), "{unsent}");
    assert!(behind.latency.max > 300_000.0, "{}", behind.latency.max);
}

#[test]
fn sizes_kinds_pings_and_fragments() {
    let stub = Ws {
        pings: true,
        fragments: true,
        ..Ws::default()
    };
    let stub = stub.start();
    for (size, binary) in [
        (0, false),
        (1, true),
        (125, false),
        (126, true),
        (70_000, false),
        (70_000, true),
    ] {
        let options = ws::Options {
            size,
            binary,
            hold: false,
        };
        let (run, mode) = run(&stub, &options, Arrivals::Constant { rate: 50.0 });
        assert!(run.ok > 0, "{size} {binary}");
        assert_eq!(due(&run), 50);
        // A busy machine may not have sent them all.
        assert!(run.errors.is_empty(), "{:?}", run.errors);
        assert_eq!(mode.tally().lost(), 0);
    }
}

#[test]
fn wrong_echoes_are_errors() {
    let stub = Ws {
        wrong_every: Some(4),
        ..Ws::default()
    };
    let (run, _) = run(&stub.start(), &OPTIONS, Arrivals::Constant { rate: 400.0 });
    let wrong = run.errors.get("body").copied().unwrap_or(0);
    assert_eq!(due(&run), 400);
    // Each fourth of each of 4 connections.
    let expected = (run.ok + wrong) / 4;
    assert!(
        (expected.saturating_sub(3)..=expected).contains(&wrong),
        "{wrong} {}",
        run.ok
    );
}

#[test]
fn lost_connections_are_made_again() {
    for (close_at, drop_at, name) in [(Some(10), None, "close 1008"), (None, Some(10), "reset")] {
        let stub = Ws {
            close_at,
            drop_at,
            ..Ws::default()
        };
        let stub = stub.start();
        let (run, mode) = run(&stub, &OPTIONS, Arrivals::Constant { rate: 200.0 });
        assert_eq!(run.errors.keys().collect::<Vec<_>>(), [name]);
        let lost = run.errors[name];
        assert_eq!(due(&run), 200, "{:?}", run.errors);
        // Nine that are echoed, and one that is not; fewer on the last connections.
        assert!(
            (9 * lost..=9 * lost + 36).contains(&run.ok),
            "{lost} {}",
            run.ok
        );
        assert_eq!(mode.tally().lost(), lost);
        assert_eq!(mode.tally().opened(), stub.accepted());
    }
}

#[test]
fn what_is_no_websocket() {
    let stub = Http {
        status: 403,
        ..Http::default()
    };
    let (refused, mode) = run(&stub.start(), &OPTIONS, Arrivals::Closed);
    assert_eq!(refused.ok, 0);
    assert!(refused.errors["status 403"] > 0);
    assert_eq!(mode.tally().opened(), 0);
    let wrong = "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    let stub = Http {
        raw: Some(wrong.into()),
        ..Http::default()
    };
    let (wrong, _) = run(&stub.start(), &OPTIONS, Arrivals::Closed);
    assert_eq!(wrong.errors.keys().collect::<Vec<_>>(), ["protocol"]);
    let refused = stub::refused();
    let mode = ws::Mode::new(endpoint(refused.addr()), &OPTIONS);
    let nobody = generate(&mode, Arrivals::Constant { rate: 100.0 });
    assert_eq!(nobody.ok, 0);
    assert_eq!(due(&nobody), 100);
    assert!(nobody.errors["connect"] > 0, "{:?}", nobody.errors);
}

#[test]
fn a_server_that_never_echoes_times_out() {
    let stub = Ws {
        delay: Duration::from_secs(60),
        ..Ws::default()
    };
    let stub = stub.start();
    let mode = ws::Mode::new(endpoint(stub.addr()), &OPTIONS);
    let load = Load {
        timeout: Duration::from_millis(200),
        ..load(Arrivals::Closed)
    };
    let run = generator::run(&load, |worker| Arc::clone(&mode).run(worker), &mut |_| ()).unwrap();
    assert_eq!(run.ok, 0);
    assert_eq!(run.errors.keys().collect::<Vec<_>>(), ["timeout"]);
}

#[test]
fn connections_that_are_held() {
    let stub = Ws::default().start();
    let options = ws::Options {
        hold: true,
        ..OPTIONS
    };
    let mode = ws::Mode::new(endpoint(stub.addr()), &options);
    let load = Load {
        connections: 100,
        ..load(Arrivals::Closed)
    };
    let run = generator::run(&load, |worker| Arc::clone(&mode).run(worker), &mut |_| ()).unwrap();
    assert_eq!((stub.accepted(), stub.requests()), (100, 0));
    assert_eq!((mode.tally().alive(), mode.tally().lost()), (100, 0));
    assert_eq!(run.ok, 100);
    assert!(run.errors.is_empty());
}

#[test]
fn held_connections_that_are_lost() {
    let stub = Ws::default().start();
    let options = ws::Options {
        hold: true,
        ..OPTIONS
    };
    let mode = ws::Mode::new(endpoint(stub.addr()), &options);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(500));
            drop(stub);
        });
        let run = generate(&mode, Arrivals::Closed);
        assert_eq!((run.ok, run.errors["reset"]), (4, 4));
    });
    assert_eq!((mode.tally().alive(), mode.tally().lost()), (0, 4));
}

/// 4 connections for a second.
fn run(stub: &Stub, options: &ws::Options, arrivals: Arrivals) -> (Run, Arc<ws::Mode>) {
    let mode = ws::Mode::new(endpoint(stub.addr()), options);
    (generate(&mode, arrivals), mode)
}

fn generate(mode: &Arc<ws::Mode>, arrivals: Arrivals) -> Run {
    let mode = |worker| Arc::clone(mode).run(worker);
    generator::run(&load(arrivals), mode, &mut |_| ()).unwrap()
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

/// Operations that were due: of an open loop, each ends one way or another.
fn due(run: &Run) -> u64 {
    run.ok + run.unsent + run.errors.values().sum::<u64>()
}

fn endpoint(address: std::net::SocketAddr) -> Endpoint {
    Endpoint {
        address,
        authority: address.to_string(),
        target: "/echo".into(),
        headers: String::new(),
    }
}
