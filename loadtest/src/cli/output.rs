//! Output of a run: files and the summary.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::analysis::gates::Gates;
use crate::cli::args::Common;
use crate::cli::workload::Workload;
use crate::cli::{CliError, ErrorMessage, machine};
use crate::model::{Report, Run, SCHEMA};
use crate::report::table::gate_sentence;
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

/// Tries the paths of the requested files, before a measurement that they would lose.
pub(super) fn try_paths(common: &Common) -> Result<(), CliError> {
    let paths = [&common.json, &common.html, &common.hgrm];
    let paths: Vec<&Path> = paths.into_iter().flatten().map(PathBuf::as_path).collect();
    if paths.iter().filter(|path| is_stdout(path)).count() > 1 {
        let message = ErrorMessage::new("only one file can be `-`, standard output");
        return Err(CliError::usage(message));
    }
    // By their directories: the files may not exist yet.
    let places: Vec<_> = paths
        .iter()
        .map(|path| (directory(path), path.file_name()))
        .collect();
    for (index, place) in places.iter().enumerate() {
        if places[..index].contains(place) && !is_device(paths[index]) {
            let message = format!("two files at {}", paths[index].display());
            return Err(CliError::usage(ErrorMessage::new(message)));
        }
    }
    paths.into_iter().try_for_each(try_path)
}

/// Tries whether a file can be written. Leaves a file as it is, and none where there was none.
pub(super) fn try_path(path: &Path) -> Result<(), CliError> {
    if is_stdout(path) {
        return Ok(());
    }
    let exists = path.exists();
    let opened = OpenOptions::new().append(true).create(true).open(path);
    opened.map_err(|error| {
        let message = format!("cannot write {}: {error}", path.display());
        CliError::usage(ErrorMessage::new(message))
    })?;
    if !exists {
        // If it stays, it is empty until it is written.
        let _ = std::fs::remove_file(path);
    }
    Ok(())
}

/// Prints the summary, and writes the requested files, as many of them as can be written. Fails if
/// nothing succeeded.
pub(super) fn finish(report: &Report, common: &Common) -> Result<(), CliError> {
    let paths = [&common.json, &common.html, &common.hgrm];
    let on_stdout = paths.into_iter().flatten().any(|path| is_stdout(path));
    if !common.quiet && on_stdout {
        print_error(&table::summary(report));
    } else if !common.quiet {
        print(&table::summary(report));
    }
    let json = common.json.as_ref().map_or(Ok(()), |path| {
        let mut bytes = Vec::new();
        json::write(report, &mut bytes).map_err(|error| cannot_write(path, &error))?;
        write(path, &bytes)
    });
    let html = common
        .html
        .as_ref()
        .map_or(Ok(()), |path| write(path, html::render(report).as_bytes()));
    let hgrm = common.hgrm.as_ref().map_or(Ok(()), |path| {
        let mut bytes = Vec::new();
        hgrm::write(report, &mut bytes).map_err(|error| cannot_write(path, &error))?;
        write(path, &bytes)
    });
    json.and(html).and(hgrm)?;
    if report.runs.iter().any(|run| run.interrupted) {
        return Err(CliError::Interrupted);
    }
    if report.runs.iter().all(|run| run.completed == 0) {
        return Err(CliError::run(nothing(&report.runs)));
    }
    Ok(())
}

/// Fails if the run missed an expectation.
pub(super) fn judge(gates: &Gates, runs: &[Run]) -> Result<(), CliError> {
    let judged = runs.iter().flat_map(|run| gates.judge(run));
    let missed: Vec<String> = judged
        .filter(|gate| !gate.met)
        .map(|gate| gate_sentence(&gate))
        .collect();
    if missed.is_empty() {
        return Ok(());
    }
    let message = format!("missed: {}", missed.join("; "));
    Err(CliError::missed(ErrorMessage::new(message)))
}

/// Prints to standard output, whose reader may have ended.
pub(super) fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Prints to standard error, which may be closed or full: the exit code still tells the outcome.
pub(super) fn print_error(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Writes a file; `-` is standard output.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let written = if is_stdout(path) {
        std::io::stdout().write_all(bytes)
    } else {
        std::fs::write(path, bytes)
    };
    written.map_err(|error| cannot_write(path, &error))
}

/// Returns the directory of a file, by its own path if it exists.
fn directory(path: &Path) -> Option<PathBuf> {
    let parent = path.parent()?;
    let parent = if parent.as_os_str().is_empty() {
        Path::new(".")
    } else {
        parent
    };
    Some(parent.canonicalize().unwrap_or_else(|_| parent.to_owned()))
}

/// Returns whether the path is of something that takes several files, such as `/dev/null`.
fn is_device(path: &Path) -> bool {
    path.metadata().is_ok_and(|file| !file.is_file())
}

fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
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
