//! The operator's log: standard error, one event a line.
//!
//! - `line`: the format of a line
//! - `limit`: the rate limit of each message
//! - `writer`: the thread that writes, so that no other thread waits
//!
//! Standard output has a thread of the same kind, for the banner, the access log and guests that
//! may write to it.

mod limit;
pub(crate) mod line;
mod writer;

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rusm_config::{Log, LogFormat, LogLevel};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use self::limit::Limiter;
use self::line::{Fields, GUEST, Line};
use self::writer::LineWriter;

/// The logs of this process, once started.
static LOGS: OnceLock<Logs> = OnceLock::new();

struct Logs {
    format: LogFormat,
    in_colour: bool,
    limiter: Limiter,
    out: LineWriter,
    err: LineWriter,
}

/// Sends events of the manifest's level and above to standard error. `RUST_LOG` has precedence, if
/// set. When the guard is dropped, queued lines are written, within a time limit.
///
/// # Errors
/// If the threads that write can't be started.
pub fn init(log: &Log) -> io::Result<Guard> {
    let started = Logs::start(log.format)?;
    // In a test they may be set already, and serve as well.
    let _ = LOGS.set(started);
    let level = match log.level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    let filter = tracing_subscriber::EnvFilter::builder()
        .with_default_directive(level.into())
        .from_env_lossy();
    let _ = tracing_subscriber::registry()
        .with(filter)
        .with(OperatorLog)
        .try_init();
    // The hook of the standard library would wait for standard error.
    std::panic::set_hook(Box::new(|panic| {
        tracing::error!("a thread panicked, which is a defect of the server: {panic}");
    }));
    Ok(Guard(()))
}

/// Writes the queued lines when it is dropped.
#[must_use]
#[derive(Debug)]
pub struct Guard(());

impl Drop for Guard {
    fn drop(&mut self) {
        flush(FLUSHED_WITHIN);
    }
}

/// Waits until all lines logged so far are written, but no longer than this.
pub(crate) fn flush(within: Duration) {
    let Some(logs) = LOGS.get() else { return };
    let deadline = Instant::now() + within;
    logs.out.flush(deadline);
    // The number of lost lines is known only now.
    logs.err.write(logs.report(true).into());
    logs.err.flush(deadline.max(Instant::now() + LEAST_FLUSH));
}

/// Writes text to standard output: one line, or several with their line feeds.
pub(crate) fn print(text: impl Into<Vec<u8>>) {
    match LOGS.get() {
        Some(logs) => logs.out.write(text.into()),
        // The reader may have gone.
        None => drop(io::stdout().write_all(&text.into())),
    }
}

/// Writes text to standard error, unchanged.
pub(crate) fn print_error(text: impl Into<Vec<u8>>) {
    match LOGS.get() {
        Some(logs) => logs.err.write(text.into()),
        None => drop(io::stderr().write_all(&text.into())),
    }
}

/// Returns the lines that were ever dropped of standard error, and of standard output.
pub(crate) fn lost_lines() -> (u64, u64) {
    LOGS.get()
        .map_or((0, 0), |logs| (logs.err.lost(), logs.out.lost()))
}

/// Writes lines to standard error, for the user who started the command. They keep their order with
/// the output of programs that the command starts.
pub(crate) fn note(text: impl Display) {
    match LOGS.get() {
        Some(logs) if logs.format == LogFormat::Json => tracing::info!("{text}"),
        Some(logs) => {
            logs.err.write(format!("{text}\n").into());
            logs.err.flush(Instant::now() + LEAST_FLUSH);
        }
        None => drop(writeln!(io::stderr(), "{text}")),
    }
}

/// Writes the error that made the command fail.
pub(crate) fn fail(text: impl Display) {
    // Even if the log could not be set up, do not wait for a reader that has stopped.
    if LOGS.get().is_none()
        && let Ok(started) = Logs::start(LogFormat::Text)
    {
        let _ = LOGS.set(started);
    }
    match LOGS.get() {
        Some(logs) if logs.format == LogFormat::Json => {
            tracing::error!("{text}");
            logs.err.flush(Instant::now() + FLUSHED_WITHIN);
        }
        _ => note(text),
    }
}

impl Logs {
    fn start(format: LogFormat) -> io::Result<Self> {
        let chores = || match LOGS.get() {
            Some(logs) => logs.report(false).into(),
            None => Vec::new(),
        };
        let err = LineWriter::with_chores("rusm-log", &io::stderr(), Some(Box::new(chores)))?;
        Ok(Self {
            format,
            in_colour: io::stderr().is_terminal(),
            limiter: Limiter::default(),
            out: LineWriter::start("rusm-stdout", &io::stdout())?,
            err,
        })
    }

    /// Formats a report of dropped lines: of messages that were repeated for a while, or `all`, and
    /// of streams that were not read.
    fn report(&self, all: bool) -> String {
        let mut report = String::new();
        for missing in self.limiter.missing(Instant::now(), all) {
            let message = format!("more lines of this kind were left out: {}", missing.sample);
            report += &self.warning(Fields::new(message).with("lines", missing.lines));
        }
        for (stream, name) in [
            (&self.err, "of this log were left out: standard error"),
            (
                &self.out,
                "of the access log were left out: standard output",
            ),
        ] {
            let lines = stream.take_lost();
            if lines > 0 {
                let message =
                    format!("lines {name} is not read fast enough, or can't be written to");
                report += &self.warning(Fields::new(message).with("lines", lines));
            }
        }
        report
    }

    fn warning(&self, fields: Fields) -> String {
        self.format(&Line {
            level: Level::WARN,
            target: "rusm::log",
            fields,
        })
    }

    fn format(&self, line: &Line) -> String {
        match self.format {
            LogFormat::Text => line.text(self.in_colour),
            LogFormat::Json => line.json(),
        }
    }

    fn log(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut fields = Fields::default();
        event.record(&mut fields);
        let line = Line {
            level: *metadata.level(),
            target: metadata.target(),
            fields,
        };
        let is_guests = line.target == GUEST;
        // A guest's lines belong to the app, and each may differ.
        if !is_guests || line.level <= Level::WARN {
            let text = is_guests.then_some(&line.fields.message);
            let parts = (metadata.callsite(), line.fields.subject(), text);
            let key = self.limiter.key(parts);
            let sample = || line.fields.message.chars().take(SAMPLE).collect();
            if !self.limiter.admits(key, Instant::now(), sample) {
                return;
            }
        }
        self.err.write(self.format(&line).into());
    }
}

/// Receives the events of `tracing`.
struct OperatorLog;

impl<S: Subscriber> Layer<S> for OperatorLog {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        if let Some(logs) = LOGS.get() {
            logs.log(event);
        }
    }
}

/// The time that the end of the process waits for queued lines.
const FLUSHED_WITHIN: Duration = Duration::from_secs(1);
/// The minimum of that for standard error.
const LEAST_FLUSH: Duration = Duration::from_millis(200);
/// Characters of a sample of a repeated message.
const SAMPLE: usize = 200;
