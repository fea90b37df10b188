//! The charts of the HTML page as data, which `assets/report.js` draws.

mod run;
mod search;
mod sweep;

use serde::Serialize;

use crate::model::{Report, Run, Slo};
use crate::report::figures;

/// One chart: values over a shared, ascending `x`.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Chart {
    /// The ID of its element.
    pub(super) id: &'static str,
    pub(super) title: String,
    /// A note on reading it.
    pub(super) note: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) xs: Vec<f64>,
    pub(super) series: Vec<Series>,
    /// Marks at a place of an axis.
    pub(super) marks: Vec<Mark>,
}

/// An axis.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Axis {
    pub(super) label: String,
    pub(super) format: Format,
    pub(super) log: bool,
}

/// The kind of an axis's values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    /// A plain number.
    #[default]
    Count,
    /// Microseconds.
    Time,
    /// Seconds since the recording began.
    Seconds,
    /// `1 / (1 - quantile)`.
    Percentile,
}

/// A line, its points, or bars. A missing value is a gap.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Series {
    pub(super) label: String,
    pub(super) style: Style,
    pub(super) color: Color,
    pub(super) values: Vec<Option<f64>>,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Style {
    Line,
    Area,
    Dashed,
    Points,
    Bars,
}

/// A color by its meaning: the page has each in light and in dark.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Color {
    Rate,
    Low,
    High,
    Max,
    Bad,
    Good,
    Faint,
}

/// A line across the chart, with the range around it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Mark {
    /// `x` or `y`.
    pub(super) axis: &'static str,
    pub(super) at: f64,
    pub(super) label: String,
    pub(super) range: Option<(f64, f64)>,
    pub(super) color: Color,
}

/// Returns the charts that a report has data for.
pub(super) fn of(report: &Report) -> Vec<Chart> {
    let mut charts = Vec::new();
    if let Some(peak) = &report.peak {
        charts.push(search::trials(peak));
        charts.push(search::trial_latency(peak, report));
        charts.push(run::percentiles(&search::nearest_to_peak(peak, report)));
    }
    if let Some(sweep) = &report.sweep {
        if sweep.over == "rate" {
            charts.push(sweep::load_rate(sweep, report));
            charts.push(sweep::load_latency(sweep));
            charts.push(run::percentiles(&sweep::some_points(sweep, report)));
        } else {
            charts.push(sweep::scaling(sweep, report));
            charts.push(sweep::scaling_latency(sweep));
        }
    }
    if report.peak.is_none() && report.sweep.is_none() {
        let runs: Vec<(String, &Run)> = report
            .runs
            .iter()
            .enumerate()
            .map(|(place, run)| (run_name(place, run, report.runs.len()), run))
            .collect();
        charts.push(run::percentiles(&runs));
        if let Some(run) = report.runs.first() {
            charts.push(run::rate_over_time(run));
            charts.push(run::latency_over_time(run));
            charts.push(run::histogram(&run.latency));
        }
    }
    charts.retain(|chart| chart.xs.len() > 1);
    charts
}

fn run_name(place: usize, run: &Run, runs: usize) -> String {
    match (runs, run.label.as_str()) {
        (1, _) => "latency".into(),
        (_, "") => format!("run {}", place + 1),
        (_, label) => label.into(),
    }
}

fn result_mark(
    axis: &'static str,
    label: &str,
    rate: f64,
    range: (f64, f64),
    at_least: bool,
) -> Vec<Mark> {
    if rate <= 0.0 {
        return Vec::new();
    }
    let label = if at_least {
        format!("{label}, at least")
    } else {
        label.to_owned()
    };
    vec![Mark {
        axis,
        at: rate,
        label,
        range: Some(range),
        color: Color::Good,
    }]
}

fn objective_mark(slo: &Slo) -> Mark {
    Mark {
        axis: "y",
        at: slo.latency,
        label: format!("p{} ≤ {}", slo.percentile, figures::time(slo.latency)),
        range: None,
        color: Color::Bad,
    }
}

fn points(label: &str, color: Color, values: Vec<Option<f64>>) -> Series {
    Series {
        label: label.into(),
        style: Style::Points,
        color,
        values,
    }
}

fn axis(label: &str, format: Format, log: bool) -> Axis {
    Axis {
        label: label.into(),
        format,
        log,
    }
}

/// Returns whether a linear axis would flatten most of the values.
fn spans_decades(series: &[Series]) -> bool {
    let values = series.iter().flat_map(|series| &series.values).flatten();
    let (low, high) = values.fold((f64::INFINITY, 0.0f64), |(low, high), value| {
        (low.min(*value), high.max(*value))
    });
    low > 0.0 && high > 20.0 * low
}

const HUES: [Color; 6] = [
    Color::Rate,
    Color::Low,
    Color::Good,
    Color::Max,
    Color::High,
    Color::Bad,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn ids(report: &Report) -> Vec<&'static str> {
        of(report).iter().map(|chart| chart.id).collect()
    }

    #[test]
    fn each_command_has_its_charts() {
        assert_eq!(
            ids(&sample::http_report()),
            [
                "percentiles",
                "rate-over-time",
                "latency-over-time",
                "histogram"
            ]
        );
        assert_eq!(
            ids(&sample::peak_report()),
            ["trials", "trial-latency", "percentiles"]
        );
        assert_eq!(
            ids(&sample::sweep_report()),
            ["load-rate", "load-latency", "percentiles"]
        );
        assert_eq!(ids(&sample::cores_report()), ["scaling", "scaling-latency"]);
    }

    #[test]
    fn every_series_is_as_long_as_its_ascending_x() {
        for report in [
            sample::http_report(),
            sample::peak_report(),
            sample::sweep_report(),
            sample::cores_report(),
        ] {
            for chart in of(&report) {
                assert!(chart.xs.is_sorted(), "{}", chart.id);
                for series in &chart.series {
                    assert_eq!(series.values.len(), chart.xs.len(), "{}", chart.id);
                    assert!(
                        series.values.iter().any(Option::is_some),
                        "{}",
                        series.label
                    );
                }
            }
        }
    }

    #[test]
    fn the_histogram_holds_every_operation() {
        let values: Vec<f64> = (1..=5000).map(|i| f64::from(i * i)).collect();
        let chart = run::histogram(&sample::latency(&values));
        let sum: f64 = chart.series[0].values.iter().flatten().sum();
        assert_eq!(sum, 5000.0);
    }

    #[test]
    fn the_percentiles_are_those_of_the_histogram() {
        let values: Vec<f64> = (1..=1000).map(f64::from).collect();
        let mut report = sample::http_report();
        report.runs[0].latency = sample::latency(&values);
        let chart = &of(&report)[0];
        let at = chart
            .xs
            .iter()
            .position(|x| (x - 100.0).abs() < 1e-6)
            .unwrap();
        let p99 = chart.series[0].values[at].unwrap();
        assert!((p99 - 990.0).abs() < 2.0, "{p99}");
        assert!(chart.xs.last().unwrap() >= &1000.0);
    }

    #[test]
    fn a_report_of_nothing_has_no_charts() {
        let mut report = sample::http_report();
        report.runs[0].latency = sample::latency(&[]);
        report.runs[0].timeline.clear();
        assert!(of(&report).is_empty());
        report.runs.clear();
        assert!(of(&report).is_empty());
    }
}
