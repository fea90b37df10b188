//! Compares two files, and separates changes from noise.
//!
//! The evidence is the best that both files have:
//!
//! - **Several runs each**: Welch's t over the runs, on logarithms (a change is a ratio). This is
//!   the best evidence, since runs vary even if nothing changed. A rank test cannot distinguish 3
//!   runs from 3 at 5 %, and a bootstrap over 3 runs claims too much.
//! - **One run each**: a bootstrap over the timeline in blocks (Politis and Romano's circular
//!   blocks, because neighboring intervals are similar). It measures the variance within a run, not
//!   between runs, so it is weaker: it may report a change that another run would not show. Only
//!   figures of the timeline can be judged.
//! - **`peak` and `sweep`**: also their results, by the ranges in the files.

mod ranges;
mod runs;
mod timeline;

use std::fmt;

use serde::Serialize;

use crate::analysis::compare::ranges::results;
use crate::analysis::compare::runs::of_runs;
use crate::analysis::compare::timeline::of_timelines;
use crate::analysis::{distribution, objective, warnings};
use crate::model::{Arrivals, Report, Run};

/// The comparison of two files.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The command and time of the first file.
    pub a: String,
    /// The command and time of the second file.
    pub b: String,
    /// The reasons why the two do not measure the same thing; empty if they do.
    pub incomparable: Vec<String>,
    /// Notes for the reader of the changes, in sentences.
    pub notes: Vec<String>,
    /// The loads that both files have.
    pub groups: Vec<Group>,
}

/// The changes at one load.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    /// The load.
    pub label: String,
    /// The evidence for the ranges.
    pub evidence: Evidence,
    /// The changes by figure.
    pub changes: Vec<Change>,
}

/// The evidence for a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    /// Several runs of each file.
    Runs {
        /// The runs of the first file.
        a: usize,
        /// The runs of the second file.
        b: usize,
    },
    /// The intervals of one run each.
    Timeline,
    /// The ranges in the files.
    Ranges,
}

/// One figure in both files.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    /// The figure.
    pub metric: Metric,
    /// The value in the first file; with several runs their mean, geometric for latencies and
    /// rates.
    pub a: f64,
    /// The value in the second file.
    pub b: f64,
    /// `b / a - 1`; for [`Metric::Errors`] `b - a`. None if `a` is 0.
    pub change: Option<f64>,
    /// The 95 % confidence range of `change`.
    pub range: Option<(f64, f64)>,
    /// The meaning of the change.
    pub verdict: Verdict,
}

/// A compared figure.
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
    /// The result of `peak`.
    Peak,
    /// The capacity from `sweep`.
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

/// The meaning of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// An improvement beyond noise.
    Better,
    /// A regression beyond noise.
    Worse,
    /// The range includes no change and is narrow, or the change is less than 0.1 %.
    Noise,
    /// The evidence is not sufficient.
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

/// Returns the reasons why the two measure different things.
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
        for warning in warnings::of(report) {
            notes.push(format!(
                "The generator of the {name} file warned: {warning}"
            ));
        }
    }
    notes
}

/// Returns the changes at each load that both files have.
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

/// Groups runs by load: of a sweep by its points, else by the arrival of operations.
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
    let several = a.len() >= 2 && b.len() >= 2;
    let change = if several { of_runs } else { of_timelines };
    let evidence = if several {
        Evidence::Runs {
            a: a.len(),
            b: b.len(),
        }
    } else {
        Evidence::Timeline
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
        Some(range) if range.0 <= 0.0 && 0.0 <= range.1 => {
            if is_narrow(metric, range) {
                Verdict::Noise
            } else {
                Verdict::Unknown
            }
        }
        _ if metric != Metric::Errors && change.is_some_and(|it| it.abs() < RESOLUTION) => {
            Verdict::Noise
        }
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

/// Returns whether a range that includes no change excludes one that matters.
fn is_narrow(metric: Metric, (low, high): (f64, f64)) -> bool {
    match metric {
        Metric::Errors => high - low <= NARROW_POINTS,
        _ => (1.0 + high) / (1.0 + low).max(f64::MIN_POSITIVE) <= NARROW_RATIO,
    }
}

/// Judges a rise of errors that the range cannot: one above everything that the first file has seen
/// is worse, however it is spread.
fn with_errors_seen(mut change: Change, seen: impl Iterator<Item = f64>) -> Change {
    let max = seen.fold(0.0, f64::max);
    let rise = change.b - change.a;
    let is_open = matches!(change.verdict, Verdict::Unknown | Verdict::Noise);
    if change.metric == Metric::Errors && is_open && rise >= RISE && change.b > max {
        change.verdict = Verdict::Worse;
    }
    change
}

/// The widest range of "within noise": between its ends a factor, or a difference of shares. In a
/// wider one a change that matters may hide.
const NARROW_RATIO: f64 = 1.5;
const NARROW_POINTS: f64 = 0.02;
/// The rise of the share of errors that needs no range.
const RISE: f64 = 0.01;

/// The number of standard errors in a two-sided 95 % range of the normal distribution.
const NORMAL_95: f64 = 1.959_964;

/// Figures closer than this are equal: it is the resolution of the histograms, and the rates of two
/// open loops differ by less for reasons other than the server.
const RESOLUTION: f64 = 1e-3;

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
    fn a_change_that_is_sure_but_tiny_is_none() {
        let mut before = runs(&[1000.0, 1000.0, 1000.0]);
        let after = before.clone();
        for run in &mut before.runs {
            run.rate *= 1.0002;
        }
        let comparison = compare(&before, &after);
        assert_eq!(change(&comparison, Metric::Rate).verdict, Verdict::Noise);
    }

    #[test]
    fn two_runs_that_scatter_prove_nothing() {
        let comparison = compare(&runs(&[1000.0, 2000.0]), &runs(&[1500.0, 3500.0]));
        assert_eq!(change(&comparison, Metric::P99).verdict, Verdict::Unknown);
    }

    #[test]
    fn errors_above_all_that_was_seen_are_worse_however_wide_the_range() {
        let before = runs(&[1000.0, 1010.0, 990.0]);
        let mut after = before.clone();
        let failed = after.runs[1].ok * 2;
        after.runs[1].errors.insert("timeout".into(), failed);
        let errors = change(&compare(&before, &after), Metric::Errors);
        assert_eq!(errors.verdict, Verdict::Worse, "{errors:?}");
        // One run each, all errors in a few intervals.
        let (before, mut after) = (runs(&[1000.0]), runs(&[1000.0]));
        let run = &mut after.runs[0];
        for at in run.timeline.iter_mut().skip(20).take(8) {
            (at.errors, at.ok) = (at.ok, 0);
        }
        run.errors.insert("timeout".into(), run.ok / 4);
        let errors = change(&compare(&before, &after), Metric::Errors);
        assert_eq!(errors.verdict, Verdict::Worse, "{errors:?}");
    }

    /// Simulates an unchanged server, with intervals that depend on the preceding one.
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
