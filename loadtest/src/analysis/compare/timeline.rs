//! Evidence by one run each: a bootstrap over the timeline, in blocks.

use crate::analysis::compare::{Change, Metric, NORMAL_95, judged, with_errors_seen};
use crate::analysis::stats;
use crate::model::{Interval, Run};

/// Compares the first run of each: if only one file has several, they have no counterpart.
pub(super) fn of_timelines(metric: Metric, a: &[&Run], b: &[&Run]) -> Change {
    let (Some(a), Some(b)) = (a.first(), b.first()) else {
        return judged(metric, 0.0, 0.0, None);
    };
    let (from, to) = (metric.of(a).unwrap_or(0.0), metric.of(b).unwrap_or(0.0));
    let range = interval_figure(metric).and_then(|figure| {
        let absolute = metric == Metric::Errors;
        let scale = |value: f64| if absolute { value } else { value.ln() };
        if !absolute && (from <= 0.0 || to <= 0.0) {
            return None;
        }
        let (a, b) = (noise(a, figure, scale, 1)?, noise(b, figure, scale, 2)?);
        let change = scale(to) - scale(from);
        let replicates: Vec<f64> = a.iter().zip(&b).map(|(a, b)| change + b - a).collect();
        let (low, high) = stats::middle_95(&replicates);
        Some(if absolute {
            (low, high)
        } else {
            (low.exp_m1(), high.exp_m1())
        })
    });
    let shares = a.timeline.iter().map(|at| {
        let all = at.ok as f64 + at.errors as f64;
        at.errors as f64 / all.max(1.0)
    });
    with_errors_seen(judged(metric, from, to, range), shares)
}

/// A figure of an interval, and its weight. The mean over a run is close to the run's own figure,
/// and its noise represents that figure's noise.
type Figure = fn(&Interval) -> (f64, f64);

fn interval_figure(metric: Metric) -> Option<Figure> {
    match metric {
        Metric::Rate => Some(|at| (at.ok as f64 / at.seconds, at.seconds)),
        Metric::P50 => Some(|at| (at.p50, at.ok as f64)),
        Metric::P99 => Some(|at| (at.p99, at.ok as f64)),
        Metric::Errors => Some(|at| {
            let all = at.ok as f64 + at.errors as f64;
            (at.errors as f64 / all.max(1.0), all)
        }),
        Metric::P999 | Metric::Peak | Metric::Capacity => None,
    }
}

/// Returns the deviations of bootstrap replicates from the weighted mean, on `scale`. None with too
/// few intervals. The two runs need different seeds, since their noise is independent.
fn noise(run: &Run, figure: Figure, scale: impl Fn(f64) -> f64, seed: u64) -> Option<Vec<f64>> {
    let values: Vec<(f64, f64)> = run
        .timeline
        .iter()
        .filter(|at| at.seconds > 0.0)
        .map(figure)
        .collect();
    let count = values.len();
    if count < MIN_INTERVALS {
        return None;
    }
    let block = (count as f64).sqrt().ceil() as usize;
    // The mean of a resample of few blocks varies too little.
    let blocks = count as f64 / block as f64;
    let spread = (blocks / (blocks - 1.0)).sqrt() * stats::t_95(blocks - 1.0) / NORMAL_95;
    let whole = scale(weighted(values.iter().copied()));
    let mut random = fastrand::Rng::with_seed(seed);
    let replicates: Vec<f64> = (0..REPLICATES)
        .map(|_| {
            let starts: Vec<usize> = (0..count.div_ceil(block))
                .map(|_| random.usize(..count))
                .collect();
            let picked = starts
                .into_iter()
                .flat_map(|start| values.iter().cycle().skip(start).take(block))
                .take(count);
            spread * (scale(weighted(picked.copied())) - whole)
        })
        .collect();
    replicates
        .iter()
        .all(|value| value.is_finite())
        .then_some(replicates)
}

fn weighted(values: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (sum, weights) = values.fold((0.0, 0.0), |(sum, weights), (value, weight)| {
        (sum + value * weight, weights + weight)
    });
    if weights == 0.0 { 0.0 } else { sum / weights }
}

/// Fewer intervals than these are too few for blocks.
const MIN_INTERVALS: usize = 10;

const REPLICATES: usize = 2000;
