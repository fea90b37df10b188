//! Gates: what a run is expected to reach.

use crate::analysis::{distribution, objective};
use crate::model::{Arrivals, Run};

/// The expectations of a run. The default expects nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gates {
    /// Percentiles (0 to 100), each with the most that its latency may be, in microseconds.
    pub latencies: Vec<(f64, f64)>,
    /// The least operations a second.
    pub rate: Option<f64>,
    /// The most that the share of operations that failed or were never sent may be.
    pub errors: Option<f64>,
}

/// An expectation and its outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// The figure.
    pub figure: Figure,
    /// The limit.
    pub limit: f64,
    /// The measured value; none if there is none, which is a miss.
    pub found: Option<f64>,
    /// True if it was met.
    pub met: bool,
}

/// The figure of a gate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Figure {
    /// The latency at this percentile.
    Latency(f64),
    /// Operations a second.
    Rate,
    /// The share of operations that failed or were never sent.
    Errors,
    /// The share of the time in which the server gave no success: see [`downtime`].
    Downtime,
}

impl Gates {
    /// Judges a run. With any expectation, errors are one: a server that fails at once would meet
    /// every other.
    #[must_use]
    pub fn judge(&self, run: &Run) -> Vec<Expectation> {
        if *self == Self::default() {
            return Vec::new();
        }
        let at_most = |figure, limit: f64, found: Option<f64>| Expectation {
            figure,
            limit,
            found,
            met: found.is_some_and(|found| found <= limit),
        };
        let mut gates: Vec<Expectation> = self
            .latencies
            .iter()
            .map(|&(percentile, limit)| {
                let found = distribution::percentile(&run.latency, percentile);
                at_most(Figure::Latency(percentile), limit, found)
            })
            .collect();
        gates.extend(self.rate.map(|limit| Expectation {
            figure: Figure::Rate,
            limit,
            found: Some(run.rate),
            met: run.rate >= limit,
        }));
        let errors = objective::unanswered_share(run);
        let limit = self.errors.unwrap_or(ERRORS);
        gates.push(at_most(Figure::Errors, limit, Some(errors)));
        gates.push(at_most(Figure::Downtime, limit, Some(downtime(run))));
        gates
    }
}

/// Returns the share of the recorded time in which operations failed and none succeeded, or, at the
/// end of a closed loop, in which nothing came back for longer than any operation took.
///
/// A closed loop asks a server that is gone far less often than one that answers, and not at all one
/// that hangs. So the share of its operations that failed does not show that the server died.
fn downtime(run: &Run) -> f64 {
    let total: f64 = run.timeline.iter().map(|interval| interval.seconds).sum();
    if total <= 0.0 {
        return 0.0;
    }
    let silent = run
        .timeline
        .iter()
        .rev()
        .take_while(|interval| interval.ok == 0);
    let silent: f64 = silent.map(|interval| interval.seconds).sum();
    let longest = (run.latency.max / 1e6).max(SILENCE);
    let hangs = run.arrivals == Arrivals::Closed && silent > longest;
    let end = total - silent;
    let down = run.timeline.iter().filter(|interval| {
        let is_silent = hangs && interval.at_s + interval.seconds / 2.0 > end;
        interval.ok == 0 && (interval.errors > 0 || is_silent)
    });
    down.map(|interval| interval.seconds).sum::<f64>() / total
}

/// Seconds without an answer that a server may need at the end of a run, whatever it needed before.
const SILENCE: f64 = 0.5;

/// The share of errors that is expected if nothing else is said.
const ERRORS: f64 = 0.001;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn met(gates: &Gates, run: &Run) -> Vec<bool> {
        gates.judge(run).iter().map(|gate| gate.met).collect()
    }

    #[test]
    fn each_expectation_is_judged() {
        let run = sample::run(Arrivals::Constant { rate: 1000.0 }, 1000.0, 4000.0);
        assert!(Gates::default().judge(&run).is_empty());
        let gates = Gates {
            latencies: vec![(99.0, 4000.0), (50.0, 1999.0)],
            rate: Some(1000.0),
            errors: None,
        };
        assert_eq!(met(&gates, &run), [true, false, true, true, true]);
    }

    #[test]
    fn errors_and_what_was_never_sent_are_judged_with_any_other() {
        let gates = Gates {
            rate: Some(1.0),
            ..Gates::default()
        };
        let mut failing = sample::run(Arrivals::Closed, 1000.0, 4000.0);
        failing.errors.insert("timeout".into(), failing.ok / 10);
        assert_eq!(met(&gates, &failing), [true, false, true]);
        let mut unsent = sample::run(Arrivals::Closed, 1000.0, 4000.0);
        unsent.unsent = unsent.ok / 10;
        assert_eq!(met(&gates, &unsent), [true, false, true]);
        let lenient = Gates {
            errors: Some(0.2),
            ..Gates::default()
        };
        assert_eq!(met(&lenient, &failing), [true, true]);
    }

    #[test]
    fn a_run_without_an_answer_meets_no_latency() {
        let mut dead = sample::run(Arrivals::Closed, 0.0, 0.0);
        dead.latency = sample::latency(&[]);
        let gates = Gates {
            latencies: vec![(99.0, 1e9)],
            ..Gates::default()
        };
        assert!(!met(&gates, &dead)[0]);
    }

    #[test]
    fn time_in_which_the_server_was_gone_or_hung_is_judged() {
        let gates = Gates {
            rate: Some(1.0),
            ..Gates::default()
        };
        let ending = |errors: u64, arrivals: Arrivals| {
            let mut run = sample::run(arrivals, 1000.0, 4000.0);
            for interval in &mut run.timeline[28..] {
                (interval.ok, interval.errors) = (0, errors);
            }
            met(&gates, &run)[2]
        };
        assert!(!ending(1, Arrivals::Closed));
        assert!(!ending(0, Arrivals::Closed));
        // An open loop counts what it could not send.
        assert!(ending(0, Arrivals::Constant { rate: 1000.0 }));
        // Operations that take longer than that were not overdue.
        let mut slow = sample::run(Arrivals::Closed, 1000.0, 4000.0);
        slow.latency.max = 3e6;
        slow.timeline[28..]
            .iter_mut()
            .for_each(|interval| interval.ok = 0);
        assert_eq!(met(&gates, &slow), [true, true, true]);
    }
}
