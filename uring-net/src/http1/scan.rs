//! Watches a head that arrives in pieces.

use super::error::RequestError;
use super::limits::HeadLimits;
use super::status::Status;

/// The progress of a search through the lines of an incomplete head.
///
/// A head that isn't whole at first is searched for its end from where the last search ended,
/// and taken apart again only when its request line has become whole and when it is whole
/// itself. So however it is cut, each byte is looked at a bounded number of times.
#[derive(Debug, Default)]
pub(super) struct Scan {
    started: bool,
    /// All bytes before it have been searched.
    searched: usize,
    /// The start of the line that isn't whole yet.
    line: usize,
    /// The number of whole lines so far, the request line included.
    lines: usize,
    /// The start of the header lines.
    headers: usize,
    complete: bool,
}

impl Scan {
    pub(super) fn is_started(&self) -> bool {
        self.started
    }

    #[cfg(test)]
    pub(super) fn searched(&self) -> usize {
        self.searched
    }

    /// Returns whether parsing `head` again would find nothing new.
    pub(super) fn is_idle(
        &mut self,
        head: &[u8],
        limits: &HeadLimits,
    ) -> Result<bool, RequestError> {
        if !self.started {
            return Ok(false);
        }
        let had_request_line = self.lines > 0;
        self.advance(head, limits)?;
        Ok(!self.complete && (had_request_line || self.lines == 0))
    }

    /// `head` turned out to be incomplete: note how far it goes.
    pub(super) fn wait(&mut self, head: &[u8], limits: &HeadLimits) -> Result<(), RequestError> {
        self.started = true;
        self.advance(head, limits)?;
        if self.complete {
            // The tokenizer wants more of what has ended. It doesn't; but if it did, waiting for
            // more would be to wait for ever.
            return Err(RequestError::bad("invalid request head"));
        }
        Ok(())
    }

    fn advance(&mut self, head: &[u8], limits: &HeadLimits) -> Result<(), RequestError> {
        while let Some(at) = memchr::memchr(b'\n', head.get(self.searched..).unwrap_or_default()) {
            let feed = self.searched + at;
            let line = head.get(self.line..feed).unwrap_or_default();
            let line = line.strip_suffix(b"\r").ok_or(BARE_LINE_FEED)?;
            self.end_line(line.len(), feed + 1, limits)?;
            if self.complete {
                break;
            }
        }
        if !self.complete {
            self.searched = head.len();
        }
        limits.check_line(match self.lines {
            // The last byte may be the line's CR.
            0 => head.len().saturating_sub(1),
            _ => 0,
        })?;
        limits.check_headers(match self.lines {
            0 => 0,
            _ => self.searched.saturating_sub(self.headers),
        })
    }

    fn end_line(
        &mut self,
        len: usize,
        next: usize,
        limits: &HeadLimits,
    ) -> Result<(), RequestError> {
        if self.lines == 0 {
            limits.check_line(len)?;
            self.headers = next;
        } else if len == 0 {
            self.complete = true;
        } else if self.lines > limits.headers {
            return Err(TOO_MANY_HEADERS);
        }
        self.lines += 1;
        self.line = next;
        self.searched = next;
        Ok(())
    }
}

impl HeadLimits {
    /// The most bytes that a head can have which is within the limits, and one more.
    pub(super) fn window(&self) -> usize {
        self.request_line
            .saturating_add(self.header_bytes)
            .saturating_add("\r\n".len() + 1)
    }

    pub(super) fn check_line(&self, len: usize) -> Result<(), RequestError> {
        if len > self.request_line {
            return Err(RequestError::new(
                Status::URI_TOO_LONG,
                "the request line is too long",
            ));
        }
        Ok(())
    }

    pub(super) fn check_headers(&self, bytes: usize) -> Result<(), RequestError> {
        if bytes > self.header_bytes {
            return Err(RequestError::new(
                Status::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "the headers are too large",
            ));
        }
        Ok(())
    }
}

pub(super) const BARE_LINE_FEED: RequestError =
    RequestError::bad("a line that doesn't end in CR LF");
pub(super) const TOO_MANY_HEADERS: RequestError = RequestError::new(
    Status::REQUEST_HEADER_FIELDS_TOO_LARGE,
    "there are too many headers",
);
