//! What a guest writes for the operator: `rusm:runtime/diagnostics@0.1.0`, and the standard
//! error of a component that uses WASI. Each line is one event of the log.

use rusm_core::Pid;

/// The text of one process that has not made a whole line yet.
pub(crate) struct Diagnostics {
    component: std::sync::Arc<str>,
    pid: Pid,
    line: Vec<u8>,
    /// What a process may still write. A guest that floods the log is cut off, not the log.
    budget: usize,
}

impl Diagnostics {
    pub(crate) fn new(component: std::sync::Arc<str>, pid: Pid) -> Self {
        Self {
            component,
            pid,
            line: Vec::new(),
            budget: MAX_TEXT,
        }
    }

    pub(crate) fn write(&mut self, text: &[u8]) {
        let allowed = text.len().min(self.budget);
        self.budget -= allowed;
        for part in text[..allowed].split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                self.flush();
            }
        }
    }

    pub(crate) fn flush(&mut self) {
        if self.line.is_empty() {
            return;
        }
        let text = String::from_utf8_lossy(&self.line);
        // What a guest writes must not forge a line of the log or steer a terminal.
        let text: String = text.trim_end().chars().map(printable).collect();
        if !text.is_empty() {
            tracing::warn!(target: "guest", component = &*self.component, pid = %self.pid, "{text}");
        }
        self.line.clear();
    }
}

impl Drop for Diagnostics {
    fn drop(&mut self) {
        self.flush();
    }
}

fn printable(c: char) -> char {
    if c.is_control() && c != '\t' {
        '\u{fffd}'
    } else {
        c
    }
}

/// Bytes of text from one process.
const MAX_TEXT: usize = 64 * 1024;
