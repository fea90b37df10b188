//! The state of one connection's wait, which its shard and its own task share.

use std::cell::{Cell, RefCell};
use std::os::fd::RawFd;
use std::task::Waker;
use std::time::Instant;

use monoio::io::Canceller;

use super::sys::shutdown;

/// The cause for which a connection waits. Each has a time limit, and a consequence when it passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The next request, of which nothing has arrived.
    Idle,
    /// The rest of a head.
    Head,
    /// The rest of a body.
    Body,
    /// The service, which has its own deadline.
    Service,
    /// The client, to read the response.
    Writing,
    /// A wake-up: by either end of a WebSocket, to say something; or by the service, while
    /// nothing may be read of the client.
    Open,
    /// The client, to close, after the last response.
    Closing,
}

/// The reason why an operation of a connection ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interrupt {
    /// Its time was over.
    Expired,
    /// The server stops.
    Draining,
}

/// One connection, as its shard sees it.
pub(crate) struct Connection {
    pub(crate) socket: RawFd,
    pub(crate) phase: Cell<Phase>,
    pub(crate) deadline: Cell<Option<Instant>>,
    /// Set while nothing has come from the client.
    pub(crate) is_fresh: Cell<bool>,
    pub(crate) interrupted: Cell<Option<Interrupt>>,
    /// The waker of a connection whose phase is or was [`Phase::Open`].
    pub(crate) waker: RefCell<Option<Waker>>,
    /// Cancels the read in flight, if it can be.
    pub(crate) reading: RefCell<Option<Canceller>>,
    /// Set if the read was cancelled.
    pub(crate) is_cancelled: Cell<bool>,
}

impl Connection {
    /// A connection on this socket, of which nothing has arrived.
    pub(crate) fn new(socket: RawFd) -> Self {
        Self {
            socket,
            phase: Cell::new(Phase::Idle),
            deadline: Cell::new(None),
            is_fresh: Cell::new(true),
            interrupted: Cell::new(None),
            waker: RefCell::default(),
            reading: RefCell::default(),
            is_cancelled: Cell::new(false),
        }
    }

    /// Waits for what `phase` says.
    pub(crate) fn set_phase(&self, phase: Phase) {
        self.phase.set(phase);
        if phase != Phase::Idle {
            self.is_fresh.set(false);
        }
    }

    /// Waits no longer than until `limit`.
    pub(super) fn hurry(&self, limit: Instant) {
        let deadline = self.deadline.get();
        let deadline = deadline.map_or(limit, |deadline| deadline.min(limit));
        self.deadline.set(Some(deadline));
    }

    /// Ends the operation in flight. The way out stays open for a response that says why,
    /// unless it is the way out that is stuck.
    pub(super) fn interrupt(&self, why: Interrupt) {
        if self.phase.get() == Phase::Open {
            self.deadline.set(None);
            if let Some(waker) = &*self.waker.borrow() {
                waker.wake_by_ref();
            }
            return;
        }
        if self.interrupted.get().is_none() {
            self.interrupted.set(Some(why));
        }
        self.deadline.set(None);
        let how = match self.phase.get() {
            Phase::Writing | Phase::Closing => libc::SHUT_RDWR,
            Phase::Head | Phase::Body => {
                let reading = self.reading.take();
                if let Some(reading) = reading {
                    self.is_cancelled.set(true);
                    reading.cancel();
                    return;
                }
                libc::SHUT_RD
            }
            Phase::Idle | Phase::Service | Phase::Open => libc::SHUT_RD,
        };
        shutdown(self.socket, how);
    }
}
