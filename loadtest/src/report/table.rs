//! The summary for a terminal: plain text, aligned, no color.

use std::collections::BTreeMap;

use crate::analysis::compare::{Change, Comparison, Evidence, Group, Metric};
use crate::analysis::gates::{Expectation, Figure};
use crate::analysis::{objective, warnings};
use crate::model::{Capacity, Peak, Report, Run, Sweep, Usl};
use crate::report::figures;

/// Formats a report, with its warnings first.
#[must_use]
pub fn summary(report: &Report) -> String {
    let plan = &report.plan;
    let mut parts = vec![format!(
        "{} {}: {} connection{}, {} s after {} s of warm-up",
        figures::mode(plan.mode),
        plan.targets.join(", "),
        plan.connections,
        if plan.connections == 1 { "" } else { "s" },
        plan.duration_s,
        plan.warmup_s,
    )];
    parts.extend(warned(report));
    if let Some(found) = &report.peak {
        parts.push(peak(report, found));
    }
    if let Some(found) = &report.sweep {
        parts.push(sweep(found));
    }
    if report.peak.is_none() && report.sweep.is_none() {
        parts.extend(report.runs.iter().map(run));
    }
    let mut text = parts.join("\n\n");
    text.push('\n');
    text
}

/// Formats the changes, and whether they exceed the noise.
#[must_use]
pub fn comparison(comparison: &Comparison) -> String {
    let mut parts = vec![format!("a: {}\nb: {}", comparison.a, comparison.b)];
    if !comparison.incomparable.is_empty() {
        parts.push(format!(
            "Not comparable:\n{}",
            bulleted(&comparison.incomparable)
        ));
    }
    if !comparison.notes.is_empty() {
        parts.push(bulleted(&comparison.notes));
    }
    parts.extend(comparison.groups.iter().map(group));
    let mut text = parts.join("\n\n");
    text.push('\n');
    text
}

fn warned(report: &Report) -> Option<String> {
    let all = warnings::of(report);
    (!all.is_empty()).then(|| bulleted(&all))
}

fn run(run: &Run) -> String {
    let failed: f64 = run.errors.values().map(|&count| count as f64).sum();
    let seconds = run.elapsed_s.max(f64::MIN_POSITIVE);
    let title = if run.label.is_empty() {
        figures::arrivals(run.arrivals)
    } else {
        format!("{} ({})", run.label, figures::arrivals(run.arrivals))
    };
    let flow = |bytes: u64| {
        [
            format!("{}/s", figures::bytes(bytes as f64 / seconds)),
            format!("{} in all", figures::bytes(bytes as f64)),
        ]
    };
    let line = |name: &str, [figure, note]: [String; 2]| vec![name.to_owned(), figure, note];
    let mut lines = vec![
        line(
            "rate",
            [
                format!("{}/s", figures::rate(run.rate)),
                format!(
                    "{} in {:.1} s",
                    figures::count(run.completed),
                    run.elapsed_s
                ),
            ],
        ),
        line(
            "errors",
            [
                figures::share(objective::error_share(run)),
                figures::count(failed as u64),
            ],
        ),
        line("read", flow(run.bytes_in)),
        line("written", flow(run.bytes_out)),
        line(
            "generator",
            [figures::share(run.generator.cpu), "of its cores".into()],
        ),
    ];
    if run.unsent > 0 {
        let unsent = [
            figures::share(objective::unsent_share(run)),
            format!("{} were due and not sent", figures::count(run.unsent)),
        ];
        lines.insert(2, line("unsent", unsent));
    }
    if run.generator.late > 0 {
        lines.push(line(
            "late",
            [
                figures::count(run.generator.late),
                format!("by {} at most", figures::time(run.generator.max_lateness)),
            ],
        ));
    }
    let mut parts = vec![title, indented(&aligned(&lines)), indented(&latency(run))];
    if !run.statuses.is_empty() {
        parts.push(indented(&tally("status", &run.statuses)));
    }
    if !run.errors.is_empty() {
        parts.push(indented(&tally("error", &run.errors)));
    }
    parts.join("\n\n")
}

fn latency(run: &Run) -> String {
    let latency = &run.latency;
    if latency.count == 0 {
        return "latency: nothing was recorded".into();
    }
    let mut columns = vec![("min".to_owned(), latency.min)];
    let mut percentiles: Vec<(f64, &String, f64)> = latency
        .percentiles
        .iter()
        .filter_map(|(key, value)| Some((key.parse().ok()?, key, *value)))
        .collect();
    percentiles.sort_by(|a, b| a.0.total_cmp(&b.0));
    columns.extend(
        percentiles
            .into_iter()
            .map(|(_, key, value)| (format!("p{key}"), value)),
    );
    columns.extend([
        ("max".to_owned(), latency.max),
        ("mean".to_owned(), latency.mean),
        ("stdev".to_owned(), latency.stdev),
    ]);
    let (mut head, mut row) = (vec!["latency".to_owned()], vec![String::new()]);
    for (name, value) in columns {
        head.push(name);
        row.push(figures::time(value));
    }
    aligned(&[head, row])
}

fn tally<K: ToString>(title: &str, counts: &BTreeMap<K, u64>) -> String {
    let mut rows: Vec<(String, u64)> = counts
        .iter()
        .map(|(name, count)| (name.to_string(), *count))
        .collect();
    rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let mut table = vec![vec![title.to_owned(), "count".to_owned()]];
    table.extend(
        rows.into_iter()
            .map(|(name, count)| vec![name, figures::count(count)]),
    );
    aligned(&table)
}

fn peak(report: &Report, peak: &Peak) -> String {
    let mut rows = vec![row([
        "trial",
        "offered/s",
        "achieved/s",
        "p50",
        "p99",
        "errors",
        "met",
    ])];
    for (place, trial) in peak.trials.iter().enumerate() {
        let Some(run) = report.runs.get(trial.run) else {
            continue;
        };
        rows.push(vec![
            (place + 1).to_string(),
            figures::rate(trial.offered),
            figures::rate(run.rate),
            percentile(run, "50"),
            percentile(run, "99"),
            figures::share(objective::error_share(run)),
            if trial.met { "yes" } else { "no" }.into(),
        ]);
    }
    format!("{}\n\n{}", peak_sentence(peak), indented(&aligned(&rows)))
}

/// Describes the result of a search.
pub(super) fn peak_sentence(peak: &Peak) -> String {
    let objective = figures::objective(&peak.slo);
    if peak.rate == 0.0 {
        return if peak.at_least {
            format!("peak: none found: the generator could not offer a rate to judge ({objective})")
        } else {
            format!("peak: no rate meets the objective ({objective})")
        };
    }
    found("peak", peak.rate, peak.range, peak.at_least, &objective)
}

/// Describes the capacity.
pub(super) fn capacity_sentence(capacity: &Capacity) -> String {
    let objective = figures::objective(&capacity.slo);
    if capacity.rate == 0.0 {
        return format!("capacity: no rate that was offered meets the objective ({objective})");
    }
    found(
        "capacity",
        capacity.rate,
        capacity.range,
        capacity.at_least,
        &objective,
    )
}

fn found(
    what: &str,
    rate: f64,
    (low, high): (f64, f64),
    at_least: bool,
    objective: &str,
) -> String {
    let rate = figures::rate(rate);
    if at_least {
        return format!("{what}: at least {rate}/s ({objective}): no higher rate could be judged");
    }
    format!(
        "{what}: {rate}/s, 95 % range {} to {} ({objective})",
        figures::rate(low),
        figures::rate(high)
    )
}

fn sweep(sweep: &Sweep) -> String {
    let mut sentences = Vec::new();
    if let Some(capacity) = &sweep.capacity {
        sentences.push(capacity_sentence(capacity));
    }
    if let Some(knee) = sweep.knee {
        sentences.push(knee_sentence(knee));
    }
    if let Some(usl) = &sweep.usl {
        sentences.push(usl_sentence(usl));
    }
    let first = if sweep.over == "rate" {
        "offered/s"
    } else {
        sweep.over.as_str()
    };
    let mut rows = vec![row([first, "achieved/s", "p50", "p99", "errors", "rounds"])];
    rows.extend(sweep.points.iter().map(|point| {
        vec![
            figures::rate(point.x),
            figures::rate(point.rate),
            figures::latency(point.p50),
            figures::latency(point.p99),
            figures::share(point.errors),
            point.runs.len().to_string(),
        ]
    }));
    sentences.push(String::new());
    format!("{}\n{}", sentences.join("\n"), indented(&aligned(&rows)))
        .trim_start()
        .into()
}

/// Describes a gate and what was found: `p99 12.0 ms, expected at most 5.00 ms`.
#[must_use]
pub fn gate_sentence(gate: &Expectation) -> String {
    let (name, bound) = match gate.figure {
        Figure::Latency(percentile) => (format!("p{percentile}"), "at most"),
        Figure::Rate => ("rate".to_owned(), "at least"),
        Figure::Errors => ("errors and unsent".to_owned(), "at most"),
        Figure::Downtime => ("time without a success".to_owned(), "at most"),
    };
    let value = |value: f64| match gate.figure {
        Figure::Latency(_) => figures::time(value),
        Figure::Rate => format!("{}/s", figures::rate(value)),
        Figure::Errors | Figure::Downtime => figures::share(value),
    };
    let found = gate.found.map_or("unknown".to_owned(), value);
    format!("{name} {found}, expected {bound} {}", value(gate.limit))
}

/// Describes the knee.
pub(super) fn knee_sentence(knee: f64) -> String {
    format!(
        "knee: {}/s, where p99 passes {} times its floor",
        figures::rate(knee),
        crate::analysis::knee::FACTOR
    )
}

/// Describes the fit.
pub(super) fn usl_sentence(usl: &Usl) -> String {
    let [lambda, sigma, kappa] = usl.ranges;
    format!(
        "scaling: {}/s of one ({} to {}), contention {} ({} to {}), coherency {} ({} to {}), r² {:.4}{}",
        figures::rate(usl.lambda),
        figures::rate(lambda.0),
        figures::rate(lambda.1),
        figures::share(usl.sigma),
        figures::share(sigma.0),
        figures::share(sigma.1),
        figures::scientific(usl.kappa),
        figures::scientific(kappa.0),
        figures::scientific(kappa.1),
        usl.r2,
        usl.peak_n
            .map_or(String::new(), |n| format!(", greatest at {n:.0}")),
    )
}

fn group(group: &Group) -> String {
    let mut rows = vec![row(["", "a", "b", "change", "95 % range", ""])];
    rows.extend(group.changes.iter().map(change));
    format!(
        "{}, by {}\n\n{}",
        group.label,
        evidence(group.evidence),
        indented(&aligned(&rows))
    )
}

/// Describes the evidence for a group's ranges.
pub(super) fn evidence(evidence: Evidence) -> String {
    match evidence {
        Evidence::Runs { a, b } => format!("{a} runs against {b}"),
        Evidence::Timeline => "the intervals of one run each".into(),
        Evidence::Ranges => "the ranges that the files state".into(),
    }
}

/// Returns the cells of a change: the metric, both figures, the change, its range, the verdict.
pub(super) fn change(change: &Change) -> Vec<String> {
    let figure = |value: f64| match change.metric {
        Metric::Rate | Metric::Peak | Metric::Capacity => format!("{}/s", figures::rate(value)),
        Metric::P50 | Metric::P99 | Metric::P999 => figures::time(value),
        Metric::Errors => figures::share(value),
    };
    let difference = |value: f64| match change.metric {
        Metric::Errors => figures::points(value),
        _ => figures::change(value),
    };
    vec![
        change.metric.to_string(),
        figure(change.a),
        figure(change.b),
        change.change.map_or("-".into(), difference),
        change.range.map_or("-".into(), |(low, high)| {
            format!("{} to {}", difference(low), difference(high))
        }),
        change.verdict.to_string(),
    ]
}

fn percentile(run: &Run, key: &str) -> String {
    run.latency
        .percentiles
        .get(key)
        .map_or("-".into(), |value| figures::time(*value))
}

fn bulleted(lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| format!("! {line}")).collect();
    lines.join("\n")
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

/// Aligns columns to their widest cell: the first to the left, the others to the right.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let cells: Vec<String> = row
                .iter()
                .zip(&widths)
                .enumerate()
                .map(|(column, (cell, &width))| match column {
                    0 => format!("{cell:<width$}"),
                    _ => format!("{cell:>width$}"),
                })
                .collect();
            cells.join("  ").trim_end().to_owned()
        })
        .collect();
    lines.join("\n")
}

fn indented(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("  {line}")).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::compare::compare;
    use crate::report::sample;

    #[test]
    fn columns_are_aligned() {
        let rows = [row(["a", "long", "x"]), row(["longer", "b", "22"])];
        assert_eq!(aligned(&rows), "a       long   x\nlonger     b  22");
    }

    #[test]
    fn a_run_has_its_figures_and_warnings_come_first() {
        let text = summary(&sample::http_report());
        for part in [
            "19,950/s",
            "0.23 %",
            "p99.9",
            "status 503",
            "200",
            "1,100",
            "timeout",
        ] {
            assert!(text.contains(part), "no {part} in\n{text}");
        }
        let place = |part: &str| text.find(part).unwrap();
        assert!(place("! 12 operations began late") < place("19,950/s"));
    }

    #[test]
    fn a_peak_and_a_sweep_have_result_and_table() {
        let text = summary(&sample::peak_report());
        assert!(
            text.contains("peak: 51,400/s, 95 % range 50,200 to 52,600"),
            "{text}"
        );
        assert!(text.contains("p99 ≤ 5.00 ms, errors ≤ 0.1"), "{text}");
        assert_eq!(
            text.matches(" yes").count() + text.matches(" no").count(),
            10,
            "{text}"
        );
        let text = summary(&sample::sweep_report());
        assert!(
            text.contains("capacity: ") && text.contains("knee: "),
            "{text}"
        );
        let text = summary(&sample::cores_report());
        assert!(text.contains("contention"), "{text}");
    }

    #[test]
    fn what_was_not_found_is_said_in_words() {
        let mut report = sample::peak_report();
        let peak = report.peak.as_mut().unwrap();
        (peak.rate, peak.range) = (0.0, (0.0, 1.0));
        assert!(summary(&report).contains("no rate meets the objective"));
        let peak = report.peak.as_mut().unwrap();
        (peak.rate, peak.at_least) = (3000.0, true);
        assert!(summary(&report).contains("at least 3,000/s"));
    }

    #[test]
    fn a_run_of_nothing_has_a_summary() {
        let mut report = sample::http_report();
        report.runs[0].latency = sample::latency(&[]);
        report.runs[0].elapsed_s = 0.0;
        assert!(summary(&report).contains("nothing was recorded"));
        report.runs.clear();
        assert!(summary(&report).contains("64 connections"));
    }

    #[test]
    fn a_comparison_has_its_verdicts() {
        let (a, mut b) = (sample::http_report(), sample::http_report());
        b.runs[0] = sample::run(a.runs[0].arrivals, 19_950.0, 4000.0);
        let text = comparison(&compare(&a, &b));
        assert!(
            text.contains("worse") && text.contains("cannot tell"),
            "{text}"
        );
        assert!(text.contains("One run each"), "{text}");
        b.plan.connections = 1;
        assert!(comparison(&compare(&a, &b)).contains("Not comparable"));
    }
}
