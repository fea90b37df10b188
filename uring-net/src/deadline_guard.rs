//! The deadlines of one connection, which [`Shard::tick`] looks over with the others.

use std::os::fd::RawFd;
use std::rc::Rc;
use std::task::Waker;
use std::time::{Duration, Instant};

use monoio::io::{CancelHandle, Canceller};

use crate::access::AccessRecorder;
use crate::shard::{Connection, Interrupt, Phase, Shard, poll};

/// Guards the deadlines of one connection.
pub(crate) struct DeadlineGuard {
    shard: Shard,
    key: usize,
    connection: Rc<Connection>,
    /// The recorder of the connection's requests.
    pub(crate) recorder: AccessRecorder,
}

impl DeadlineGuard {
    /// Watches over the connection on this socket, until the guard is dropped. The guard has to
    /// go before the socket is closed.
    pub(crate) fn new(shard: Shard, socket: RawFd, recorder: AccessRecorder) -> Self {
        let connection = Rc::new(Connection::new(socket));
        Self {
            key: shard.register(connection.clone()),
            shard,
            connection,
            recorder,
        }
    }

    /// The connection now waits for what `phase` says, for as long as `limit`.
    pub(crate) fn set_phase(&self, phase: Phase, limit: Option<Duration>) {
        self.connection.set_phase(phase);
        self.connection
            .deadline
            .set(limit.and_then(|limit| self.shard.now().checked_add(limit)));
    }

    /// Enters a phase with a deadline.
    pub(crate) fn set_phase_until(&self, phase: Phase, deadline: Instant) {
        self.connection.set_phase(phase);
        self.connection.deadline.set(Some(deadline));
    }

    /// The last answer was written. The client may send for `linger` more, and be silent for the
    /// shorter of both.
    pub(crate) fn set_lingering(&self, linger: &mut Linger) {
        let now = self.shard.now();
        let end = *linger.end.get_or_insert(now + linger.total);
        let silence = match self.shard.is_draining() {
            true => linger.silence.min(DRAINING_SILENCE),
            false => linger.silence,
        };
        self.set_phase_until(Phase::Closing, end.min(now + silence));
    }

    /// No operation is in flight that could be made to end, as on a WebSocket on which nothing is
    /// being written: wake the connection at `deadline`, and when the shard drains.
    pub(crate) fn set_open(&self, deadline: Option<Instant>, waker: &Waker) {
        self.connection.set_phase(Phase::Open);
        self.connection.deadline.set(deadline);
        let mut known = self.connection.waker.borrow_mut();
        match &mut *known {
            Some(known) => known.clone_from(waker),
            None => *known = Some(waker.clone()),
        }
    }

    /// Returns whether the client has sent nothing yet.
    pub(crate) fn is_fresh(&self) -> bool {
        self.connection.is_fresh.get()
    }

    /// Returns whether the client has reset the connection; unread input may be left.
    pub(crate) fn is_reset(&self) -> bool {
        poll(self.connection.socket, libc::POLLERR | libc::POLLHUP)
    }

    /// Returns whether the client has ended its side; unread input may be left.
    pub(crate) fn is_half_closed(&self) -> bool {
        poll(self.connection.socket, libc::POLLRDHUP)
    }

    /// The client has sent nothing yet of what counts.
    pub(crate) fn renew(&self) {
        self.connection.is_fresh.set(true);
    }

    /// Returns what the connection waits for.
    pub(crate) fn phase(&self) -> Phase {
        self.connection.phase.get()
    }

    /// Returns when it will have waited for too long.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.connection.deadline.get()
    }

    /// The reads of the connection.
    pub(crate) fn reads(&self) -> Reads {
        Reads(self.connection.clone())
    }

    /// Returns why the operation in flight was made to end, if it was.
    pub(crate) fn interrupted(&self) -> Option<Interrupt> {
        self.connection.interrupted.get()
    }
}

impl Drop for DeadlineGuard {
    fn drop(&mut self) {
        self.shard.unregister(self.key);
    }
}

/// The reads of a connection whose time can be over while its client is to be answered.
///
/// To end them by a shutdown of the way in would do for the read, but not for the client: the kernel
/// answers with a reset what comes in behind our own end then, and the client may lose the response
/// to it.
#[derive(Clone)]
pub(crate) struct Reads(Rc<Connection>);

impl Reads {
    /// Begins a read that can be cancelled, until the guard is dropped. `None` if one was: the time
    /// for what is read is over.
    pub(crate) fn begin(&self) -> Option<(CancelHandle, Reading)> {
        if self.0.is_cancelled.get() {
            return None;
        }
        let canceller = Canceller::new();
        let handle = canceller.handle();
        *self.0.reading.borrow_mut() = Some(canceller);
        Some((handle, Reading(self.0.clone())))
    }
}

/// A read that is in flight.
pub(crate) struct Reading(Rc<Connection>);

impl Drop for Reading {
    fn drop(&mut self) {
        *self.0.reading.borrow_mut() = None;
    }
}

/// The time for which a client's input is read, and dropped, after the last response: a socket that
/// is closed with input unread resets the connection, and the client may lose the response to it
/// (RFC 9112, section 9.6). The times, and that there is no limit of bytes, are nginx's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Linger {
    total: Duration,
    silence: Duration,
    /// Known once it has begun.
    end: Option<Instant>,
}

impl Linger {
    /// For a client that was served.
    pub(crate) const SERVED: Self = Self {
        total: Duration::from_secs(30),
        silence: Duration::from_secs(5),
        end: None,
    };
    /// For a client that there is no room for.
    pub(crate) const REJECTED: Self = Self {
        total: Duration::from_secs(5),
        silence: Duration::from_secs(1),
        end: None,
    };
}

/// The time for which a client may be silent after its last response when the server stops, which should
/// not have to wait for those that keep their connections open without a reason.
const DRAINING_SILENCE: Duration = Duration::from_secs(1);
