//! Latency against offered load, or throughput against cores.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use crate::analysis::sweep::{Over, sweep};
use crate::cli::args::Sweep;
use crate::cli::output;
use crate::cli::progress::Progress;
use crate::cli::values::spread;
use crate::cli::workload::Workload;
use crate::cli::{Failed, Said, server};
use crate::model::{Arrivals, Run};

/// `sweep`.
pub(super) fn run(args: &Sweep) -> Result<(), Failed> {
    if args.rounds == 0 {
        return Err(Failed::usage(Said::new("--rounds has to be at least 1")));
    }
    if let (Some(command), Some(counts)) = (&args.cores_command, &args.core_counts) {
        if counts.0.contains(&0) {
            let said = Said::new("no server runs on 0 cores");
            return Err(Failed::usage(said.help("say --core-counts 1-4")));
        }
        return over_cores(args, command, &counts.0);
    }
    over_rates(args)
}

fn over_rates(args: &Sweep) -> Result<(), Failed> {
    let workload = Workload::of(&args.load)?;
    let mut sweeping = Sweeping::new(args, &workload);
    let rates = match &args.rates {
        Some(rates) => rates.0.clone(),
        None => {
            let most = sweeping.run("closed loop".to_owned(), Arrivals::Closed)?;
            if most.ok == 0 {
                sweeping.runs.push(most);
                return sweeping.finish(Over::Rate, &[]);
            }
            spread(most.rate * FIRST, most.rate * LAST, POINTS)
        }
    };
    let mut groups: Vec<(f64, Vec<usize>)> = rates.iter().map(|rate| (*rate, vec![])).collect();
    for round in 1..=args.rounds {
        for (rate, places) in &mut groups {
            let label = format!("rate {rate}, round {round}");
            places.push(sweeping.runs.len());
            let run = sweeping.run(label, args.load.arrivals.at(*rate))?;
            sweeping.runs.push(run);
        }
    }
    sweeping.finish(Over::Rate, &groups)
}

fn over_cores(args: &Sweep, command: &str, counts: &[usize]) -> Result<(), Failed> {
    // The command may be what starts the server.
    if let Some(first) = counts.first() {
        give_cores(command, *first)?;
    }
    let workload = patiently(|| Workload::of(&args.load))?;
    let mut sweeping = Sweeping::new(args, &workload);
    let mut groups: Vec<_> = counts.iter().map(|count| (*count, vec![])).collect();
    for round in 1..=args.rounds {
        for (count, places) in &mut groups {
            give_cores(command, *count)?;
            server::await_answer(workload.address(), workload.probe(), PATIENCE)?;
            let label = format!("{count} cores, round {round}");
            places.push(sweeping.runs.len());
            let run = sweeping.run(label, Arrivals::Closed)?;
            sweeping.runs.push(run);
        }
    }
    let groups: Vec<(f64, Vec<usize>)> = groups
        .into_iter()
        .map(|(count, places)| (count as f64, places))
        .collect();
    sweeping.finish(Over::Cores, &groups)
}

struct Sweeping<'a> {
    args: &'a Sweep,
    workload: &'a Workload,
    started: SystemTime,
    progress: Progress,
    runs: Vec<Run>,
}

impl<'a> Sweeping<'a> {
    fn new(args: &'a Sweep, workload: &'a Workload) -> Self {
        Self {
            args,
            workload,
            started: SystemTime::now(),
            progress: Progress::new(workload.common().quiet),
            runs: Vec::new(),
        }
    }

    fn run(&self, label: String, arrivals: Arrivals) -> Result<Run, Failed> {
        let run = self.workload.run(label, arrivals, &self.progress)?;
        self.progress
            .say(&format!("{}: {:.0}/s", run.label, run.rate));
        Ok(run)
    }

    fn finish(self, over: Over, groups: &[(f64, Vec<usize>)]) -> Result<(), Failed> {
        let found = sweep(over, groups, &self.runs, self.args.objective.slo());
        let mut report = output::report(self.workload, self.started, self.runs);
        report.sweep = Some(found);
        output::finish(&report, self.workload.common())
    }
}

/// Runs the user's command, which has to return.
fn give_cores(command: &str, cores: usize) -> Result<(), Failed> {
    let command = command.replace("{cores}", &cores.to_string());
    let said = |why: String| Said::new(format!("the command `{command}` {why}"));
    let mut child = Command::new("sh")
        .args(["-c", &command])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| Failed::run(said(format!("could not be started: {error}"))))?;
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(Failed::run(said(format!("failed: {status}")))),
            Ok(None) if begun.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                let said = said(format!("did not return within {} s", PATIENCE.as_secs()));
                let help = "a server that it starts has to go to the background: end it with &";
                return Err(Failed::usage(said.help(help)));
            }
            Err(error) => return Err(Failed::run(said(format!("is lost: {error}")))),
        }
    }
}

/// Tries again while the server cannot be reached, for it may be starting.
fn patiently<T>(mut make: impl FnMut() -> Result<T, Failed>) -> Result<T, Failed> {
    let begun = Instant::now();
    loop {
        match make() {
            Err(Failed::Run(_)) if begun.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
            made => return made,
        }
    }
}

/// How long the server, and the command, may take.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(100);
/// The rates of a sweep if none are said, as shares of what a closed loop reaches: from near idle to
/// past saturation.
const FIRST: f64 = 0.1;
const LAST: f64 = 1.3;
const POINTS: u32 = 13;
