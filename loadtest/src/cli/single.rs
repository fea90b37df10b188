//! The commands with one run.

use std::time::SystemTime;

use crate::cli::args::{Conn, Expected, Http, Sse, Ws};
use crate::cli::output;
use crate::cli::progress::Progress;
use crate::cli::workload::Workload;
use crate::cli::{CliError, ErrorMessage};
use crate::model::Arrivals;

/// `http`.
pub(super) fn http(args: &Http) -> Result<(), CliError> {
    let workload = Workload::http(args.url.as_deref(), &args.request, &args.common)?;
    run(&workload, args.offered.arrivals(), &args.expected)
}

/// `ws`.
pub(super) fn ws(args: &Ws) -> Result<(), CliError> {
    if args.options.hold && args.offered.rate.is_some() {
        let message = ErrorMessage::new("--hold sends nothing, so it has no --rate");
        return Err(CliError::usage(message));
    }
    let workload = Workload::ws(&args.url, &args.headers, &args.options, &args.common)?;
    run(&workload, args.offered.arrivals(), &args.expected)
}

/// `sse`.
pub(super) fn sse(args: &Sse) -> Result<(), CliError> {
    let workload = Workload::sse(&args.url, &args.headers, &args.options, &args.common)?;
    run(&workload, Arrivals::Closed, &args.expected)
}

/// `conn`.
pub(super) fn conn(args: &Conn) -> Result<(), CliError> {
    let workload = Workload::conn(&args.url, &args.headers, &args.common)?;
    run(&workload, args.offered.arrivals(), &args.expected)
}

fn run(workload: &Workload, arrivals: Arrivals, expected: &Expected) -> Result<(), CliError> {
    let started = SystemTime::now();
    let common = workload.common();
    let progress = Progress::new(common.quiet);
    let run = workload.run(String::new(), arrivals, &progress)?;
    let report = output::report(workload, started, vec![run]);
    output::finish(&report, common)?;
    output::judge(&expected.gates(), &report.runs)
}
