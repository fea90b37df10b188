//! HTTP load against servers of known behaviour: the figures are what arithmetic says.

#![allow(clippy::unwrap_used, clippy::panic)]

mod stub;

use std::sync::Arc;
use std::time::Duration;

use rusm_loadtest::analysis::distribution::percentile;
use rusm_loadtest::generator::{self, Load, http::Mode};
use rusm_loadtest::model::{Arrivals, Run};
use rusm_loadtest::targets::{Expect, Target, Targets};
use stub::Stub;
use stub::http::{Framing, Http};

#[test]
fn a_fixed_delay_is_every_percentile() {
    let stub = Http::delayed(Duration::from_millis(10)).start();
    for arrivals in [Arrivals::Closed, Arrivals::Constant { rate: 200.0 }] {
        let run = run(&stub, arrivals, seconds(2.0), 8);
        assert_no_errors(&run);
        let p50 = at(&run, 50.0);
        assert!(p50 >= 10_000.0, "{p50}");
        assert!(run.latency.min >= 10_000.0, "{}", run.latency.min);
        assert!(p50 < 20_000.0, "{p50}");
    }
}

/// Eight connections, each busy for the delay: no more than 800 a second, and of an open loop just
/// what was offered.
#[test]
fn the_rate_is_that_of_the_connections_or_the_one_offered() {
    let stub = Http::delayed(Duration::from_millis(10)).start();
    let closed = run(&stub, Arrivals::Closed, seconds(1.0), 8);
    assert!(closed.rate <= 808.0, "{}", closed.rate);
    assert!(closed.rate >= 100.0, "{}", closed.rate);
    let open = run(&stub, Arrivals::Constant { rate: 150.0 }, seconds(2.0), 8);
    assert_eq!(open.ok, 300);
    assert!(open.rate <= 150.0, "{}", open.rate);
    assert_eq!(open.rate, open.completed as f64 / 2.0);
}

/// One second in ten nothing is answered. Of what was due in it, at even times, the latencies are
/// even from 0 to 1 s: a tenth of all, so of all a share of `0.1 x` waits for longer than `1 - x`
/// seconds. The closed loop sends nothing more while it waits: a handful of slow answers among
/// thousands, which no percentile shows.
#[test]
fn an_open_loop_shows_a_stall_and_a_closed_loop_hides_it() {
    let stub = Http::stalling().start();
    let open = run(&stub, Arrivals::Constant { rate: 500.0 }, seconds(10.0), 64);
    assert_no_errors(&open);
    assert_eq!(open.ok, 5000);
    for (percent, expected) in [(92.0, 0.2), (95.0, 0.5), (98.0, 0.8), (99.0, 0.9)] {
        let found = at(&open, percent) / 1e6;
        assert!((found - expected).abs() < 0.08, "p{percent}: {found} s");
    }
    assert!(
        (0.95..1.1).contains(&(open.latency.max / 1e6)),
        "{}",
        open.latency.max
    );
    let mean = open.latency.mean / 1e6;
    assert!((mean - 0.05).abs() < 0.015, "{mean}");

    let closed = run(&stub, Arrivals::Closed, seconds(10.0), 2);
    assert_no_errors(&closed);
    assert!(closed.latency.max > 0.9e6, "{}", closed.latency.max);
    assert!(closed.ok > 1000, "{}", closed.ok);
    assert!(at(&closed, 99.0) < 0.2e6, "{}", at(&closed, 99.0));
}

/// With fewer connections than are due in the stall, the rest wait their turn and are not left out.
#[test]
fn what_waits_for_a_connection_counts_from_its_intended_time() {
    let stub = Http::delayed(Duration::from_millis(10)).start();
    // Two connections do 200 a second; 300 are due. After two seconds the last is 0.67 s late.
    let run = run(&stub, Arrivals::Constant { rate: 300.0 }, seconds(2.0), 2);
    let unsent = run.unsent;
    assert_eq!(run.ok + unsent, 600, "{:?}", run.errors);
    assert!(unsent >= 180, "{unsent}");
    assert!(run.latency.max > 0.5e6, "{}", run.latency.max);
    assert!(run.rate < 215.0, "{}", run.rate);
    let warnings = &run.generator.warnings;
    assert!(
        warnings.iter().any(|text| text.contains("never sent")),
        "{warnings:?}"
    );
}

#[test]
fn a_status_that_is_not_expected_is_no_success() {
    let stub = Http {
        status: 500,
        ..Http::default()
    };
    let stub = stub.start();
    let refused = run(&stub, Arrivals::Closed, seconds(1.0), 2);
    assert_eq!(refused.ok, 0);
    assert_eq!(refused.latency.count, 0);
    assert!(refused.errors["status 500"] > 0, "{:?}", refused.errors);
    assert_eq!(refused.statuses[&500], refused.errors["status 500"]);

    let expected = Target {
        expect: Expect::parse(&["500", "contains:hell"]).unwrap(),
        ..target(&stub)
    };
    let run = run_of(&stub, vec![expected], Arrivals::Closed, seconds(1.0), 2, 1);
    assert!(run.ok > 0);
    assert_no_errors(&run);
}

#[test]
fn a_body_that_is_not_expected_is_no_success() {
    for framing in [Framing::Length, Framing::Chunked, Framing::Close] {
        let stub = Http {
            framing,
            ..Http::default()
        };
        let stub = stub.start();
        let wanted = |text: &str| Target {
            expect: Expect::parse(&[format!("contains:{text}")]).unwrap(),
            ..target(&stub)
        };
        let right = run_of(
            &stub,
            vec![wanted("hello")],
            Arrivals::Closed,
            seconds(1.0),
            2,
            1,
        );
        assert!(right.ok > 0, "{framing:?}");
        assert_no_errors(&right);
        let wrong = run_of(
            &stub,
            vec![wanted("hallo")],
            Arrivals::Closed,
            seconds(1.0),
            2,
            1,
        );
        assert_eq!(wrong.ok, 0);
        assert!(wrong.errors["body"] > 0, "{:?}", wrong.errors);
    }
}

#[test]
fn a_refused_connection_is_an_error() {
    let nobody = stub::refused();
    let targets = Targets::new(vec![Target::get(
        format!("http://{}/", nobody.addr()).parse().unwrap(),
    )])
    .unwrap();
    let mode = Mode::new(nobody.addr(), targets, 1);
    let run = generator::run(
        &load(Arrivals::Closed, seconds(1.0), 2),
        |worker| Arc::clone(&mode).run(worker),
        &mut |_| (),
    )
    .unwrap();
    assert_eq!(run.ok, 0);
    assert!(run.errors["connect"] > 0, "{:?}", run.errors);
}

#[test]
fn a_server_that_closes_each_connection_is_asked_on_new_ones() {
    for close in [Framing::Length, Framing::Close] {
        let stub = Http {
            close: true,
            framing: close,
            ..Http::default()
        };
        let stub = stub.start();
        for arrivals in [Arrivals::Closed, Arrivals::Constant { rate: 200.0 }] {
            let run = run(&stub, arrivals, seconds(0.5), 4);
            assert_no_errors(&run);
            assert!(run.ok >= 20, "{}", run.ok);
        }
        assert!(stub.accepted() >= stub.requests());
    }
}

#[test]
fn a_connection_that_breaks_within_a_response_is_an_error() {
    let stub = Http {
        reset: true,
        ..Http::default()
    };
    let stub = stub.start();
    let run = run(&stub, Arrivals::Closed, seconds(1.0), 2);
    assert_eq!(run.ok, 0);
    assert!(run.errors["reset"] > 0, "{:?}", run.errors);
}

#[test]
fn a_server_that_does_not_speak_http_is_an_error() {
    let stub = Http {
        raw: Some(b"SSH-2.0-stub\r\n\r\n".to_vec()),
        ..Http::default()
    };
    let stub = stub.start();
    let run = run(&stub, Arrivals::Closed, seconds(1.0), 2);
    assert_eq!(run.ok, 0);
    assert!(run.errors["protocol"] > 0, "{:?}", run.errors);
}

#[test]
fn a_server_that_is_silent_times_out() {
    let stub = Http {
        silent: true,
        ..Http::default()
    };
    let stub = stub.start();
    for arrivals in [Arrivals::Closed, Arrivals::Constant { rate: 20.0 }] {
        let mut load = load(arrivals, seconds(1.0), 4);
        load.timeout = Duration::from_millis(200);
        let run = run_load(&stub, vec![target(&stub)], &load, 1);
        assert_eq!(run.ok, 0);
        let timeouts = run.errors["timeout"];
        // Four connections, five timeouts a second each; or all that was due.
        assert!(
            (12..=20).contains(&timeouts),
            "{arrivals:?}: {:?}",
            run.errors
        );
    }
}

/// All of a pipeline is on the way before its first answer: eight at a time, each 5 ms.
#[test]
fn a_pipeline_keeps_as_many_in_flight() {
    let stub = Http::delayed(Duration::from_millis(5)).start();
    let run = run_of(
        &stub,
        vec![target(&stub)],
        Arrivals::Closed,
        seconds(1.0),
        1,
        8,
    );
    assert_no_errors(&run);
    let p50 = at(&run, 50.0);
    assert!(p50 >= 40_000.0, "{p50}");
    assert!(run.rate <= 205.0, "{}", run.rate);
    assert_eq!(stub.accepted(), 1);
}

#[test]
fn requests_are_sent_as_they_are_weighted() {
    let stub = Http::default().start();
    let one = |path: &str, weight| Target {
        weight,
        ..Target::get(stub.url("http", path).parse().unwrap())
    };
    let post = Target {
        method: "POST".to_owned(),
        headers: vec![("X-Test".to_owned(), "yes".to_owned())],
        body: b"some body".to_vec(),
        ..one("/b", 3.0)
    };
    let run = run_of(
        &stub,
        vec![one("/a", 1.0), post],
        Arrivals::Closed,
        seconds(0.5),
        2,
        3,
    );
    assert_no_errors(&run);
    let heads = stub.heads();
    let posts: Vec<_> = heads
        .iter()
        .filter(|head| head.starts_with("POST /b HTTP/1.1\r\n"))
        .collect();
    let share = posts.len() as f64 / heads.len() as f64;
    assert!((share - 0.75).abs() < 0.1, "{share} of {}", heads.len());
    for head in posts {
        assert_eq!(stub::header(head, "x-test"), Some("yes"));
        assert_eq!(stub::header(head, "content-length"), Some("9"));
    }
}

#[test]
fn what_is_warm_up_is_not_recorded() {
    let stub = Http::default().start();
    let mut load = load(Arrivals::Constant { rate: 100.0 }, seconds(1.0), 4);
    load.warmup = Duration::from_secs(1);
    let run = run_load(&stub, vec![target(&stub)], &load, 1);
    assert_eq!(run.ok, 100);
    assert_eq!(stub.requests(), 200);
    assert!((run.elapsed_s - 1.0).abs() < 1e-9);
}

#[test]
fn the_timeline_adds_up() {
    let stub = Http::delayed(Duration::from_millis(5)).start();
    let mut seen = Vec::new();
    let mode = Mode::new(stub.addr(), Targets::new(vec![target(&stub)]).unwrap(), 1);
    let run = generator::run(
        &load(Arrivals::Closed, seconds(1.0), 4),
        |worker| Arc::clone(&mode).run(worker),
        &mut |interval| seen.push(interval.at_s),
    )
    .unwrap();
    assert_eq!(run.timeline.len(), 10);
    assert_eq!(seen.len(), 10);
    assert_eq!(
        run.timeline.iter().map(|interval| interval.ok).sum::<u64>(),
        run.ok
    );
    let length: f64 = run.timeline.iter().map(|interval| interval.seconds).sum();
    assert!((length - 1.0).abs() < 1e-9, "{length}");
    assert!(run.timeline.iter().all(|interval| interval.p50 >= 4900.0));
    let written = run.bytes_out as f64 / run.ok as f64;
    let request = target(&stub).encode().len() as f64;
    assert!((written / request - 1.0).abs() < 0.05, "{written}");
    assert_eq!(run.latency.count, run.ok);
}

#[test]
fn two_threads_offer_the_rate_together() {
    let stub = Http::default().start();
    let mut load = load(Arrivals::Constant { rate: 200.0 }, seconds(1.0), 5);
    load.cores = vec![0, 0];
    let run = run_load(&stub, vec![target(&stub)], &load, 1);
    assert_no_errors(&run);
    assert_eq!(run.ok, 200);
    assert_eq!(stub.accepted(), 5);
}

#[test]
fn a_core_that_is_not_there_is_said_so() {
    let stub = Http::default().start();
    let mut load = load(Arrivals::Closed, seconds(0.1), 1);
    load.cores = vec![100_000];
    let mode = Mode::new(stub.addr(), Targets::new(vec![target(&stub)]).unwrap(), 1);
    let error = generator::run(&load, |worker| Arc::clone(&mode).run(worker), &mut |_| ());
    assert!(matches!(
        error,
        Err(generator::Error::Core { core: 100_000, .. })
    ));
}

fn run(stub: &Stub, arrivals: Arrivals, duration: Duration, connections: usize) -> Run {
    run_of(stub, vec![target(stub)], arrivals, duration, connections, 1)
}

fn run_of(
    stub: &Stub,
    targets: Vec<Target>,
    arrivals: Arrivals,
    duration: Duration,
    connections: usize,
    pipeline: usize,
) -> Run {
    run_load(
        stub,
        targets,
        &load(arrivals, duration, connections),
        pipeline,
    )
}

fn run_load(stub: &Stub, targets: Vec<Target>, load: &Load, pipeline: usize) -> Run {
    let mode = Mode::new(stub.addr(), Targets::new(targets).unwrap(), pipeline);
    generator::run(load, |worker| Arc::clone(&mode).run(worker), &mut |_| ()).unwrap()
}

fn load(arrivals: Arrivals, duration: Duration, connections: usize) -> Load {
    Load {
        label: String::new(),
        cores: Vec::new(),
        connections,
        arrivals,
        warmup: Duration::ZERO,
        duration,
        timeout: Duration::from_secs(5),
        ..Load::default()
    }
}

fn target(stub: &Stub) -> Target {
    Target::get(stub.url("http", "/").parse().unwrap())
}

/// Microseconds.
fn at(run: &Run, percent: f64) -> f64 {
    percentile(&run.latency, percent).unwrap()
}

fn assert_no_errors(run: &Run) {
    assert!(run.errors.is_empty(), "{:?}", run.errors);
}

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}
