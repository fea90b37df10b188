//! The charts of `peak`.

use crate::analysis::distribution;
use crate::model::{Peak, Report, Run};
use crate::report::charts::{
    Chart, Color, Format, axis, objective_mark, points, result_mark, spans_decades,
};
use crate::report::figures;

pub(super) fn trials(peak: &Peak) -> Chart {
    let of = |met: bool| {
        let offered = peak.trials.iter();
        offered
            .map(|trial| (trial.met == met).then_some(trial.offered))
            .collect()
    };
    Chart {
        id: "trials",
        title: "The search".into(),
        note:
            "What each trial offered, and whether it met the objective; the band is the 95 % range."
                .into(),
        x: axis("trial", Format::Count, false),
        y: axis("offered/s", Format::Count, false),
        xs: (1..=peak.trials.len()).map(|place| place as f64).collect(),
        series: vec![
            points("met", Color::Good, of(true)),
            points("missed", Color::Bad, of(false)),
        ],
        marks: result_mark("y", "peak", peak.rate, peak.range, peak.at_least),
    }
}

pub(super) fn trial_latency(peak: &Peak, report: &Report) -> Chart {
    let mut trials: Vec<(f64, bool, Option<f64>)> = peak
        .trials
        .iter()
        .filter_map(|trial| {
            let run = report.runs.get(trial.run)?;
            let latency = distribution::percentile(&run.latency, peak.slo.percentile);
            Some((trial.offered, trial.met, latency))
        })
        .collect();
    trials.sort_by(|a, b| a.0.total_cmp(&b.0));
    let of = |wanted: bool| {
        let trials = trials.iter();
        trials
            .map(|(_, met, latency)| latency.filter(|_| *met == wanted))
            .collect()
    };
    let series = vec![
        points("met", Color::Good, of(true)),
        points("missed", Color::Bad, of(false)),
    ];
    let mut marks = result_mark("x", "peak", peak.rate, peak.range, peak.at_least);
    marks.push(objective_mark(&peak.slo));
    Chart {
        id: "trial-latency",
        title: format!("p{} by offered rate", peak.slo.percentile),
        note: "Each trial; the line across is the objective.".into(),
        x: axis("offered/s", Format::Count, false),
        y: axis("latency", Format::Time, spans_decades(&series)),
        xs: trials.iter().map(|trial| trial.0).collect(),
        series,
        marks,
    }
}

pub(super) fn nearest_to_peak<'a>(peak: &Peak, report: &'a Report) -> Vec<(String, &'a Run)> {
    let distance = |offered: f64| (offered - peak.rate).abs();
    peak.trials
        .iter()
        .filter(|trial| trial.met)
        .min_by(|a, b| distance(a.offered).total_cmp(&distance(b.offered)))
        .and_then(|trial| {
            let run = report.runs.get(trial.run)?;
            Some((format!("at {}/s", figures::rate(trial.offered)), run))
        })
        .into_iter()
        .collect()
}
