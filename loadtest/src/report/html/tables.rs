//! The tables under the charts.

use std::fmt::Write;

use crate::analysis::{distribution, objective};
use crate::model::{Peak, Report, Run, Sweep};
use crate::report::figures;
use crate::report::html::escaped;

pub(super) fn tables(report: &Report) -> String {
    match (&report.peak, &report.sweep) {
        (Some(peak), _) => trials_table(report, peak),
        (_, Some(sweep)) => points_table(sweep),
        _ => report.runs.iter().map(run_tables).collect(),
    }
}

pub(super) fn conditions(report: &Report) -> String {
    let (plan, machine) = (&report.plan, &report.machine);
    let cores: Vec<String> = machine
        .generator_cores
        .iter()
        .map(usize::to_string)
        .collect();
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let plan = [
        row("mode", figures::mode(plan.mode).into()),
        row("connections", figures::count(plan.connections as u64)),
        row("requests in flight on one", plan.pipeline.to_string()),
        row("warm-up", format!("{} s", plan.warmup_s)),
        row("recorded", format!("{} s a run", plan.duration_s)),
        row("runs", report.runs.len().to_string()),
    ];
    let machine = [
        row("processor", machine.cpu.clone()),
        row("cores", machine.cores.to_string()),
        row("generator's cores", cores.join(", ")),
        row("kernel", machine.kernel.clone()),
        row("rusm-loadtest", report.version.clone()),
        row("began", report.started.clone()),
    ];
    section(
        "Conditions",
        &format!(
            "<div class=\"columns\"><div>{}</div><div>{}</div></div>",
            table_of(&["plan", ""], &plan, &[]),
            table_of(&["generator's machine", ""], &machine, &[])
        ),
    )
}

pub(super) fn section(title: &str, content: &str) -> String {
    format!("<section><h2>{}</h2>{content}</section>", escaped(title))
}

/// Formats a table; `classes` are those of its rows' last cells.
pub(super) fn table_of(head: &[&str], rows: &[Vec<String>], classes: &[&str]) -> String {
    let mut text = String::from("<table><thead><tr>");
    for cell in head {
        let _ = write!(text, "<th>{}</th>", escaped(cell));
    }
    text += "</tr></thead><tbody>";
    for (place, row) in rows.iter().enumerate() {
        text += "<tr>";
        for (column, cell) in row.iter().enumerate() {
            let class = match classes.get(place) {
                Some(class) if column + 1 == row.len() => class,
                _ => "",
            };
            let _ = write!(text, "<td class=\"{class}\">{}</td>", escaped(cell));
        }
        text += "</tr>";
    }
    text + "</tbody></table>"
}

fn run_tables(run: &Run) -> String {
    let latency = &run.latency;
    let mut percentiles: Vec<(f64, f64)> = latency
        .percentiles
        .iter()
        .filter_map(|(key, value)| Some((key.parse().ok()?, *value)))
        .collect();
    percentiles.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut rows = vec![vec!["min".to_owned(), figures::time(latency.min)]];
    rows.extend(
        percentiles
            .iter()
            .map(|(p, value)| vec![format!("p{p}"), figures::time(*value)]),
    );
    for (name, value) in [
        ("max", latency.max),
        ("mean", latency.mean),
        ("standard deviation", latency.stdev),
    ] {
        rows.push(vec![name.to_owned(), figures::time(value)]);
    }
    let counts = |pairs: Vec<(String, u64)>| -> Vec<Vec<String>> {
        let all = pairs.into_iter();
        all.map(|(name, count)| vec![name, figures::count(count)])
            .collect()
    };
    let statuses = run
        .statuses
        .iter()
        .map(|(status, count)| (status.to_string(), *count));
    let errors = run
        .errors
        .iter()
        .map(|(reason, count)| (reason.clone(), *count));
    let seconds = run.elapsed_s.max(f64::MIN_POSITIVE);
    let flow = |name: &str, bytes: u64| {
        let rate = figures::bytes(bytes as f64 / seconds);
        vec![
            name.to_owned(),
            format!("{rate}/s"),
            figures::bytes(bytes as f64),
        ]
    };
    let mut columns = vec![table_of(&["latency", ""], &rows, &[])];
    let mut second = String::new();
    if !run.statuses.is_empty() {
        second += &table_of(&["status", "responses"], &counts(statuses.collect()), &[]);
    }
    if !run.errors.is_empty() {
        second += &table_of(&["error", "operations"], &counts(errors.collect()), &[]);
    }
    second += &table_of(
        &["bytes", "a second", "in all"],
        &[flow("read", run.bytes_in), flow("written", run.bytes_out)],
        &[],
    );
    second += &table_of(
        &["generator", ""],
        &[
            vec!["its cores in use".into(), figures::share(run.generator.cpu)],
            vec!["began late".into(), figures::count(run.generator.late)],
            vec![
                "latest by".into(),
                figures::time(run.generator.max_lateness),
            ],
        ],
        &[],
    );
    columns.push(second);
    let title = if run.label.is_empty() {
        "Figures"
    } else {
        run.label.as_str()
    };
    let columns: Vec<String> = columns
        .iter()
        .map(|column| format!("<div>{column}</div>"))
        .collect();
    section(
        title,
        &format!("<div class=\"columns\">{}</div>", columns.concat()),
    )
}

fn trials_table(report: &Report, peak: &Peak) -> String {
    let trials: Vec<_> = peak
        .trials
        .iter()
        .enumerate()
        .filter_map(|(place, trial)| Some((place, trial, report.runs.get(trial.run)?)))
        .collect();
    let rows: Vec<Vec<String>> = trials
        .iter()
        .map(|(place, trial, run)| {
            let latency = |percentile: f64| {
                distribution::percentile(&run.latency, percentile).map_or("-".into(), figures::time)
            };
            vec![
                (place + 1).to_string(),
                figures::rate(trial.offered),
                figures::rate(run.rate),
                latency(50.0),
                latency(peak.slo.percentile),
                figures::share(objective::error_share(run)),
                if trial.met { "met" } else { "missed" }.to_owned(),
            ]
        })
        .collect();
    let classes: Vec<&str> = trials
        .iter()
        .map(|(_, trial, _)| if trial.met { "good" } else { "bad" })
        .collect();
    let percentile = format!("p{}", peak.slo.percentile);
    section(
        "Trials",
        &table_of(
            &[
                "trial",
                "offered/s",
                "answered/s",
                "p50",
                &percentile,
                "errors",
                "objective",
            ],
            &rows,
            &classes,
        ),
    )
}

fn points_table(sweep: &Sweep) -> String {
    let rows: Vec<Vec<String>> = sweep
        .points
        .iter()
        .map(|point| {
            vec![
                figures::rate(point.x),
                figures::rate(point.rate),
                figures::latency(point.p50),
                figures::latency(point.p99),
                figures::share(point.errors),
                point.runs.len().to_string(),
            ]
        })
        .collect();
    let first = if sweep.over == "rate" {
        "offered/s"
    } else {
        sweep.over.as_str()
    };
    section(
        "Points",
        &table_of(
            &[first, "answered/s", "p50", "p99", "errors", "rounds"],
            &rows,
            &[],
        ),
    )
}
