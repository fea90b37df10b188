//! What changed between two files, and whether it is more than noise.
//!
//! The evidence is the best that both files have:
//!
//! - **Several runs each**: Welch's t over the runs, on logarithms (a change is a ratio). Runs are what
//!   varies when nothing changed, so this is the sound one. A rank test cannot tell 3 runs from 3 at
//!   5 %, whatever they are, and a bootstrap over 3 runs claims too much.
//! - **One run each**: a bootstrap over the timeline in blocks (Politis and Romano's circular blocks,
//!   for neighbouring intervals are alike). It knows how a run varies within itself, not how runs
//!   differ from one another, so it is weaker: it may call a change what another run would not show.
//!   Only figures that the timeline has can be judged.
//! - **`peak` and `sweep`**: also their results, by the ranges that they carry.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use crate::analysis::{distribution, objective, stats};
use crate::model::{Arrivals, Interval, Peak, Report, Run, Sweep};

/// Two files side by side.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The first file's command and time.
    pub a: String,
    /// The second's.
    pub b: String,
    /// Why the two do not measure the same thing; empty if they do.
    pub incomparable: Vec<String>,
    /// What whoever reads the changes has to know, in sentences.
    pub notes: Vec<String>,
    /// The loads that both files have.
    pub groups: Vec<Group>,
}

/// The changes at one load.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    /// The load.
    pub label: String,
    /// What the ranges are founded on.
    pub evidence: Evidence,
    /// Figure by figure.
    pub changes: Vec<Change>,
}

/// What a range is founded on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    /// So many runs of each file.
    Runs {
        /// Of the first.
        a: usize,
        /// Of the second.
        b: usize,
    },
    /// The intervals of one run each.
    Timeline,
    /// The ranges that the files state.
    Ranges,
}

/// One figure, in both files.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    /// Which.
    pub metric: Metric,
    /// In the first file; the mean (of latencies and rates the geometric one) where it has several
    /// runs.
    pub a: f64,
    /// In the second.
    pub b: f64,
    /// `b / a - 1`; of [`Metric::Errors`] `b - a`. None if `a` is 0.
    pub change: Option<f64>,
    /// The 95 % confidence range of `change`.
    pub range: Option<(f64, f64)>,
    /// What that means.
    pub verdict: Verdict,
}

/// A figure that is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Operations a second.
    Rate,
    /// Median latency.
    P50,
    /// 99th percentile.
    P99,
    /// 99.9th percentile.
    P999,
    /// Share of operations that failed.
    Errors,
    /// What `peak` found.
    Peak,
    /// The capacity that `sweep` found.
    Capacity,
}

impl Metric {
    fn is_better_higher(self) -> bool {
        matches!(self, Metric::Rate | Metric::Peak | Metric::Capacity)
    }

    fn of(self, run: &Run) -> Option<f64> {
        let percentile = |p: f64| distribution::percentile(&run.latency, p);
        match self {
            Metric::Rate => Some(run.rate),
            Metric::P50 => percentile(50.0),
            Metric::P99 => percentile(99.0),
            Metric::P999 => percentile(99.9),
            Metric::Errors => Some(objective::error_share(run)),
            Metric::Peak | Metric::Capacity => None,
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Metric::Rate => "rate",
            Metric::P50 => "p50",
            Metric::P99 => "p99",
            Metric::P999 => "p99.9",
            Metric::Errors => "errors",
            Metric::Peak => "peak",
            Metric::Capacity => "capacity",
        })
    }
}

/// What a change means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// More than noise, for the better.
    Better,
    /// More than noise, for the worse.
    Worse,
    /// No change is within the range.
    Noise,
    /// The files do not have what it takes to tell.
    Unknown,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Better => "better",
            Verdict::Worse => "worse",
            Verdict::Noise => "within noise",
            Verdict::Unknown => "cannot tell",
        })
    }
}

/// Compares `b` with `a`.
#[must_use]
pub fn compare(a: &Report, b: &Report) -> Comparison {
    let mut incomparable = differences(a, b);
    let mut groups = Vec::new();
    if a.plan.mode == b.plan.mode {
        groups.extend(results(a, b));
        if a.peak.is_none() && b.peak.is_none() {
            groups.extend(loads(a, b));
        }
        if groups.is_empty() {
            incomparable.push("The files have no load in common: other arrivals or rates.".into());
        }
    }
    Comparison {
        a: title(a),
        b: title(b),
        incomparable,
        notes: notes(a, b, &groups),
        groups,
    }
}

fn title(report: &Report) -> String {
    format!("{} ({})", report.command.join(" "), report.started)
}

/// What makes the two measure different things.
fn differences(a: &Report, b: &Report) -> Vec<String> {
    let (a, b) = (&a.plan, &b.plan);
    let mut all = Vec::new();
    let mut differ = |what: &str, a: String, b: String| {
        if a != b {
            all.push(format!("{what}: {a} against {b}."));
        }
    };
    differ(
        "Modes differ",
        format!("{:?}", a.mode).to_lowercase(),
        format!("{:?}", b.mode).to_lowercase(),
    );
    differ(
        "Connections differ",
        a.connections.to_string(),
        b.connections.to_string(),
    );
    differ(
        "Pipelining differs",
        a.pipeline.to_string(),
        b.pipeline.to_string(),
    );
    all
}

fn notes(a: &Report, b: &Report, groups: &[Group]) -> Vec<String> {
    let mut notes = Vec::new();
    if groups.iter().any(|g| g.evidence == Evidence::Timeline) {
        notes.push(
            "One run each: the range knows how a run varies within itself, not how runs differ from \
             one another. Several runs in each file, made by turns, tell more."
                .into(),
        );
    }
    let judged = groups
        .iter()
        .flat_map(|group| &group.changes)
        .filter(|change| change.verdict != Verdict::Unknown)
        .count();
    if judged >= 20 {
        notes.push(format!(
            "{judged} figures are compared at 95 %: about {} of them would look changed by chance \
             alone.",
            judged / 20
        ));
    }
    if a.machine.cpu != b.machine.cpu || a.machine.cores != b.machine.cores {
        notes.push(format!(
            "The generator's machines differ: {} ({} cores) against {} ({} cores).",
            a.machine.cpu, a.machine.cores, b.machine.cpu, b.machine.cores
        ));
    }
    if a.plan.targets != b.plan.targets {
        notes.push(format!(
            "The targets differ: {} against {}.",
            a.plan.targets.join(", "),
            b.plan.targets.join(", ")
        ));
    }
    for (name, report) in [("first", a), ("second", b)] {
        let warnings: BTreeSet<&String> = report
            .runs
            .iter()
            .flat_map(|run| &run.generator.warnings)
            .collect();
        for warning in warnings {
            notes.push(format!(
                "The generator of the {name} file warned: {warning}"
            ));
        }
    }
    notes
}

/// The changes of what `peak` and `sweep` found.
fn results(a: &Report, b: &Report) -> Option<Group> {
    let peak = |report: &Report| report.peak.as_ref().map(Stated::peak);
    let capacity = |report: &Report| report.sweep.as_ref().and_then(Stated::capacity);
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
struct Stated {
    rate: f64,
    range: (f64, f64),
    at_least: bool,
    slo: crate::model::Slo,
}

impl Stated {
    fn peak(peak: &Peak) -> Stated {
        Stated {
            rate: peak.rate,
            range: peak.range,
            at_least: peak.at_least,
            slo: peak.slo,
        }
    }

    fn capacity(sweep: &Sweep) -> Option<Stated> {
        let capacity = sweep.capacity.as_ref()?;
        Some(Stated {
            rate: capacity.rate,
            range: capacity.range,
            at_least: capacity.at_least,
            slo: capacity.slo,
        })
    }

    /// The standard error of the rate's logarithm. None where the range is no range of a rate.
    fn error(&self) -> Option<f64> {
        let (low, high) = self.range;
        (!self.at_least && self.rate > 0.0 && low > 0.0 && high >= low)
            .then(|| (high / low).ln() / (2.0 * NORMAL_95))
    }
}

fn of_ranges(metric: Metric, a: &Stated, b: &Stated) -> Change {
    let same = a.slo.percentile == b.slo.percentile
        && a.slo.latency == b.slo.latency
        && a.slo.errors == b.slo.errors;
    let range = a.error().zip(b.error()).filter(|_| same).map(|(ea, eb)| {
        let reach = NORMAL_95 * ea.hypot(eb);
        around((b.rate / a.rate).ln(), reach)
    });
    judged(metric, a.rate, b.rate, range)
}

/// The changes at each load that both files have.
fn loads(a: &Report, b: &Report) -> Vec<Group> {
    let others = groups_of(b);
    groups_of(a)
        .into_iter()
        .filter_map(|(label, a)| {
            let (_, b) = others.iter().find(|(other, _)| *other == label)?;
            Some(group(label, &a, b))
        })
        .collect()
}

/// The runs of each load: of a sweep by its points, else by how operations were started.
fn groups_of(report: &Report) -> Vec<(String, Vec<&Run>)> {
    if let Some(sweep) = &report.sweep {
        return sweep
            .points
            .iter()
            .map(|point| {
                let runs = point.runs.iter().filter_map(|at| report.runs.get(*at));
                (format!("{} {}", sweep.over, point.x), runs.collect())
            })
            .collect();
    }
    let mut groups: Vec<(String, Vec<&Run>)> = Vec::new();
    for run in &report.runs {
        let label = match run.arrivals {
            Arrivals::Closed => "closed loop".to_owned(),
            Arrivals::Constant { rate } => format!("{rate}/s, constant"),
            Arrivals::Poisson { rate } => format!("{rate}/s, Poisson"),
        };
        match groups.iter_mut().find(|(other, _)| *other == label) {
            Some((_, runs)) => runs.push(run),
            None => groups.push((label, vec![run])),
        }
    }
    groups
}

fn group(label: String, a: &[&Run], b: &[&Run]) -> Group {
    let metrics = [
        Metric::Rate,
        Metric::P50,
        Metric::P99,
        Metric::P999,
        Metric::Errors,
    ];
    let (evidence, change): (_, fn(Metric, &[&Run], &[&Run]) -> Change) =
        if a.len() >= 2 && b.len() >= 2 {
            let (a, b) = (a.len(), b.len());
            (Evidence::Runs { a, b }, of_runs)
        } else {
            (Evidence::Timeline, of_timelines)
        };
    let changes = metrics
        .into_iter()
        .filter(|metric| {
            [a, b]
                .iter()
                .all(|runs| runs.iter().any(|run| metric.of(run).is_some()))
        })
        .map(|metric| change(metric, a, b))
        .collect();
    Group {
        label,
        evidence,
        changes,
    }
}

fn of_runs(metric: Metric, a: &[&Run], b: &[&Run]) -> Change {
    let values =
        |runs: &[&Run]| -> Vec<f64> { runs.iter().filter_map(|run| metric.of(run)).collect() };
    let (a, b) = (values(a), values(b));
    if metric == Metric::Errors {
        let range = welch(&a, &b).map(|(change, reach)| (change - reach, change + reach));
        return judged(metric, stats::mean(&a), stats::mean(&b), range);
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

/// The difference of the means and how far its 95 % range reaches (B. L. Welch, 1947). None with
/// fewer than two values on a side.
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

/// The first run of each: where only one file has several, there is nothing to set them against.
fn of_timelines(metric: Metric, a: &[&Run], b: &[&Run]) -> Change {
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
        let (a, b) = (noise(a, figure, scale)?, noise(b, figure, scale)?);
        let change = scale(to) - scale(from);
        let replicates: Vec<f64> = a.iter().zip(&b).map(|(a, b)| change + b - a).collect();
        let (low, high) = stats::middle_95(&replicates);
        Some(if absolute {
            (low, high)
        } else {
            (low.exp_m1(), high.exp_m1())
        })
    });
    judged(metric, from, to, range)
}

/// A figure of an interval, and its weight. The mean over a run is near to the run's own figure;
/// its noise stands for that figure's noise.
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

/// How far bootstrap replicates of the weighted mean lie from it, on `scale`. None with too few
/// intervals.
fn noise(run: &Run, figure: Figure, scale: impl Fn(f64) -> f64) -> Option<Vec<f64>> {
    let values: Vec<(f64, f64)> = run
        .timeline
        .iter()
        .filter(|at| at.seconds > 0.0)
        .map(figure)
        .collect();
    let count = values.len();
    if count < LEAST_INTERVALS {
        return None;
    }
    let block = (count as f64).sqrt().ceil() as usize;
    // A mean over few blocks varies less in the resample than in truth.
    let blocks = count as f64 / block as f64;
    let spread = (blocks / (blocks - 1.0)).sqrt() * stats::t_95(blocks - 1.0) / NORMAL_95;
    let whole = scale(weighted(values.iter().copied()));
    let mut random = fastrand::Rng::with_seed(run.ok);
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

fn around(logarithm: f64, reach: f64) -> (f64, f64) {
    ((logarithm - reach).exp_m1(), (logarithm + reach).exp_m1())
}

fn judged(metric: Metric, a: f64, b: f64, range: Option<(f64, f64)>) -> Change {
    let change = match metric {
        Metric::Errors => Some(b - a),
        _ => (a > 0.0).then(|| b / a - 1.0),
    };
    let verdict = match range {
        None => Verdict::Unknown,
        Some((low, high)) if low <= 0.0 && 0.0 <= high => Verdict::Noise,
        Some((low, _)) if (low > 0.0) == metric.is_better_higher() => Verdict::Better,
        Some(_) => Verdict::Worse,
    };
    Change {
        metric,
        a,
        b,
        change,
        range,
        verdict,
    }
}

/// Standard errors that a two-sided 95 % range of the normal distribution reaches.
const NORMAL_95: f64 = 1.959_964;
/// Fewer intervals than these have no blocks to speak of.
const LEAST_INTERVALS: usize = 10;
const REPLICATES: usize = 2000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    const OPEN: Arrivals = Arrivals::Constant { rate: 1000.0 };

    fn normal(random: &mut fastrand::Rng) -> f64 {
        (0..12).map(|_| random.f64()).sum::<f64>() - 6.0
    }

    fn change(comparison: &Comparison, metric: Metric) -> Change {
        let group = comparison.groups.first().unwrap();
        let found = group.changes.iter().find(|change| change.metric == metric);
        found.unwrap().clone()
    }

    fn runs(p99s: &[f64]) -> Report {
        sample::report(
            p99s.iter()
                .map(|p99| sample::run(OPEN, 1000.0, *p99))
                .collect(),
        )
    }

    #[test]
    fn several_runs_tell_a_change_from_noise() {
        let before = runs(&[1000.0, 1030.0, 985.0]);
        let after = runs(&[1300.0, 1345.0, 1310.0]);
        let comparison = compare(&before, &after);
        assert!(comparison.incomparable.is_empty());
        assert_eq!(comparison.groups[0].evidence, Evidence::Runs { a: 3, b: 3 });
        let p99 = change(&comparison, Metric::P99);
        assert_eq!(p99.verdict, Verdict::Worse);
        let (low, high) = p99.range.unwrap();
        assert!(low < 0.31 && 0.31 < high && low > 0.1, "{low} {high}");
        assert_eq!(
            change(&compare(&after, &before), Metric::P99).verdict,
            Verdict::Better
        );
        let again = runs(&[1010.0, 990.0, 1040.0]);
        assert_eq!(
            change(&compare(&before, &again), Metric::P99).verdict,
            Verdict::Noise
        );
    }

    #[test]
    fn two_runs_that_scatter_prove_nothing() {
        let comparison = compare(&runs(&[1000.0, 2000.0]), &runs(&[1500.0, 3500.0]));
        assert_eq!(change(&comparison, Metric::P99).verdict, Verdict::Noise);
    }

    /// A server that did not change, with intervals that depend on the one before.
    #[test]
    fn one_run_each_calls_noise_a_change_about_as_seldom_as_it_claims() {
        let mut random = fastrand::Rng::with_seed(2);
        let mut noisy = |scale: f64| {
            let mut run = sample::run(Arrivals::Closed, 1000.0, 1000.0);
            let mut drift = 0.0;
            for at in &mut run.timeline {
                drift = 0.5 * drift + 0.05 * normal(&mut random);
                at.ok = (1000.0 * scale * (1.0 + drift)) as u64;
            }
            run.ok = run.timeline.iter().map(|at| at.ok).sum();
            run.rate = run.ok as f64 / run.elapsed_s;
            sample::report(vec![run])
        };
        let false_alarms = (0..200)
            .filter(|_| {
                let rate = change(&compare(&noisy(1.0), &noisy(1.0)), Metric::Rate);
                rate.verdict != Verdict::Noise
            })
            .count();
        assert!(false_alarms <= 18, "{false_alarms} of 200");
        let seen = (0..50)
            .filter(|_| {
                let rate = change(&compare(&noisy(1.0), &noisy(1.2)), Metric::Rate);
                rate.verdict == Verdict::Better
            })
            .count();
        assert!(seen >= 45, "{seen} of 50");
    }

    #[test]
    fn one_run_each_says_that_it_is_weaker_and_what_it_cannot_tell() {
        let comparison = compare(&runs(&[1000.0]), &runs(&[2000.0]));
        assert_eq!(comparison.groups[0].evidence, Evidence::Timeline);
        assert!(comparison.notes[0].contains("One run each"));
        assert_eq!(change(&comparison, Metric::P999).verdict, Verdict::Unknown);
        assert_eq!(change(&comparison, Metric::P99).verdict, Verdict::Worse);
    }

    #[test]
    fn errors_are_compared_as_shares() {
        let mut failing = runs(&[1000.0, 1000.0, 1000.0]);
        for run in &mut failing.runs {
            run.errors.insert("reset".into(), run.ok / 9);
        }
        let errors = change(&compare(&runs(&[1000.0, 1000.0]), &failing), Metric::Errors);
        assert_eq!(errors.verdict, Verdict::Worse);
        assert!((errors.change.unwrap() - 0.1).abs() < 1e-3);
    }

    #[test]
    fn files_that_measure_different_things_are_called_so() {
        let a = runs(&[1000.0]);
        let mut b = a.clone();
        b.plan.connections += 1;
        assert!(compare(&a, &b).incomparable[0].contains("Connections"));
        let mut b = a.clone();
        b.plan.mode = crate::model::Mode::Ws;
        let comparison = compare(&a, &b);
        assert!(comparison.incomparable[0].contains("Modes"));
        assert!(comparison.groups.is_empty());
        let mut b = a.clone();
        b.runs[0].arrivals = Arrivals::Closed;
        assert!(compare(&a, &b).incomparable[0].contains("no load in common"));
    }

    #[test]
    fn peaks_are_compared_by_their_ranges() {
        let a = sample::peak_report();
        let mut b = a.clone();
        let peak = b.peak.as_mut().unwrap();
        peak.rate *= 1.02;
        assert_eq!(
            change(&compare(&a, &b), Metric::Peak).verdict,
            Verdict::Noise
        );
        let peak = b.peak.as_mut().unwrap();
        peak.rate *= 2.0;
        peak.range = (peak.range.0 * 2.0, peak.range.1 * 2.0);
        assert_eq!(
            change(&compare(&a, &b), Metric::Peak).verdict,
            Verdict::Better
        );
        b.peak.as_mut().unwrap().at_least = true;
        assert_eq!(
            change(&compare(&a, &b), Metric::Peak).verdict,
            Verdict::Unknown
        );
    }

    #[test]
    fn sweeps_are_compared_point_by_point() {
        let a = sample::sweep_report();
        let comparison = compare(&a, &a);
        assert_eq!(comparison.groups.len(), 1 + a.sweep.unwrap().points.len());
        let judged = comparison.groups.iter().flat_map(|group| &group.changes);
        assert!(judged.clone().count() > 20);
        assert!(
            judged
                .clone()
                .all(|c| matches!(c.verdict, Verdict::Noise | Verdict::Unknown))
        );
    }
}
