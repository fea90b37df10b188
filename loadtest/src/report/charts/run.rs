//! The charts of one run.

use crate::analysis::distribution;
use crate::model::{Interval, Latency, Run};
use crate::report::charts::{Chart, Color, Format, HUES, Series, Style, axis, spans_decades};

/// Makes a chart of latency by percentile, for several runs on one grid: as far as each has values.
pub(super) fn percentiles(runs: &[(String, &Run)]) -> Chart {
    let max = runs
        .iter()
        .map(|(_, run)| run.latency.count)
        .max()
        .unwrap_or(0) as f64;
    let steps = (max.max(1.0).log10() * STEPS_A_DECADE).ceil() as usize;
    let xs: Vec<f64> = (0..=steps)
        .map(|step| 10f64.powf(step as f64 / STEPS_A_DECADE))
        .collect();
    let series: Vec<Series> = runs
        .iter()
        .enumerate()
        .filter_map(|(place, (label, run))| {
            let histogram = distribution::decode(&run.latency).ok()?;
            let count = histogram.len() as f64;
            let values = xs
                .iter()
                .map(|x| {
                    (*x <= count * 1.05).then(|| {
                        histogram.value_at_quantile(1.0 - 1.0 / x) as f64
                            / distribution::NANOSECONDS
                    })
                })
                .collect();
            Some(Series {
                label: label.clone(),
                style: Style::Line,
                color: HUES[place % HUES.len()],
                values,
            })
        })
        .collect();
    Chart {
        id: "percentiles",
        title: "Latency by percentile".into(),
        note: "Each step to the right is ten times rarer.".into(),
        x: axis("percentile", Format::Percentile, true),
        y: axis("latency", Format::Time, spans_decades(&series)),
        xs,
        series,
        marks: Vec::new(),
    }
}

pub(super) fn rate_over_time(run: &Run) -> Chart {
    let per_second = |count: u64, seconds: f64| (seconds > 0.0).then(|| count as f64 / seconds);
    let timeline = &run.timeline;
    let mut series = vec![Series {
        label: "answered/s".into(),
        style: Style::Area,
        color: Color::Rate,
        values: timeline
            .iter()
            .map(|at| per_second(at.ok, at.seconds))
            .collect(),
    }];
    if timeline.iter().any(|at| at.errors > 0) {
        series.push(Series {
            label: "errors/s".into(),
            style: Style::Line,
            color: Color::Bad,
            values: timeline
                .iter()
                .map(|at| per_second(at.errors, at.seconds))
                .collect(),
        });
    }
    Chart {
        id: "rate-over-time",
        title: "Throughput over time".into(),
        note: "Operations that ended as they should, and those that did not.".into(),
        x: axis("seconds", Format::Seconds, false),
        y: axis("operations/s", Format::Count, false),
        xs: timeline.iter().map(|at| at.at_s).collect(),
        series,
        marks: Vec::new(),
    }
}

pub(super) fn latency_over_time(run: &Run) -> Chart {
    type Figure = fn(&Interval) -> f64;
    let lines: [(&str, Color, Figure); 3] = [
        ("max", Color::Max, |at| at.max),
        ("p99", Color::High, |at| at.p99),
        ("p50", Color::Low, |at| at.p50),
    ];
    let series: Vec<Series> = lines
        .into_iter()
        .map(|(label, color, figure)| Series {
            label: label.into(),
            style: Style::Line,
            color,
            values: run
                .timeline
                .iter()
                .map(|at| Some(figure(at)).filter(|value| *value > 0.0))
                .collect(),
        })
        .collect();
    Chart {
        id: "latency-over-time",
        title: "Latency over time".into(),
        note: "Of each interval: its median, its 99th percentile, its greatest.".into(),
        x: axis("seconds", Format::Seconds, false),
        y: axis("latency", Format::Time, spans_decades(&series)),
        xs: run.timeline.iter().map(|at| at.at_s).collect(),
        series,
        marks: Vec::new(),
    }
}

/// Makes bins of equal width on a logarithmic axis: latency spans decades, and its tail must be
/// visible.
pub(super) fn histogram(latency: &Latency) -> Chart {
    let Ok(histogram) = distribution::decode(latency) else {
        return Chart::default();
    };
    let low = (histogram.min_nz().max(1) as f64).ln();
    let width = ((histogram.max().max(1) as f64).ln() - low).max(1e-3) / BINS as f64;
    let mut counts = [0.0; BINS];
    for value in histogram.iter_recorded() {
        let place = (value.value_iterated_to().max(1) as f64).ln() - low;
        let bin = ((place / width).max(0.0) as usize).min(BINS - 1);
        counts[bin] += value.count_at_value() as f64;
    }
    let middle = |bin: usize| (low + (bin as f64 + 0.5) * width).exp() / distribution::NANOSECONDS;
    let xs = if histogram.is_empty() { 0 } else { BINS };
    Chart {
        id: "histogram",
        title: "Distribution of latency".into(),
        note: "Operations by latency; bins of equal ratio.".into(),
        x: axis("latency", Format::Time, true),
        y: axis("operations", Format::Count, false),
        xs: (0..xs).map(middle).collect(),
        series: vec![Series {
            label: "operations".into(),
            style: Style::Bars,
            color: Color::Rate,
            values: counts.into_iter().take(xs).map(Some).collect(),
        }],
        marks: Vec::new(),
    }
}

const STEPS_A_DECADE: f64 = 24.0;

const BINS: usize = 80;
