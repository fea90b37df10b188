//! The charts of `sweep`.

use crate::analysis::usl;
use crate::model::{Report, Run, Sweep};
use crate::report::charts::{
    Chart, Color, Format, HUES, Mark, Series, Style, axis, objective_mark, points, result_mark,
    spans_decades,
};
use crate::report::figures;

pub(super) fn load_rate(sweep: &Sweep, report: &Report) -> Chart {
    let rows = rounds(sweep, report);
    let ideal = Series {
        label: "offered".into(),
        style: Style::Dashed,
        color: Color::Faint,
        values: rows.iter().map(|row| Some(row.x)).collect(),
    };
    Chart {
        id: "load-rate",
        title: "Throughput by offered load".into(),
        note:
            "The line through the medians, a point each round. Where it leaves the dashed line the \
               server no longer keeps up."
                .into(),
        x: axis("offered/s", Format::Count, false),
        y: axis("answered/s", Format::Count, false),
        xs: rows.iter().map(|row| row.x).collect(),
        series: vec![
            ideal,
            Series {
                label: "answered/s".into(),
                style: Style::Line,
                color: Color::Rate,
                values: rows.iter().map(|row| row.median).collect(),
            },
            points(
                "round",
                Color::Rate,
                rows.iter().map(|row| row.round).collect(),
            ),
        ],
        marks: load_marks(sweep),
    }
}

pub(super) fn load_latency(sweep: &Sweep) -> Chart {
    let line = |label: &str, color, values: Vec<f64>| Series {
        label: label.into(),
        style: Style::Line,
        color,
        values: values
            .into_iter()
            .map(|value| Some(value).filter(|value| *value > 0.0))
            .collect(),
    };
    let series = vec![
        line(
            "p99",
            Color::High,
            sweep.points.iter().map(|point| point.p99).collect(),
        ),
        line(
            "p50",
            Color::Low,
            sweep.points.iter().map(|point| point.p50).collect(),
        ),
    ];
    let mut marks = load_marks(sweep);
    marks.extend(
        sweep
            .capacity
            .iter()
            .map(|found| objective_mark(&found.slo)),
    );
    Chart {
        id: "load-latency",
        title: "Latency by offered load".into(),
        note: "Medians of the rounds. The capacity's band is its 95 % range.".into(),
        x: axis("offered/s", Format::Count, false),
        y: axis("latency", Format::Time, spans_decades(&series)),
        xs: sweep.points.iter().map(|point| point.x).collect(),
        series,
        marks,
    }
}

pub(super) fn scaling(sweep: &Sweep, report: &Report) -> Chart {
    let mut rows = rounds(sweep, report);
    let last = rows.last().map_or(1.0, |row| row.x);
    // The law is a curve between the points, and a prediction beyond them.
    if sweep.usl.is_some() {
        let max = last * FURTHER;
        rows.extend((0..=CURVE).map(|step| Row {
            x: 1.0 + (max - 1.0) * step as f64 / CURVE as f64,
            round: None,
            median: None,
        }));
        rows.sort_by(|a, b| a.x.total_cmp(&b.x));
    }
    let one = match (&sweep.usl, sweep.points.first()) {
        (Some(usl), _) => usl.lambda,
        (None, Some(first)) if first.x > 0.0 => first.rate / first.x,
        _ => 0.0,
    };
    // The ideal line leaves the page when scaling is poor: it need not be complete.
    let tallest = rows.iter().filter_map(|row| row.round).fold(0.0, f64::max);
    let mut series = vec![Series {
        label: "linear".into(),
        style: Style::Dashed,
        color: Color::Faint,
        values: rows
            .iter()
            .map(|row| Some(one * row.x).filter(|rate| *rate <= 1.6 * tallest))
            .collect(),
    }];
    if let Some(law) = &sweep.usl {
        series.push(Series {
            label: "fit (USL)".into(),
            style: Style::Line,
            color: Color::High,
            values: rows.iter().map(|row| Some(usl::rate(law, row.x))).collect(),
        });
    }
    series.push(points(
        "measured",
        Color::Rate,
        rows.iter().map(|row| row.round).collect(),
    ));
    Chart {
        id: "scaling",
        title: format!("Throughput by {}", sweep.over),
        note: "A point each round, the Universal Scalability Law fitted to them, and what linear \
               scaling would be. Past the last point the fit is a guess."
            .into(),
        x: axis(&sweep.over, Format::Count, false),
        y: axis("operations/s", Format::Count, false),
        xs: rows.iter().map(|row| row.x).collect(),
        series,
        marks: Vec::new(),
    }
}

pub(super) fn scaling_latency(sweep: &Sweep) -> Chart {
    let latency = load_latency(&Sweep {
        knee: None,
        capacity: None,
        ..sweep.clone()
    });
    Chart {
        id: "scaling-latency",
        title: format!("Latency by {}", sweep.over),
        note: "Medians of the rounds.".into(),
        x: axis(&sweep.over, Format::Count, false),
        ..latency
    }
}

fn load_marks(sweep: &Sweep) -> Vec<Mark> {
    let mut marks: Vec<Mark> = sweep
        .knee
        .iter()
        .map(|knee| Mark {
            axis: "x",
            at: *knee,
            label: "knee".into(),
            range: None,
            color: Color::Max,
        })
        .collect();
    if let Some(found) = &sweep.capacity {
        marks.extend(result_mark(
            "x",
            "capacity",
            found.rate,
            found.range,
            found.at_least,
        ));
    }
    marks
}

/// Returns a few points from first to last, each with its first round.
pub(super) fn some_points<'a>(sweep: &Sweep, report: &'a Report) -> Vec<(String, &'a Run)> {
    let count = sweep.points.len();
    let step = count.div_ceil(HUES.len()).max(1);
    sweep
        .points
        .iter()
        .rev()
        .step_by(step)
        .filter_map(|point| {
            let run = report.runs.get(*point.runs.first()?)?;
            Some((format!("{}/s", figures::rate(point.x)), run))
        })
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .collect()
}

/// A place on the x axis of a sweep: a round, the median, or neither.
struct Row {
    x: f64,
    round: Option<f64>,
    median: Option<f64>,
}

/// Returns a row for each round; the first one of a point has the median, too.
fn rounds(sweep: &Sweep, report: &Report) -> Vec<Row> {
    sweep
        .points
        .iter()
        .flat_map(|point| {
            let rounds = point.runs.iter().filter_map(|at| report.runs.get(*at));
            rounds.enumerate().map(|(place, run)| Row {
                x: point.x,
                round: Some(run.rate),
                median: (place == 0).then_some(point.rate),
            })
        })
        .collect()
}

/// Steps of a fitted curve.
const CURVE: usize = 100;

/// The end of the curve, relative to the last point.
const FURTHER: f64 = 1.5;
