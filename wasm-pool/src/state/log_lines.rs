//! What a guest writes for the operator, by `rusm:runtime/diagnostics`, `rusm:runtime/log` or WASI's
//! standard streams. Each line is one event of the log.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusm_core::{Pid, RequestId};
use tracing::field::{DisplayValue, display};

/// The text of one process that has not made a whole line yet.
pub(crate) struct Diagnostics {
    component: Arc<str>,
    pid: Pid,
    /// The request that the process answers.
    request: RequestId,
    /// Of text that is written as it comes.
    level: Level,
    line: Vec<u8>,
    /// What the process may still write until the budget is filled again. A guest that floods
    /// the log is cut off, not the log.
    budget: usize,
    /// When the budget was last full; none before anything was written.
    refilled: Option<Instant>,
    /// Bytes that were cut off since that was last said.
    cut: usize,
}

impl Diagnostics {
    pub(crate) fn new(component: Arc<str>, pid: Pid, level: Level) -> Self {
        Self {
            component,
            pid,
            request: RequestId::None,
            level,
            line: Vec::new(),
            budget: MAX_TEXT,
            refilled: None,
            cut: 0,
        }
    }

    /// What comes from now on is about this request.
    pub(crate) fn answers(&mut self, request: RequestId) {
        if self.request != request {
            self.flush();
            self.request = request;
        }
    }

    pub(crate) fn request_id(&self) -> Option<DisplayValue<&RequestId>> {
        (!self.request.is_none()).then(|| display(&self.request))
    }

    /// Text as it comes, a line at each line feed.
    pub(crate) fn write(&mut self, text: &[u8]) {
        let allowed = self.spend(text.len());
        for part in text[..allowed].split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                self.flush();
            }
        }
    }

    /// One event of the log.
    pub(crate) fn line(&mut self, level: Level, text: &str) {
        self.flush();
        let allowed = text.floor_char_boundary(self.spend(text.len()));
        self.line.extend_from_slice(&text.as_bytes()[..allowed]);
        self.emit(level);
    }

    fn flush(&mut self) {
        self.emit(self.level);
    }

    fn emit(&mut self, level: Level) {
        if self.line.is_empty() {
            return;
        }
        let text = String::from_utf8_lossy(&self.line);
        // What a guest writes must not forge a line of the log or steer a terminal.
        let text: String = worth_logging(text.trim_end())
            .chars()
            .map(printable)
            .collect();
        if !text.is_empty() {
            self.log(level, &text);
        }
        self.line.clear();
    }

    fn log(&self, level: Level, text: &str) {
        let (component, pid) = (&*self.component, self.pid);
        let request_id = self.request_id();
        match level {
            Level::Error => tracing::error!(target: "guest", request_id, component, %pid, "{text}"),
            Level::Warn => tracing::warn!(target: "guest", request_id, component, %pid, "{text}"),
            Level::Info => tracing::info!(target: "guest", request_id, component, %pid, "{text}"),
            Level::Debug => tracing::debug!(target: "guest", request_id, component, %pid, "{text}"),
        }
    }

    /// Say how much was cut off, if anything was.
    fn report_cut(&mut self) {
        let cut = std::mem::take(&mut self.cut);
        if cut > 0 {
            let note =
                format!("[truncated: it wrote {cut} bytes more than {MAX_TEXT} in a second]");
            self.log(Level::Warn, &note);
        }
    }

    /// How many of `wanted` bytes may be written.
    fn spend(&mut self, wanted: usize) -> usize {
        let refilled = *self.refilled.get_or_insert_with(Instant::now);
        if wanted > self.budget && refilled.elapsed() >= REFILL {
            self.refilled = Some(Instant::now());
            self.budget = MAX_TEXT;
            self.report_cut();
        }
        let allowed = wanted.min(self.budget);
        self.budget -= allowed;
        self.cut += wanted - allowed;
        allowed
    }
}

/// How much a line matters, in the guest's eyes.
#[derive(Clone, Copy)]
pub(crate) enum Level {
    Error,
    Warn,
    Info,
    Debug,
}

impl Drop for Diagnostics {
    fn drop(&mut self) {
        self.flush();
        self.report_cut();
    }
}

/// A line without what the panic message of Rust's standard library says for a terminal: which
/// thread of the guest's one it was, and how to get a backtrace, which no guest can.
fn worth_logging(line: &str) -> &str {
    if line.starts_with("note: run with `RUST_BACKTRACE=1` environment variable") {
        return "";
    }
    let what = line
        .strip_prefix("thread '<unnamed>' ")
        .map(|rest| rest.strip_prefix("(1) ").unwrap_or(rest));
    what.filter(|what| what.starts_with("panicked at "))
        .unwrap_or(line)
}

fn printable(c: char) -> char {
    if c.is_control() && c != '\t' {
        '\u{fffd}'
    } else {
        c
    }
}

/// How often the budget of a process is filled again.
const REFILL: Duration = Duration::from_secs(1);
/// Bytes of text from one process in that time.
const MAX_TEXT: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_without_what_is_for_a_terminal() {
        for panicked in [
            "thread '<unnamed>' (1) panicked at src/lib.rs:66:9:",
            "thread '<unnamed>' panicked at src/lib.rs:66:9:",
        ] {
            assert_eq!(worth_logging(panicked), "panicked at src/lib.rs:66:9:");
        }
        let note = "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace";
        assert_eq!(worth_logging(note), "");
        for other in ["boom was called", "thread '<unnamed>' is idle", "note: run"] {
            assert_eq!(worth_logging(other), other);
        }
    }
}
