//! The work that a client makes beside its requests.
//!
//! What `h2` bounds by itself is not here: headers and CONTINUATION frames by the size of the list,
//! small DATA frames by a budget, streams that are reset before they are accepted, and streams that
//! we reset for errors, each by a number.

use std::cell::Cell;
use std::time::Instant;

/// Counts what a connection receives against what was of use, and the requests that the client gave
/// up.
pub(super) struct Load {
    began: Instant,
    received: Cell<u64>,
    useful: Cell<u64>,
    resets: Cell<u64>,
}

impl Load {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            began: now,
            received: Cell::new(0),
            useful: Cell::new(0),
            resets: Cell::new(0),
        }
    }

    /// Notes bytes that came from the socket.
    pub(super) fn received(&self, bytes: usize) {
        self.received.set(self.received.get() + bytes as u64);
    }

    /// Notes bytes of a request or a response.
    pub(super) fn useful(&self, bytes: usize) {
        self.useful.set(self.useful.get() + bytes as u64);
    }

    /// Notes that the client has reset a stream that was not complete.
    pub(super) fn reset(&self) {
        self.resets.set(self.resets.get() + 1);
    }

    /// Returns whether the client does more to keep us busy than to be served: nginx' measure of
    /// frames (PING, SETTINGS, PRIORITY, WINDOW_UPDATE, empty ones), and nghttp2's of resets.
    pub(super) fn is_flood(&self, now: Instant) -> bool {
        let seconds = now.saturating_duration_since(self.began).as_secs();
        let useful = self.useful.get().saturating_mul(OVERHEAD);
        let allowed = useful + ALLOWANCE + seconds * ALLOWANCE_PER_SECOND;
        self.received.get() > allowed || self.resets.get() > RESETS + seconds * RESETS_PER_SECOND
    }
}

/// Bytes that may come for each one of use, and any number of those besides.
const OVERHEAD: u64 = 8;
const ALLOWANCE: u64 = 1 << 20;
/// For a connection that is kept open by PINGs for days.
const ALLOWANCE_PER_SECOND: u64 = 1 << 10;
/// Streams that a client may reset at once, and by the second.
const RESETS: u64 = 1000;
const RESETS_PER_SECOND: u64 = 33;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_flood_is_what_exceeds_the_use_and_the_time() {
        let now = Instant::now();
        let load = Load::new(now);
        load.received(ALLOWANCE as usize);
        assert!(!load.is_flood(now));
        load.received(1);
        assert!(load.is_flood(now));
        assert!(!load.is_flood(now + Duration::from_secs(1)));
        load.useful(1);
        assert!(!load.is_flood(now));
    }

    #[test]
    fn resets_are_allowed_by_the_second() {
        let now = Instant::now();
        let load = Load::new(now);
        for _ in 0..=RESETS {
            assert!(!load.is_flood(now));
            load.reset();
        }
        assert!(load.is_flood(now));
        assert!(!load.is_flood(now + Duration::from_secs(1)));
    }
}
