//! Handshakes that failed, for the operator.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Counts the failed handshakes of a shard. Any client can cause them, so they are logged together.
#[derive(Default)]
pub(crate) struct HandshakeFailures {
    count: Cell<u64>,
    last: RefCell<String>,
    logged: Cell<Option<Instant>>,
}

impl HandshakeFailures {
    /// A handshake failed.
    pub(crate) fn note(&self, peer: SocketAddr, reason: String) {
        tracing::debug!(%peer, reason, "TLS handshake failed");
        self.count.set(self.count.get() + 1);
        self.last.replace(reason);
    }

    /// Tells the operator of them, once a minute at most.
    pub(crate) fn log(&self, now: Instant) {
        let is_due = |logged: Instant| now.duration_since(logged) >= LOG_INTERVAL;
        if self.count.get() == 0 || !self.logged.get().is_none_or(is_due) {
            return;
        }
        self.logged.set(Some(now));
        tracing::info!(
            handshakes = self.count.replace(0),
            last = self.last.take(),
            "TLS handshakes failed on this core (level debug shows each)"
        );
    }
}

const LOG_INTERVAL: Duration = Duration::from_secs(60);
