//! Logger of the crate `log` that writes to the operator's log.

use ::log::{Level, LevelFilter, Log, Metadata, Record};

use crate::log;

/// Installs the logger, unless the author has installed another.
#[inline]
pub(crate) fn install() {
    // The second time, and where the author was first, it is an error and changes nothing.
    if ::log::set_logger(&OperatorsLog).is_ok() {
        // The operator has four levels; which of them are written is for `rusm.toml` to say.
        ::log::set_max_level(LevelFilter::Debug);
    }
}

struct OperatorsLog;

impl Log for OperatorsLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= Level::Debug
    }

    fn log(&self, record: &Record<'_>) {
        let write = match record.level() {
            Level::Error => log::error,
            Level::Warn => log::warn,
            Level::Info => log::info,
            Level::Debug => log::debug,
            Level::Trace => return,
        };
        match record.args().as_str() {
            Some(text) => write(text),
            None => write(&record.args().to_string()),
        }
    }

    fn flush(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::__private;
    use crate::bindings::rusm::runtime::http;

    #[test]
    fn it_is_installed_before_the_authors_code() {
        let request = http::Request {
            method: "GET".into(),
            target: "/".into(),
            headers: Vec::new(),
            params: Vec::new(),
            body: Vec::new(),
        };
        __private::open(request);
        __private::begin_lasting();
        assert_eq!(::log::max_level(), LevelFilter::Debug);
        assert!(::log::log_enabled!(Level::Debug));
        // It would panic outside a guest if it were passed on.
        ::log::trace!("nobody reads this");
    }
}
