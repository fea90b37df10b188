//! Gates: what a run is expected to reach.

use crate::analysis::{distribution, objective};
use crate::model::Run;

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
        gates
    }
}

/// The share of errors that is expected if nothing else is said.
const ERRORS: f64 = 0.001;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Arrivals;
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
        assert_eq!(met(&gates, &run), [true, false, true, true]);
    }

    #[test]
    fn errors_and_what_was_never_sent_are_judged_with_any_other() {
        let gates = Gates {
            rate: Some(1.0),
            ..Gates::default()
        };
        let mut failing = sample::run(Arrivals::Closed, 1000.0, 4000.0);
        failing.errors.insert("timeout".into(), failing.ok / 10);
        assert_eq!(met(&gates, &failing), [true, false]);
        let mut unsent = sample::run(Arrivals::Closed, 1000.0, 4000.0);
        unsent.unsent = unsent.ok / 10;
        assert_eq!(met(&gates, &unsent), [true, false]);
        let lenient = Gates {
            errors: Some(0.2),
            ..Gates::default()
        };
        assert_eq!(met(&lenient, &failing), [true]);
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
}
