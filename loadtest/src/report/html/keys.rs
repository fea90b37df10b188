//! The key figures, in large type.

use crate::analysis::{distribution, objective};
use crate::model::{Peak, Report, Run, Sweep};
use crate::report::figures;
use crate::report::html::escaped;

pub(super) fn key_figures(report: &Report) -> String {
    let keys = match (&report.peak, &report.sweep) {
        (Some(peak), _) => peak_keys(peak),
        (_, Some(sweep)) => sweep_keys(sweep),
        _ => report
            .runs
            .first()
            .map(|run| run_keys(report, run))
            .unwrap_or_default(),
    };
    let cards: Vec<String> = keys
        .iter()
        .map(|key| {
            format!(
                "<div class=\"key\"><p>{}</p><strong>{}</strong><small>{}</small></div>",
                escaped(&key.name),
                escaped(&key.value),
                escaped(&key.note)
            )
        })
        .collect();
    format!("<div class=\"keys\">{}</div>", cards.concat())
}

/// A key figure.
struct Key {
    name: String,
    value: String,
    note: String,
}

fn key(name: &str, value: String, note: String) -> Key {
    Key {
        name: name.into(),
        value,
        note,
    }
}

fn run_keys(report: &Report, run: &Run) -> Vec<Key> {
    let operations = figures::operations(report.plan.mode);
    let latency = |percentile: f64| {
        distribution::percentile(&run.latency, percentile).map_or("-".into(), figures::time)
    };
    vec![
        key(
            &format!("{operations} a second"),
            figures::rate(run.rate),
            figures::arrivals(run.arrivals),
        ),
        key(
            "median latency",
            latency(50.0),
            format!("p90 {}", latency(90.0)),
        ),
        key(
            "p99 latency",
            latency(99.0),
            format!("p99.9 {}", latency(99.9)),
        ),
        key(
            "errors",
            figures::share(objective::error_share(run)),
            format!("{} {operations} were right", figures::count(run.ok)),
        ),
    ]
}

fn peak_keys(peak: &Peak) -> Vec<Key> {
    vec![
        result_key("peak rate", peak.rate, peak.range, peak.at_least),
        key(
            "objective",
            format!(
                "p{} ≤ {}",
                peak.slo.percentile,
                figures::time(peak.slo.latency)
            ),
            format!("errors ≤ {}", figures::share(peak.slo.errors)),
        ),
        key(
            "trials",
            peak.trials.len().to_string(),
            format!(
                "{} met it",
                peak.trials.iter().filter(|trial| trial.met).count()
            ),
        ),
    ]
}

fn sweep_keys(sweep: &Sweep) -> Vec<Key> {
    let mut keys = Vec::new();
    if let Some(found) = &sweep.capacity {
        keys.push(result_key(
            &format!(
                "capacity at p{} ≤ {}",
                found.slo.percentile,
                figures::time(found.slo.latency)
            ),
            found.rate,
            found.range,
            found.at_least,
        ));
    }
    if let Some(knee) = sweep.knee {
        let factor = crate::analysis::knee::FACTOR;
        keys.push(key(
            "knee",
            format!("{}/s", figures::rate(knee)),
            format!("p99 is {factor} times its floor"),
        ));
    }
    let fastest = sweep.points.iter().max_by(|a, b| a.rate.total_cmp(&b.rate));
    if let Some(fastest) = fastest {
        let at = figures::rate(fastest.x);
        keys.push(key(
            "most answered",
            format!("{}/s", figures::rate(fastest.rate)),
            if sweep.over == "rate" {
                format!("{at}/s offered")
            } else {
                format!("with {at} {}", sweep.over)
            },
        ));
    }
    if let Some(usl) = &sweep.usl {
        let [_, sigma, _] = usl.ranges;
        keys.push(key(
            "contention",
            figures::share(usl.sigma),
            format!("{} to {}", figures::share(sigma.0), figures::share(sigma.1)),
        ));
        keys.push(key(
            "greatest at",
            usl.peak_n
                .map_or("no end".into(), |n| format!("{n:.0} {}", sweep.over)),
            format!("fit r² {:.3}", usl.r2),
        ));
    }
    keys
}

fn result_key(name: &str, rate: f64, (low, high): (f64, f64), at_least: bool) -> Key {
    if at_least {
        return key(
            name,
            format!("≥ {}/s", figures::rate(rate)),
            "no higher rate could be judged".into(),
        );
    }
    key(
        name,
        format!("{}/s", figures::rate(rate)),
        format!(
            "95 % range {} to {}",
            figures::rate(low),
            figures::rate(high)
        ),
    )
}
