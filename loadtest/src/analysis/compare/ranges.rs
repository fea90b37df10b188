//! Evidence by the ranges in the files: of the results of `peak` and `sweep`.

use crate::analysis::compare::{Change, Evidence, Group, Metric, NORMAL_95, around, judged};
use crate::model::{Peak, Report, Slo, Sweep};

/// Returns the changes of the results of `peak` and `sweep`.
pub(super) fn results(a: &Report, b: &Report) -> Option<Group> {
    let peak = |report: &Report| report.peak.as_ref().map(Estimate::peak);
    let capacity = |report: &Report| report.sweep.as_ref().and_then(Estimate::capacity);
    let changes: Vec<Change> = [
        (Metric::Peak, peak(a), peak(b)),
        (Metric::Capacity, capacity(a), capacity(b)),
    ]
    .into_iter()
    .filter_map(|(metric, a, b)| Some(of_ranges(metric, &a?, &b?)))
    .collect();
    (!changes.is_empty()).then(|| Group {
        label: "at the objective".into(),
        evidence: Evidence::Ranges,
        changes,
    })
}

/// A result and its range.
struct Estimate {
    rate: f64,
    range: (f64, f64),
    at_least: bool,
    slo: Slo,
}

impl Estimate {
    fn peak(peak: &Peak) -> Estimate {
        Estimate {
            rate: peak.rate,
            range: peak.range,
            at_least: peak.at_least,
            slo: peak.slo,
        }
    }

    fn capacity(sweep: &Sweep) -> Option<Estimate> {
        let capacity = sweep.capacity.as_ref()?;
        Some(Estimate {
            rate: capacity.rate,
            range: capacity.range,
            at_least: capacity.at_least,
            slo: capacity.slo,
        })
    }

    /// Returns the standard error of the rate's logarithm, if the range is that of a rate.
    fn error(&self) -> Option<f64> {
        let (low, high) = self.range;
        (!self.at_least && self.rate > 0.0 && low > 0.0 && high >= low)
            .then(|| (high / low).ln() / (2.0 * NORMAL_95))
    }
}

fn of_ranges(metric: Metric, a: &Estimate, b: &Estimate) -> Change {
    let same = a.slo.percentile == b.slo.percentile
        && a.slo.latency == b.slo.latency
        && a.slo.errors == b.slo.errors;
    let range = a.error().zip(b.error()).filter(|_| same).map(|(ea, eb)| {
        let reach = NORMAL_95 * ea.hypot(eb);
        around((b.rate / a.rate).ln(), reach)
    });
    judged(metric, a.rate, b.rate, range)
}
