//! `rusm:runtime/log@0.1.0`: a guest's lines in the operator's log.

use std::borrow::Cow;

use crate::bindings::rusm::runtime::log::{Host, LogLevel};
use crate::state::HostState;
use crate::state::log_lines::Level;

impl Host for HostState {
    fn log(&mut self, level: LogLevel, message: String) -> wasmtime::Result<()> {
        let level = match level {
            LogLevel::Error => Level::Error,
            LogLevel::Warn => Level::Warn,
            LogLevel::Info => Level::Info,
            LogLevel::Debug => Level::Debug,
        };
        let message = self.symbolicated(message);
        self.diagnostics.line(level, &in_one_line(&message));
        Ok(())
    }
}

/// A message of several lines, a stack trace for one, is one event of the log and stays together.
fn in_one_line(message: &str) -> Cow<'_, str> {
    if !message.contains('\n') {
        return Cow::Borrowed(message);
    }
    let lines: Vec<&str> = message.lines().map(str::trim).collect();
    Cow::Owned(lines.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_trace_is_one_line() {
        assert_eq!(in_one_line("no\u{7} break"), "no\u{7} break");
        assert_eq!(
            in_one_line("Error: x\n    at f (a.ts:1:2)\r\n    at g (a.ts:3:4)\n"),
            "Error: x at f (a.ts:1:2) at g (a.ts:3:4)"
        );
    }
}
