//! `rusm:runtime/log@0.1.0`: a guest's lines in the operator's log.

use super::bindings::rusm::runtime::log::{Host, LogLevel};
use super::diagnostics::Level;
use crate::sandbox::HostState;

impl Host for HostState {
    fn log(&mut self, level: LogLevel, message: String) -> wasmtime::Result<()> {
        let level = match level {
            LogLevel::Error => Level::Error,
            LogLevel::Warn => Level::Warn,
            LogLevel::Info => Level::Info,
            LogLevel::Debug => Level::Debug,
        };
        let message = self.located(message);
        self.diagnostics.line(level, &message);
        Ok(())
    }
}
