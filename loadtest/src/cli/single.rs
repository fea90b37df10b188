//! One run.

use std::time::SystemTime;

use crate::cli::args::{Conn, Http, Sse, Ws};
use crate::cli::output;
use crate::cli::progress::Progress;
use crate::cli::workload::Workload;
use crate::cli::{Failed, Said};
use crate::model::Arrivals;

/// `http`.
pub(super) fn http(args: &Http) -> Result<(), Failed> {
    let workload = Workload::http(args.url.as_deref(), &args.request, &args.common)?;
    run(&workload, args.offered.arrivals())
}

/// `ws`.
pub(super) fn ws(args: &Ws) -> Result<(), Failed> {
    if args.options.hold && args.offered.rate.is_some() {
        let said = Said::new("--hold sends nothing, so it has no --rate");
        return Err(Failed::usage(said));
    }
    let workload = Workload::ws(&args.url, &args.headers, &args.options, &args.common)?;
    run(&workload, args.offered.arrivals())
}

/// `sse`.
pub(super) fn sse(args: &Sse) -> Result<(), Failed> {
    let workload = Workload::sse(&args.url, &args.headers, &args.options, &args.common)?;
    run(&workload, Arrivals::Closed)
}

/// `conn`.
pub(super) fn conn(args: &Conn) -> Result<(), Failed> {
    let workload = Workload::conn(&args.url, &args.headers, &args.common)?;
    run(&workload, args.offered.arrivals())
}

fn run(workload: &Workload, arrivals: Arrivals) -> Result<(), Failed> {
    let started = SystemTime::now();
    let common = workload.common();
    let progress = Progress::new(common.quiet);
    let run = workload.run(String::new(), arrivals, &progress)?;
    let report = output::report(workload, started, vec![run]);
    output::finish(&report, common)
}
