//! The command line: from arguments to runs, and from runs to files.
//!
//! Exit codes: 0 measured, and every expectation met; 1 an expectation missed, or `compare` found
//! something worse; 2 usage; 3 it could not be measured, or compared; 130 ended by Ctrl-C or
//! SIGTERM.
//!
//! - [`args`]: the arguments, and [`values`], their types.
//! - `workload`: the load of a command, ready to run.
//! - `single`, `peak`, `sweep`: the runs of each command.
//! - `progress`, `output`: the display during a run, and the files after it.

pub mod args;
mod interrupt;
mod machine;
mod output;
mod peak;
mod progress;
mod server;
mod single;
mod sweep;
pub mod values;
mod workload;

use std::process::ExitCode;

use clap::Parser;
use miette::{Diagnostic, Report as Problem};
use thiserror::Error;

use crate::analysis::compare::{Comparison, Verdict, compare};
use crate::cli::args::{Args, Command};
use crate::generator;
use crate::report::{html, json, table};

/// Runs the command.
#[must_use]
pub fn main() -> ExitCode {
    let args = Args::parse();
    let done = match args.command {
        Command::Http(args) => single::http(&args),
        Command::Ws(args) => single::ws(&args),
        Command::Sse(args) => single::sse(&args),
        Command::Conn(args) => single::conn(&args),
        Command::Peak(args) => peak::run(&args),
        Command::Sweep(args) => sweep::run(&args),
        Command::Compare(args) => comparison(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            let code = failed.code();
            if let Some(problem) = failed.problem() {
                output::print_error(&format!("{problem:?}\n"));
            }
            ExitCode::from(code)
        }
    }
}

/// The reason for an exit code other than 0.
#[derive(Debug)]
pub(crate) enum CliError {
    /// The request cannot be fulfilled as given.
    Usage(Problem),
    /// The attempt failed.
    Run(Problem),
    /// It was measured, and missed what was expected.
    Missed(Problem),
    /// The user ended it; what was measured was reported.
    Interrupted,
}

impl CliError {
    pub(crate) fn usage(problem: impl Into<Problem>) -> Self {
        Self::Usage(problem.into())
    }

    pub(crate) fn run(problem: impl Into<Problem>) -> Self {
        Self::Run(problem.into())
    }

    pub(crate) fn missed(problem: impl Into<Problem>) -> Self {
        Self::Missed(problem.into())
    }

    fn code(&self) -> u8 {
        match self {
            Self::Missed(_) => 1,
            Self::Usage(_) => 2,
            Self::Run(_) => 3,
            Self::Interrupted => interrupt::INTERRUPTED,
        }
    }

    fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Usage(problem) | Self::Run(problem) | Self::Missed(problem) => Some(problem),
            Self::Interrupted => None,
        }
    }
}

impl From<generator::Error> for CliError {
    fn from(error: generator::Error) -> Self {
        match error {
            generator::Error::Core { .. } => Self::usage(error),
            _ => Self::run(error),
        }
    }
}

/// A sentence, and advice.
#[derive(Debug, Error, Diagnostic)]
#[error("{message}")]
pub(crate) struct ErrorMessage {
    message: String,
    #[help]
    help: Option<String>,
}

impl ErrorMessage {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
        }
    }

    pub(crate) fn help(self, help: impl Into<String>) -> Self {
        Self {
            help: Some(help.into()),
            ..self
        }
    }
}

fn comparison(args: &args::Compare) -> Result<(), CliError> {
    let read = |path: &std::path::Path| {
        let file = std::fs::File::open(path).map_err(|error| {
            let message = ErrorMessage::new(format!("cannot read {}: {error}", path.display()));
            CliError::usage(message)
        })?;
        json::read(file).map_err(|error| {
            let message = ErrorMessage::new(format!("{}: {error}", path.display()));
            CliError::usage(message.help("give two files that --json wrote"))
        })
    };
    if let Some(path) = &args.html {
        output::try_path(path)?;
    }
    let compared = compare(&read(&args.a)?, &read(&args.b)?);
    output::print(&table::comparison(&compared));
    if let Some(path) = &args.html {
        output::write(path, html::render_comparison(&compared).as_bytes())?;
    }
    judge(&compared)
}

fn judge(compared: &Comparison) -> Result<(), CliError> {
    if !compared.incomparable.is_empty() {
        let message = ErrorMessage::new("the files are not comparable");
        return Err(CliError::run(message.help(compared.incomparable.join(" "))));
    }
    let with = |verdict| {
        let changes = compared.groups.iter().flat_map(|group| &group.changes);
        let found = changes.filter(move |change| change.verdict == verdict);
        found.map(|change| change.metric.to_string())
    };
    let worse: Vec<String> = with(Verdict::Worse).collect();
    if worse.is_empty() {
        return Ok(());
    }
    let message = format!("worse: {}", worse.join(", "));
    Err(CliError::missed(ErrorMessage::new(message)))
}
