//! Output of a run: files and the summary.

use std::path::Path;
use std::time::SystemTime;

use crate::cli::args::Common;
use crate::cli::workload::Workload;
use crate::cli::{CliError, ErrorMessage, machine};
use crate::model::{Report, Run, SCHEMA};
use crate::report::{hgrm, html, json, table};

/// Creates the report of a measurement that began at this time.
pub(super) fn report(workload: &Workload, started: SystemTime, runs: Vec<Run>) -> Report {
    Report {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started: humantime::format_rfc3339_seconds(started).to_string(),
        command: std::env::args().collect(),
        machine: machine::machine(workload.cores()),
        plan: workload.plan(),
        runs,
        peak: None,
        sweep: None,
    }
}

/// Writes the requested files, and prints the summary. Fails if nothing succeeded.
pub(super) fn finish(report: &Report, common: &Common) -> Result<(), CliError> {
    if let Some(path) = &common.json {
        let mut bytes = Vec::new();
        json::write(report, &mut bytes).map_err(|error| cannot_write(path, &error))?;
        write(path, &bytes)?;
    }
    if let Some(path) = &common.html {
        write(path, html::render(report).as_bytes())?;
    }
    if let Some(path) = &common.hgrm {
        let mut bytes = Vec::new();
        hgrm::write(report, &mut bytes).map_err(|error| cannot_write(path, &error))?;
        write(path, &bytes)?;
    }
    if !common.quiet {
        print!("{}", table::summary(report));
    }
    if report.runs.iter().all(|run| run.ok == 0) {
        return Err(CliError::run(nothing(&report.runs)));
    }
    Ok(())
}

/// Writes a file.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    std::fs::write(path, bytes).map_err(|error| cannot_write(path, &error))
}

fn cannot_write(path: &Path, error: &dyn std::fmt::Display) -> CliError {
    CliError::run(ErrorMessage::new(format!(
        "cannot write {}: {error}",
        path.display()
    )))
}

/// Returns the message for a measurement without a success, with the reasons.
fn nothing(runs: &[Run]) -> ErrorMessage {
    let mut counts = std::collections::BTreeMap::new();
    for (name, count) in runs.iter().flat_map(|run| &run.errors) {
        *counts.entry(name.as_str()).or_insert(0u64) += count;
    }
    let mut counts: Vec<(&str, u64)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let errors: Vec<String> = counts
        .iter()
        .map(|(name, count)| format!("{name} ({count})"))
        .collect();
    if errors.is_empty() {
        return ErrorMessage::new("nothing was answered")
            .help("is --duration long enough for an answer?");
    }
    ErrorMessage::new(format!("no operation succeeded: {}", errors.join(", ")))
        .help("a success is a 2xx unless --expect says otherwise")
}
