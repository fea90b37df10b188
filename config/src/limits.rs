//! The limits of a listener: flat keys of `[[serve]]`.

use std::time::Duration;

use crate::error::Fault;
use crate::manifest::Section;

/// The limits of a listener. None of them can be switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request line; a longer one gets 414.
    pub max_request_line: u64,
    /// Bytes of all header fields of a request together; more get 431.
    pub max_header_bytes: u64,
    /// Header fields of a request; more get 431.
    pub max_headers: u32,
    /// Bytes of a request's content, decoded; more get 413.
    pub max_body: u64,
    /// Time from the first byte of a request to the end of its head; then it gets 408.
    pub header_timeout: Duration,
    /// Time from the end of the head to the end of the content; then it gets 408.
    pub body_timeout: Duration,
    /// Idle time of a connection between requests; then it is closed.
    pub idle_timeout: Duration,
    /// Time in which a client reads nothing of a response; then the connection is closed.
    pub write_timeout: Duration,
    /// Wall-clock time of the guest for one request; then it gets 504.
    pub request_timeout: Duration,
    /// Open connections of the listener, over all cores.
    pub max_connections: u32,
}

impl Limits {
    /// Reads the limits in a `[[serve]]` table.
    pub(crate) fn read(section: &mut Section<'_>) -> Self {
        let default = Self::default();
        let mut size = |key, most, default| {
            (section.get(key, |v| v.size(most).map_err(advise))).unwrap_or(default)
        };
        let max_request_line = size("max-request-line", 1 << 20, default.max_request_line);
        let max_header_bytes = size("max-header-bytes", 16 << 20, default.max_header_bytes);
        // A guest's memory ends at 4 GiB, and the body has to fit in it.
        let max_body = size("max-body", 4 << 30, default.max_body);

        let mut count = |key, most: u32, default| {
            let read = section.get(key, |v| v.integer(1..=most.into()).map_err(advise));
            read.map_or(default, |count| count as u32)
        };
        let max_headers = count("max-headers", 1_000, default.max_headers);
        let max_connections = count("max-connections", 1_000_000, default.max_connections);

        let mut timeout = |key, default| {
            let read = section.get(key, |v| v.integer(1..=DAY_MS).map_err(advise));
            read.map_or(default, Duration::from_millis)
        };
        Self {
            max_request_line,
            max_header_bytes,
            max_headers,
            max_body,
            header_timeout: timeout("header-timeout-ms", default.header_timeout),
            body_timeout: timeout("body-timeout-ms", default.body_timeout),
            idle_timeout: timeout("idle-timeout-ms", default.idle_timeout),
            write_timeout: timeout("write-timeout-ms", default.write_timeout),
            request_timeout: timeout("request-timeout-ms", default.request_timeout),
            max_connections,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_request_line: 8 << 10,
            max_header_bytes: 32 << 10,
            max_headers: 100,
            max_body: 1 << 20,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(10),
            max_connections: 10_000,
        }
    }
}

/// Adds advice to the fault of a limit that is out of range.
pub(crate) fn advise(fault: Fault) -> Fault {
    if fault.has_help() {
        return fault;
    }
    fault.help("a limit cannot be switched off; leave the key out for its default")
}

pub(crate) const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
