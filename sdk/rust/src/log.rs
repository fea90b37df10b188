//! Operator's log. `[log] level` in `rusm.toml` sets the lowest level that is written.

use crate::bindings::rusm::runtime::log::{LogLevel, log};

/// Writes a line at level error: something is broken.
pub fn error(message: impl AsRef<str>) {
    log(LogLevel::Error, message.as_ref());
}

/// Writes a line at level warn: something may soon break.
pub fn warn(message: impl AsRef<str>) {
    log(LogLevel::Warn, message.as_ref());
}

/// Writes a line at level info, for the operator.
pub fn info(message: impl AsRef<str>) {
    log(LogLevel::Info, message.as_ref());
}

/// Writes a line at level debug, for the author.
pub fn debug(message: impl AsRef<str>) {
    log(LogLevel::Debug, message.as_ref());
}
