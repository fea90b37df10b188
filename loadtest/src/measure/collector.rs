//! Merges the recordings of threads.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};

use crate::measure::recorder::{LATE, Message, Slice, Totals};
use crate::measure::{Ending, Failure, Window};
use crate::model::{Arrivals, Generator, Interval, Latency, Run};

/// Merges the recordings of the threads of one run: intervals while it runs, the run at its end.
pub struct Collector {
    window: Window,
    /// For each thread, the first interval that it may still report.
    next: Vec<usize>,
    slices: BTreeMap<usize, Slice>,
    timeline: Vec<Interval>,
    totals: Totals,
    running: usize,
    ending: Arc<Ending>,
}

impl Collector {
    /// Creates a collector for a run on this many threads.
    #[must_use]
    pub fn new(window: Window, threads: usize, ending: Arc<Ending>) -> Self {
        Self {
            window,
            next: vec![0; threads],
            slices: BTreeMap::new(),
            timeline: Vec::new(),
            totals: Totals::new(),
            running: threads,
            ending,
        }
    }

    /// Takes a message. Returns the intervals that it completes, in order.
    pub fn take(&mut self, message: Message) -> &[Interval] {
        // A thread that ends early says so before it reports that it has.
        if let Some(end) = self.ending.at() {
            self.window.cut(end);
        }
        let known = self.timeline.len();
        match message {
            Message::Slice {
                thread,
                interval,
                next,
                slice,
            } => {
                if let Some(place) = self.next.get_mut(thread) {
                    *place = next;
                }
                self.slices
                    .entry(interval)
                    .or_insert_with(Slice::new)
                    .add(&slice);
            }
            Message::Done { thread, totals } => {
                if let Some(place) = self.next.get_mut(thread) {
                    *place = usize::MAX;
                }
                self.totals.add(*totals);
                self.running = self.running.saturating_sub(1);
            }
        }
        self.complete();
        self.timeline.get(known..).unwrap_or_default()
    }

    /// Returns whether every thread has ended.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.running == 0
    }

    /// Returns the run, once every thread has ended.
    #[must_use]
    pub fn finish(mut self, label: String, arrivals: Arrivals, seed: u64) -> Run {
        let elapsed_s = self.window.seconds();
        let mut generator = self.totals.generator(arrivals);
        let interrupted = self.ending.is_interrupted();
        if interrupted {
            generator.warnings.push(format!(
                "The run was ended before its time, after {elapsed_s:.1} s: the figures are of \
                 those."
            ));
        }
        // An interval may have been complete when the end was set.
        self.timeline.truncate(self.window.intervals());
        if let Some(last) = self.timeline.last_mut() {
            last.seconds = last.seconds.min(elapsed_s - last.at_s);
        }
        let unsent = self.totals.errors.remove(&Failure::Unsent).unwrap_or(0);
        let completed = self.totals.completed;
        Run {
            label,
            arrivals,
            seed,
            interrupted,
            elapsed_s,
            ok: self.totals.latency.len(),
            completed,
            unsent,
            errors: named(&self.totals.errors),
            statuses: self.totals.statuses,
            bytes_in: self.totals.bytes_in,
            bytes_out: self.totals.bytes_out,
            rate: if elapsed_s > 0.0 {
                completed as f64 / elapsed_s
            } else {
                0.0
            },
            latency: latency(&self.totals.latency),
            connections: BTreeMap::new(),
            timeline: self.timeline,
            generator,
        }
    }

    fn complete(&mut self) {
        let complete = self.next.iter().copied().min().unwrap_or(0);
        for index in self.timeline.len()..complete.min(self.window.intervals()) {
            let slice = self.slices.remove(&index).unwrap_or_else(Slice::new);
            self.timeline.push(self.interval(index, &slice));
        }
    }

    fn interval(&self, index: usize, slice: &Slice) -> Interval {
        let end = (self.window.end_of(index) - self.window.start).as_secs_f64();
        let at_s = self.window.interval.as_secs_f64() * index as f64;
        let at = |quantile| micros(slice.latency.value_at_quantile(quantile));
        Interval {
            at_s,
            seconds: end - at_s,
            ok: slice.ok,
            errors: slice.errors,
            p50: at(0.5),
            p99: at(0.99),
            max: micros(slice.latency.max()),
        }
    }
}

impl Slice {
    fn add(&mut self, other: &Slice) {
        self.ok += other.ok;
        self.errors += other.errors;
        // Both have the same bounds.
        let _ = self.latency.add(&other.latency);
    }
}

impl Totals {
    fn add(&mut self, other: Totals) {
        let _ = self.latency.add(&other.latency);
        self.completed += other.completed;
        for (failure, count) in other.errors {
            *self.errors.entry(failure).or_insert(0) += count;
        }
        for (code, count) in other.statuses {
            *self.statuses.entry(code).or_insert(0) += count;
        }
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.late += other.late;
        self.max_lateness = self.max_lateness.max(other.max_lateness);
        self.cpu += other.cpu;
        self.wall += other.wall;
        self.legacy |= other.legacy;
    }

    fn generator(&self, arrivals: Arrivals) -> Generator {
        let cpu = self.cpu.as_secs_f64() / self.wall.as_secs_f64().max(f64::MIN_POSITIVE);
        let mut warnings = Vec::new();
        if cpu > BUSY {
            warnings.push(format!(
                "The generator used {:.0} % of its cores: it may have been the limit, not the \
                 server. Give it more cores (--cores) or compare with a lower rate.",
                cpu * 100.0
            ));
        }
        let due = self.latency.len() + self.errors.values().sum::<u64>();
        if self.late as f64 > LATE_SHARE * due as f64 {
            warnings.push(format!(
                "The generator itself began {} of {due} operations more than {} ms late (at most \
                 {:.1} ms): the latencies include that. Free its cores, or give it more.",
                self.late,
                LATE.as_millis(),
                self.max_lateness.as_secs_f64() * 1e3
            ));
        }
        let unsent = self.errors.get(&Failure::Unsent).copied().unwrap_or(0);
        if unsent > 0 && arrivals != Arrivals::Closed {
            warnings.push(format!(
                "{unsent} of {due} operations were due and never sent, for every connection was \
                 busy: the server did not keep up with the rate, or there were too few \
                 connections for it."
            ));
        }
        if self.legacy {
            warnings.push(
                "The kernel gave no io_uring: epoll and timers of a millisecond were used."
                    .to_owned(),
            );
        }
        Generator {
            cpu,
            late: self.late,
            max_lateness: self.max_lateness.as_secs_f64() * 1e6,
            warnings,
        }
    }
}

fn named(errors: &BTreeMap<Failure, u64>) -> BTreeMap<String, u64> {
    errors
        .iter()
        .map(|(failure, count)| (failure.to_string(), *count))
        .collect()
}

fn latency(nanos: &Histogram<u64>) -> Latency {
    let percentiles = PERCENTILES
        .iter()
        .map(|p| (p.to_string(), micros(nanos.value_at_percentile(*p))))
        .collect();
    let mut bytes = Vec::new();
    // Writing to memory does not fail, and the histogram's bounds are within those of the format.
    let _ = V2DeflateSerializer::new().serialize(nanos, &mut bytes);
    Latency {
        count: nanos.len(),
        mean: nanos.mean() / NANOS,
        stdev: nanos.stdev() / NANOS,
        min: if nanos.is_empty() {
            0.0
        } else {
            micros(nanos.min())
        },
        max: micros(nanos.max()),
        percentiles,
        histogram: STANDARD.encode(bytes),
    }
}

fn micros(nanos: u64) -> f64 {
    nanos as f64 / NANOS
}

/// Nanoseconds in a microsecond.
const NANOS: f64 = 1e3;
const PERCENTILES: [f64; 7] = [50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99];
/// The CPU usage above which the generator may be the limit.
const BUSY: f64 = 0.95;
/// The share of late operations above which the generator warns.
const LATE_SHARE: f64 = 0.01;
