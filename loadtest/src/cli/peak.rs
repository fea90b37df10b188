//! The search for the highest rate that meets an objective.

use std::time::SystemTime;

use crate::analysis::objective::{Outcome, judge};
use crate::analysis::peak::{Bounds, Search, Step};
use crate::cli::args::Peak;
use crate::cli::output;
use crate::cli::progress::Progress;
use crate::cli::workload::Workload;
use crate::cli::{CliError, ErrorMessage};
use crate::model::Arrivals;

/// `peak`.
pub(super) fn run(args: &Peak) -> Result<(), CliError> {
    let common = &args.load.common;
    let slo = args.objective.slo().ok_or_else(|| {
        CliError::usage(ErrorMessage::new("there is no objective").help("say one, as --p99 5ms"))
    })?;
    let workload = Workload::of(&args.load)?;
    let started = SystemTime::now();
    let progress = Progress::new(common.quiet);
    let mut runs = Vec::new();
    let start = match args.start {
        Some(start) => start,
        None => {
            let run = workload.run("closed loop".to_owned(), Arrivals::Closed, &progress)?;
            let rate = run.rate;
            let failed = run.ok == 0;
            runs.push(run);
            if failed || workload.is_stopped() {
                return output::finish(&output::report(&workload, started, runs), common);
            }
            rate
        }
    };
    let mut search = Search::new(
        slo,
        Bounds {
            max_rate: args.max_rate.unwrap_or(f64::INFINITY),
            precision: args.precision,
            max_trials: args.trials.max(1),
            ..Bounds::from(start.min(args.max_rate.unwrap_or(f64::INFINITY)))
        },
    );
    let mut trial = 0;
    let peak = loop {
        if workload.is_stopped() {
            break search.peak();
        }
        match search.next() {
            Step::Done(peak) => break peak,
            Step::Try(rate) => {
                trial += 1;
                let label = format!("trial {trial}, rate {rate}");
                let run = workload.run(label, args.load.arrivals.at(rate), &progress)?;
                // A trial that was cut short is no evidence.
                if run.interrupted {
                    continue;
                }
                let outcome = judge(&run, &slo);
                progress.say(&format!("trial {trial}: {rate:.0}/s {}", word(outcome)));
                search.report(runs.len(), rate, outcome);
                runs.push(run);
            }
        }
    };
    let mut report = output::report(&workload, started, runs);
    report.peak = Some(peak);
    output::finish(&report, common)
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Met => "met the objective",
        Outcome::Missed => "missed the objective",
        Outcome::GeneratorLimit => "was more than the generator can do",
    }
}
