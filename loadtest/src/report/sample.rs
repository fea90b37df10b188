//! Sample results for tests: like those of a generator, and the same each time.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};

use crate::analysis::sweep::{SweepVariable, sweep};
use crate::model::*;

/// The distribution of these latencies, microseconds.
pub(crate) fn latency(values: &[f64]) -> Latency {
    let mut histogram = Histogram::<u64>::new(3).unwrap();
    for value in values {
        histogram.record((value * 1e3) as u64).unwrap();
    }
    of_histogram(&histogram)
}

/// A run of 30 s with this achieved rate and 99th percentile (and half of it as the median).
pub(crate) fn run(arrivals: Arrivals, rate: f64, p99: f64) -> Run {
    let mut random = fastrand::Rng::with_seed(p99.to_bits() ^ rate.to_bits());
    let mut histogram = Histogram::<u64>::new(3).unwrap();
    for _ in 0..5000 {
        // A long tail, as servers have.
        let tail = if random.f64() < 0.004 {
            2.0 + 20.0 * random.f64().powi(3)
        } else {
            1.0
        };
        let value = (log_normal(p99, &mut random) * tail * 1e3) as u64;
        histogram
            .record_n(value, (rate * 30.0 / 5000.0) as u64)
            .unwrap();
    }
    let mut latency = of_histogram(&histogram);
    latency.percentiles.insert("50".into(), p99 / 2.0);
    latency.percentiles.insert("99".into(), p99);
    let timeline: Vec<Interval> = (0..30)
        .map(|second| Interval {
            at_s: f64::from(second),
            seconds: 1.0,
            ok: (rate * (0.98 + 0.04 * random.f64())) as u64,
            errors: 0,
            p50: p99 / 2.0 * (0.97 + 0.06 * random.f64()),
            p99: p99 * (0.9 + 0.2 * random.f64()),
            max: p99 * (1.5 + 2.0 * random.f64()),
        })
        .collect();
    let ok = (rate * 30.0) as u64;
    Run {
        label: String::new(),
        arrivals,
        seed: 7,
        interrupted: false,
        elapsed_s: 30.0,
        ok,
        completed: ok,
        unsent: 0,
        errors: BTreeMap::new(),
        statuses: BTreeMap::from([(200, ok)]),
        bytes_in: ok * 118,
        bytes_out: ok * 41,
        rate,
        latency,
        connections: BTreeMap::from([("opened".to_owned(), 64)]),
        timeline,
        generator: Generator {
            cpu: 0.41,
            ..Generator::default()
        },
    }
}

/// A report of these runs.
pub(crate) fn report(runs: Vec<Run>) -> Report {
    Report {
        schema: SCHEMA,
        version: "0.8.0".into(),
        started: "2026-03-14T15:09:26Z".into(),
        command: [
            "rusm-loadtest",
            "http",
            "http://127.0.0.1:8080/hello",
            "--rate",
            "20000",
        ]
        .map(String::from)
        .to_vec(),
        machine: Machine {
            kernel: "6.12.8".into(),
            cpu: "Example CPU @ 3.0 GHz".into(),
            cores: 16,
            generator_cores: vec![8, 9, 10, 11],
        },
        plan: Plan {
            mode: Mode::Http,
            targets: vec!["http://127.0.0.1:8080/hello".into()],
            connections: 64,
            pipeline: 1,
            warmup_s: 2.0,
            duration_s: 30.0,
        },
        runs,
        peak: None,
        sweep: None,
    }
}

/// One run of an open loop, with a stall, failures and a warning.
pub(crate) fn http_report() -> Report {
    let mut run = run(Arrivals::Constant { rate: 20_000.0 }, 19_950.0, 1800.0);
    for (second, slow) in [(12, 40.0), (13, 9.0)] {
        let at = &mut run.timeline[second];
        at.p99 *= slow;
        at.max *= slow;
        at.ok /= 2;
        at.errors = 700;
    }
    run.errors = BTreeMap::from([("status 503".into(), 1100), ("timeout".into(), 300)]);
    run.statuses.insert(503, 1100);
    run.generator.late = 12;
    run.generator.max_lateness = 2300.0;
    run.generator.warnings = vec![
        "12 operations began late, by 2.3 ms at most: their latency counts from the intended time."
            .into(),
    ];
    report(vec![run])
}

/// A search that has ended.
pub(crate) fn peak_report() -> Report {
    let offered = [20e3, 40e3, 80e3, 56e3, 47e3, 51e3, 53e3, 49e3, 50.5e3, 52e3];
    let runs: Vec<Run> = offered
        .iter()
        .map(|&rate| {
            let mut run = run(
                Arrivals::Constant { rate },
                rate.min(56e3),
                400.0 / (1.0 - rate / 56e3).max(0.004),
            );
            run.label = format!("trial at {rate}");
            run
        })
        .collect();
    let trials = offered
        .iter()
        .enumerate()
        .map(|(run, &offered)| Trial {
            run,
            offered,
            met: offered < 51.5e3,
        })
        .collect();
    let mut report = report(runs);
    report.peak = Some(Peak {
        slo: slo(),
        rate: 51.4e3,
        range: (50.2e3, 52.6e3),
        at_least: false,
        trials,
    });
    report
}

/// A sweep over rates, three rounds.
pub(crate) fn sweep_report() -> Report {
    let mut runs = Vec::new();
    let mut groups: Vec<(f64, Vec<usize>)> = Vec::new();
    for step in 1..=12 {
        let rate = f64::from(step) * 5e3;
        let places = (0..3)
            .map(|round| {
                let noise = 1.0 + 0.06 * (f64::from(round) - 1.0);
                let p99 = 400.0 * noise / (1.0 - rate / 56e3).max(0.004);
                let mut run = run(Arrivals::Constant { rate }, rate.min(55e3 * noise), p99);
                run.label = format!("rate {rate}, round {}", round + 1);
                runs.push(run);
                runs.len() - 1
            })
            .collect();
        groups.push((rate, places));
    }
    let mut report = report(runs);
    report.sweep = Some(sweep(
        SweepVariable::Rate,
        &groups,
        &report.runs,
        Some(slo()),
    ));
    report
}

/// A sweep over cores, three rounds.
pub(crate) fn cores_report() -> Report {
    let mut runs = Vec::new();
    let mut groups: Vec<(f64, Vec<usize>)> = Vec::new();
    for cores in [1.0f64, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0] {
        let rate = 60e3 * cores / (1.0 + 0.03 * (cores - 1.0) + 0.002 * cores * (cores - 1.0));
        let places = [0.98, 1.0, 1.025]
            .into_iter()
            .map(|noise| {
                runs.push(run(Arrivals::Closed, rate * noise, 700.0 + 20.0 * cores));
                runs.len() - 1
            })
            .collect();
        groups.push((cores, places));
    }
    let mut report = report(runs);
    report.sweep = Some(sweep(SweepVariable::Cores, &groups, &report.runs, None));
    report
}

pub(crate) fn slo() -> Slo {
    Slo {
        percentile: 99.0,
        latency: 5000.0,
        errors: 0.001,
    }
}

/// Of a distribution with this 99th percentile and half of it as the median.
fn log_normal(p99: f64, random: &mut fastrand::Rng) -> f64 {
    let normal = (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
    p99 / 2.0 * (2f64.ln() / 2.326 * normal).exp()
}

fn of_histogram(histogram: &Histogram<u64>) -> Latency {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new()
        .serialize(histogram, &mut bytes)
        .unwrap();
    let us = |value: u64| value as f64 / 1e3;
    Latency {
        count: histogram.len(),
        mean: histogram.mean() / 1e3,
        stdev: histogram.stdev() / 1e3,
        min: us(histogram.min()),
        max: us(histogram.max()),
        percentiles: ["50", "90", "99", "99.9", "99.99"]
            .into_iter()
            .map(|key| {
                let value = histogram.value_at_percentile(key.parse().unwrap());
                (key.to_owned(), us(value))
            })
            .collect(),
        histogram: STANDARD.encode(bytes),
    }
}
