//! Latency against offered load, or throughput against cores.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use crate::analysis::sweep::{SweepVariable, sweep};
use crate::cli::args::Sweep;
use crate::cli::output;
use crate::cli::progress::Progress;
use crate::cli::values::spread;
use crate::cli::workload::Workload;
use crate::cli::{CliError, ErrorMessage, server};
use crate::model::{Arrivals, Run};

/// `sweep`.
pub(super) fn run(args: &Sweep) -> Result<(), CliError> {
    if args.rounds == 0 {
        return Err(CliError::usage(ErrorMessage::new(
            "--rounds has to be at least 1",
        )));
    }
    if let (Some(command), Some(counts)) = (&args.cores_command, &args.core_counts) {
        if counts.0.contains(&0) {
            let message = ErrorMessage::new("no server runs on 0 cores");
            return Err(CliError::usage(message.help("say --core-counts 1-4")));
        }
        if !command.contains("{cores}") {
            let message = ErrorMessage::new("--cores-command has no {cores}");
            let help = "say where the number of cores goes, as './restart-with {cores}'";
            return Err(CliError::usage(message.help(help)));
        }
        if args.objective.slo().is_some() {
            let message = ErrorMessage::new("an objective is for a sweep over rates");
            let help = "a sweep over cores is a closed loop; for the peak at each number of cores, use \
                        `peak`";
            return Err(CliError::usage(message.help(help)));
        }
        return over_cores(args, command, &counts.0);
    }
    over_rates(args)
}

fn over_rates(args: &Sweep) -> Result<(), CliError> {
    let workload = Workload::of(&args.load)?;
    let mut runner = SweepRunner::new(args, &workload);
    let rates = match &args.rates {
        Some(rates) => rates.0.clone(),
        None => {
            let closed_loop = runner.run("closed loop".to_owned(), Arrivals::Closed)?;
            if closed_loop.ok == 0 || workload.is_stopped() {
                runner.runs.push(closed_loop);
                return runner.finish(SweepVariable::Rate, &[]);
            }
            spread(closed_loop.rate * FIRST, closed_loop.rate * LAST, POINTS)
        }
    };
    let mut groups: Vec<(f64, Vec<usize>)> = rates.iter().map(|rate| (*rate, vec![])).collect();
    for round in 1..=args.rounds {
        for (rate, places) in &mut groups {
            if workload.is_stopped() {
                break;
            }
            let label = format!("rate {rate}, round {round}");
            let run = runner.run(label, args.load.arrivals.at(*rate))?;
            runner.add(run, places);
        }
    }
    runner.finish(SweepVariable::Rate, &groups)
}

fn over_cores(args: &Sweep, command: &str, counts: &[usize]) -> Result<(), CliError> {
    output::try_paths(&args.load.common)?;
    // The command may start the server.
    if let Some(first) = counts.first() {
        set_server_cores(command, *first)?;
    }
    let workload = retry_while_unreachable(|| Workload::of(&args.load))?;
    let mut runner = SweepRunner::new(args, &workload);
    let mut groups: Vec<_> = counts.iter().map(|count| (*count, vec![])).collect();
    for round in 1..=args.rounds {
        for (count, places) in &mut groups {
            if workload.is_stopped() {
                break;
            }
            set_server_cores(command, *count)?;
            server::await_answer(workload.address(), workload.probe(), TIMEOUT)?;
            let label = format!("{count} cores, round {round}");
            let run = runner.run(label, Arrivals::Closed)?;
            runner.add(run, places);
        }
    }
    let groups: Vec<(f64, Vec<usize>)> = groups
        .into_iter()
        .map(|(count, places)| (count as f64, places))
        .collect();
    runner.finish(SweepVariable::Cores, &groups)
}

struct SweepRunner<'a> {
    args: &'a Sweep,
    workload: &'a Workload,
    started: SystemTime,
    progress: Progress,
    runs: Vec<Run>,
}

impl<'a> SweepRunner<'a> {
    fn new(args: &'a Sweep, workload: &'a Workload) -> Self {
        Self {
            args,
            workload,
            started: SystemTime::now(),
            progress: Progress::new(workload.common().quiet),
            runs: Vec::new(),
        }
    }

    fn run(&self, label: String, arrivals: Arrivals) -> Result<Run, CliError> {
        let run = self.workload.run(label, arrivals, &self.progress)?;
        self.progress
            .say(&format!("{}: {:.0}/s", run.label, run.rate));
        Ok(run)
    }

    /// Adds the run to its point, unless it was cut short.
    fn add(&mut self, run: Run, places: &mut Vec<usize>) {
        if !run.interrupted {
            places.push(self.runs.len());
        }
        self.runs.push(run);
    }

    fn finish(self, variable: SweepVariable, groups: &[(f64, Vec<usize>)]) -> Result<(), CliError> {
        let measured: Vec<_> = groups
            .iter()
            .filter(|(_, runs)| !runs.is_empty())
            .cloned()
            .collect();
        let found = sweep(variable, &measured, &self.runs, self.args.objective.slo());
        let mut report = output::report(self.workload, self.started, self.runs);
        report.sweep = Some(found);
        output::finish(&report, self.workload.common())
    }
}

/// Runs the user's command, which has to return.
fn set_server_cores(command: &str, cores: usize) -> Result<(), CliError> {
    let command = command.replace("{cores}", &cores.to_string());
    let message = |why: String| ErrorMessage::new(format!("the command `{command}` {why}"));
    let mut child = Command::new("sh")
        .args(["-c", &command])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| CliError::run(message(format!("could not be started: {error}"))))?;
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(CliError::run(message(format!("failed: {status}")))),
            Ok(None) if begun.elapsed() < TIMEOUT => std::thread::sleep(PAUSE),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                let message = message(format!("did not return within {} s", TIMEOUT.as_secs()));
                let help = "a server that it starts has to go to the background: end it with &";
                return Err(CliError::usage(message.help(help)));
            }
            Err(error) => return Err(CliError::run(message(format!("is lost: {error}")))),
        }
    }
}

/// Retries while the server is unreachable, since it may be starting.
fn retry_while_unreachable<T>(
    mut make: impl FnMut() -> Result<T, CliError>,
) -> Result<T, CliError> {
    let begun = Instant::now();
    loop {
        match make() {
            Err(CliError::Run(_)) if begun.elapsed() < TIMEOUT => std::thread::sleep(PAUSE),
            made => return made,
        }
    }
}

/// The time limit of the server and the command.
const TIMEOUT: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(100);
/// The default rates of a sweep, relative to the rate of a closed loop: from near idle to past
/// saturation.
const FIRST: f64 = 0.1;
const LAST: f64 = 1.3;
const POINTS: u32 = 13;
