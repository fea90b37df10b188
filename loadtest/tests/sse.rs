//! `sse` against servers of known behaviour.

#![allow(clippy::unwrap_used)]

mod stub;

use std::sync::Arc;
use std::time::Duration;

use rusm_loadtest::generator::{self, Endpoint, Load, sse};
use rusm_loadtest::model::{Arrivals, Run};
use stub::http::{Framing, Http};
use stub::sse::Sse;
use stub::{Stub, header};

#[test]
fn gaps_are_the_interval() {
    for chunked in [true, false] {
        let stub = Sse {
            chunked,
            ..Sse::default()
        };
        let stub = stub.start();
        let (run, mode) = run(&stub, false);
        // 4 streams, an event each 20 ms, the first of each is not counted.
        assert!((100..=196).contains(&run.ok), "{}", run.ok);
        assert!(run.errors.is_empty(), "{:?}", run.errors);
        if stub.is_punctual() {
            let median = run.latency.percentiles["50"];
            assert!((19_000.0..21_000.0).contains(&median), "{median}");
        }
        // However late single events are, the gaps of a stream add up to its time.
        let seconds = run.ok as f64 * run.latency.mean / 1e6;
        let first_and_last = 4.0 * (0.02 + run.latency.max / 1e6) + 0.1;
        assert!((4.0 - first_and_last..=4.0).contains(&seconds), "{seconds}");
        assert_eq!(run.statuses[&200], 4);
        let tally = mode.tally();
        assert_eq!((tally.opened(), tally.lost(), tally.alive()), (4, 0, 4));
        assert_eq!(tally.silent(), 0);
        assert!(tally.longest_wait() < Duration::from_millis(500));
    }
}

#[test]
fn streams_that_end_are_asked_for_again() {
    let stub = Sse {
        interval: Duration::from_millis(10),
        events: Some(5),
        ..Sse::default()
    };
    let stub = stub.start();
    let (run, mode) = run(&stub, false);
    let tally = mode.tally();
    // Each is over after 50 ms: at most 20 a second of each of 4.
    assert!((8..=80).contains(&tally.opened()), "{}", tally.opened());
    // But for those that the end of the run cut off on their way.
    assert!((0..=4).contains(&(stub.accepted() - tally.opened())));
    assert!((0..=4).contains(&(tally.opened() - run.statuses[&200])));
    assert_eq!(tally.opened() - tally.lost(), tally.alive());
    assert!(run.errors.is_empty(), "{:?}", run.errors);
    // Each goes on where it ended: the ids of four streams, without a gap.
    let mut ids: Vec<u64> = stub
        .heads()
        .iter()
        .map(|head| header(head, "last-event-id").map_or(0, |id| id.parse().unwrap()))
        .collect();
    ids.sort_unstable();
    let first: Vec<u64> = ids.iter().copied().take(8).collect();
    assert_eq!(first, [0, 0, 0, 0, 5, 5, 5, 5]);
    assert!(
        ids.chunk_by(|a, b| a == b).all(|same| same.len() <= 4),
        "{ids:?}"
    );
    assert_eq!(tally.reopened(), tally.opened() - 4);
    let again = format!("made anew {} times", tally.reopened());
    assert!(says(&run, &again), "{:?}", run.generator.warnings);
    assert_eq!(run.connections["reopened"], tally.reopened());
    assert_eq!(run.connections["alive"], tally.alive());
}

#[test]
fn streams_that_end_for_good() {
    let stub = Sse {
        interval: Duration::from_millis(10),
        events: Some(5),
        rounds: Some(2),
        ..Sse::default()
    };
    let stub = stub.start();
    let (run, mode) = run(&stub, false);
    let tally = mode.tally();
    // Twice 5 events of each of 4, without the first; then a 204, and no more.
    assert_eq!((run.ok, tally.opened(), tally.reopened()), (36, 8, 4));
    assert_eq!(
        (tally.finished(), tally.refused(), stub.accepted()),
        (4, 0, 12)
    );
    assert!(run.errors.is_empty(), "{:?}", run.errors);
    assert!(says(
        &run,
        "4 of 4 streams were ended by the server for good"
    ));
}

#[test]
fn the_servers_retry_is_waited() {
    let stub = Sse {
        interval: Duration::from_millis(10),
        events: Some(10),
        retry: Some(Duration::from_millis(300)),
        ..Sse::default()
    };
    let stub = stub.start();
    let (run, mode) = run(&stub, false);
    // 100 ms of events and 300 ms of waiting: begun at 0, 400 and 800 ms.
    let opened = mode.tally().opened();
    assert!(
        opened == 12 || (opened < 12 && !stub.is_punctual()),
        "{opened}"
    );
    assert!(run.latency.max >= 300_000.0, "{}", run.latency.max);
}

#[test]
fn streams_without_events() {
    let stub = Sse {
        silent: true,
        ..Sse::default()
    };
    let (run, mode) = run(&stub.start(), false);
    assert_eq!((run.ok, mode.tally().silent()), (0, 4));
    assert!(run.errors.is_empty());
    assert!(says(&run, "4 of 4 streams had no event"));
}

#[test]
fn a_stream_that_falls_silent_is_told_of() {
    let stub = Sse {
        interval: Duration::from_millis(10),
        events: Some(20),
        retry: Some(Duration::from_secs(60)),
        ..Sse::default()
    };
    let stub = stub.start();
    let (run, mode) = run(&stub, false);
    let wait = mode.tally().longest_wait();
    assert!(wait <= Duration::from_millis(800), "{wait:?}");
    if stub.is_punctual() {
        assert!(wait > Duration::from_millis(700), "{wait:?}");
        assert!(says(&run, "without an event for"));
    }
}

#[test]
fn what_is_no_stream() {
    let html = Http::default();
    let (wrong, _) = run(&html.start(), false);
    assert_eq!(wrong.errors.keys().collect::<Vec<_>>(), ["content type"]);
    let status = Http {
        status: 503,
        framing: Framing::Chunked,
        ..Http::default()
    };
    let (wrong, mode) = run(&status.start(), false);
    assert_eq!(wrong.errors.keys().collect::<Vec<_>>(), ["status 503"]);
    assert_eq!(wrong.statuses[&503], wrong.errors["status 503"]);
    assert_eq!(mode.tally().opened(), 0);
    // Not all at once again and again: 4 clients, whose pauses double from 5 ms.
    assert!(wrong.errors["status 503"] <= 4 * 9, "{:?}", wrong.errors);
}

#[test]
fn streams_that_are_held() {
    let stub = Sse::default().start();
    let (run, mode) = run(&stub, true);
    assert_eq!((run.ok, mode.tally().alive()), (4, 4));
    assert!(says(&run, "4 of 4 connections were alive"));
    let stub = Sse {
        interval: Duration::from_millis(1),
        events: Some(3),
        ..Sse::default()
    };
    let stub = stub.start();
    let (run, mode) = self::run(&stub, true);
    assert_eq!((run.ok, run.errors["reset"], stub.accepted()), (4, 4, 4));
    assert_eq!((mode.tally().alive(), mode.tally().lost()), (0, 4));
}

/// 4 streams for a second.
fn run(stub: &Stub, hold: bool) -> (Run, Arc<sse::Mode>) {
    let address = stub.addr();
    let endpoint = Endpoint {
        address,
        authority: address.to_string(),
        target: "/feed".into(),
        headers: String::new(),
    };
    let options = sse::Options {
        hold,
        ..sse::Options::default()
    };
    let mode = sse::Mode::new(endpoint, &options);
    let load = Load {
        label: String::new(),
        cores: Vec::new(),
        connections: 4,
        arrivals: Arrivals::Closed,
        warmup: Duration::ZERO,
        duration: Duration::from_secs(1),
        timeout: Duration::from_secs(5),
        ..Load::default()
    };
    let mut run =
        generator::run(&load, |worker| Arc::clone(&mode).run(worker), &mut |_| ()).unwrap();
    mode.tally().annotate(4, hold, &mut run);
    (run, mode)
}

fn says(run: &Run, what: &str) -> bool {
    run.generator
        .warnings
        .iter()
        .any(|said| said.contains(what))
}
