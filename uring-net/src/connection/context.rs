//! The properties of a request that its response depends on.

use crate::http1::{Connection, Date, Head, ResponseHead, Status, Version};
use crate::settings::Settings;

/// The properties of a request that its response depends on. It borrows nothing of the request.
#[derive(Clone, Copy)]
pub(super) struct ResponseContext {
    pub(super) version: Version,
    pub(super) to_head: bool,
    /// Set if the client takes trailers.
    pub(super) takes_trailers: bool,
    /// Set if the connection may live on after the response.
    pub(super) keep_alive: bool,
}

impl ResponseContext {
    /// The context of a request that was not understood.
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

    /// Returns the context of a request that begins with `input` and is not understood. A response
    /// to HEAD has no content, whatever is wrong with the rest (RFC 9110, section 9.3.2).
    pub(super) fn of_unparsed(input: &[u8]) -> Self {
        let line = input.iter().position(|byte| !b"\r\n".contains(byte));
        let line = line.and_then(|at| input.get(at..)).unwrap_or_default();
        Self {
            to_head: line.starts_with(b"HEAD "),
            ..Self::UNKNOWN
        }
    }

    /// Returns the host's part of the response's head.
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
