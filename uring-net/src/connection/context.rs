//! What a request says about its response.

use crate::http1::{Connection, Date, Head, ResponseHead, Status, Version};
use crate::settings::Settings;

/// What a request says about its response. It borrows nothing of the request.
#[derive(Clone, Copy)]
pub(super) struct ResponseContext {
    pub(super) version: Version,
    pub(super) to_head: bool,
    /// Whether the client takes trailers.
    pub(super) takes_trailers: bool,
    /// Whether the connection may live on after the response.
    pub(super) keep_alive: bool,
}

impl ResponseContext {
    /// Of a request that was not understood.
    pub(super) const UNKNOWN: Self = Self {
        version: Version::Http11,
        to_head: false,
        takes_trailers: false,
        keep_alive: false,
    };

    pub(super) fn of(head: &Head<'_>) -> Self {
        Self {
            version: head.version,
            to_head: head.method == "HEAD",
            takes_trailers: head.takes_trailers,
            keep_alive: head.keep_alive,
        }
    }

    /// Of a request that begins with `input` and is not understood. What answers HEAD has no
    /// content, whatever is wrong with the rest (RFC 9110, section 9.3.2).
    pub(super) fn of_unparsed(input: &[u8]) -> Self {
        let line = input.iter().position(|byte| !b"\r\n".contains(byte));
        let line = line.and_then(|at| input.get(at..)).unwrap_or_default();
        Self {
            to_head: line.starts_with(b"HEAD "),
            ..Self::UNKNOWN
        }
    }

    /// What the head of the response is encoded from.
    pub(super) fn response_head<'a>(
        self,
        status: Status,
        connection: Connection,
        date: &'a Date,
        settings: &'a Settings,
    ) -> ResponseHead<'a> {
        ResponseHead {
            status,
            version: self.version,
            to_head: self.to_head,
            connection,
            date,
            defaults: &settings.headers,
        }
    }
}
