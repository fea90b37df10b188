//! Lines for the operator's log, which `[log] level` in `rusm.toml` sifts.

use crate::bindings::rusm::runtime::log::{LogLevel, log};

/// Something is broken.
pub fn error(message: impl AsRef<str>) {
    log(LogLevel::Error, message.as_ref());
}

/// Something may soon be.
pub fn warn(message: impl AsRef<str>) {
    log(LogLevel::Warn, message.as_ref());
}

/// Something that the operator wants to know.
pub fn info(message: impl AsRef<str>) {
    log(LogLevel::Info, message.as_ref());
}

/// Something that the author wants to know.
pub fn debug(message: impl AsRef<str>) {
    log(LogLevel::Debug, message.as_ref());
}
