//! Evidence by several runs each: Welch's t.

use crate::analysis::compare::{Change, Metric, around, judged, with_errors_seen};
use crate::analysis::stats;
use crate::model::Run;

pub(super) fn of_runs(metric: Metric, a: &[&Run], b: &[&Run]) -> Change {
    let values =
        |runs: &[&Run]| -> Vec<f64> { runs.iter().filter_map(|run| metric.of(run)).collect() };
    let (a, b) = (values(a), values(b));
    if metric == Metric::Errors {
        let range = welch(&a, &b).map(|(change, reach)| (change - reach, change + reach));
        let change = judged(metric, stats::mean(&a), stats::mean(&b), range);
        return with_errors_seen(change, a.into_iter());
    }
    if a.iter().chain(&b).any(|value| *value <= 0.0) {
        return judged(metric, stats::mean(&a), stats::mean(&b), None);
    }
    let logarithms =
        |values: &[f64]| -> Vec<f64> { values.iter().map(|value| value.ln()).collect() };
    let (a, b) = (logarithms(&a), logarithms(&b));
    let range = welch(&a, &b).map(|(change, reach)| around(change, reach));
    judged(metric, stats::mean(&a).exp(), stats::mean(&b).exp(), range)
}

/// Returns the difference of the means, and the half-width of its 95 % range (B. L. Welch, 1947).
/// None with fewer than two values on a side.
fn welch(a: &[f64], b: &[f64]) -> Option<(f64, f64)> {
    if a.len() < 2 || b.len() < 2 {
        return None;
    }
    let share = |values: &[f64]| stats::variance(values) / values.len() as f64;
    let (of_a, of_b) = (share(a), share(b));
    let change = stats::mean(b) - stats::mean(a);
    let error = of_a + of_b;
    if error == 0.0 {
        return Some((change, 0.0));
    }
    let freedom =
        error.powi(2) / (of_a.powi(2) / (a.len() - 1) as f64 + of_b.powi(2) / (b.len() - 1) as f64);
    Some((change, stats::t_95(freedom) * error.sqrt()))
}
