//! The state that the connections of one shard share: a clock, the date, and the watch over their deadlines.

mod sys;
mod wait;

use std::cell::{Cell, RefCell};
use std::os::fd::RawFd;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use slab::Slab;

pub(crate) use self::sys::poll;
use self::sys::{ignore_new_clients, shutdown};
pub(crate) use self::wait::{Connection, Interrupt, Phase};
use crate::http1::Date;
use crate::memory::BodyMemory;
use crate::request_id::{MadeId, RequestIds};
use crate::tls::HandshakeFailures;

/// The network side of one shard.
///
/// No connection sets a timer: it says until when it may wait, and [`Shard::tick`] looks over
/// all of them. One that waited too long is woken by shutting the socket down, which makes
/// the operation in flight complete. So nothing is cancelled, and nothing that was read is
/// lost.
#[derive(Clone)]
pub struct Shard {
    inner: Rc<Inner>,
}

impl Shard {
    /// Creates a shard without connections, on which bodies may take any memory.
    pub fn new() -> Self {
        Self::with_body_memory(u64::MAX)
    }

    /// Creates a shard without connections, on which bodies that wait may take `bytes` together: those of
    /// requests until they are answered, those of responses until they are written. A request that
    /// would need more gets 503. Bodies of up to 16 KiB are not counted.
    pub fn with_body_memory(bytes: u64) -> Self {
        Self {
            inner: Rc::new(Inner {
                now: Cell::new(Instant::now()),
                date: Cell::new(Date::at(SystemTime::now())),
                connections: RefCell::default(),
                listeners: RefCell::default(),
                buffers: RefCell::default(),
                request_ids: Rc::new(RequestIds::new()),
                draining: Cell::new(false),
                body_memory: Rc::new(BodyMemory::new(bytes)),
                accepted: Cell::new(0),
                over_limit: Cell::new(0),
                handshake_failures: HandshakeFailures::default(),
                closes_at: Cell::new(None),
                closed: Cell::new(false),
            }),
        }
    }

    /// Returns the time of the last tick: late by [`TICK`] at most, unless a service holds the core.
    pub fn now(&self) -> Instant {
        self.inner.now.get()
    }

    /// Takes the time, and wakes every connection that has waited for too long.
    pub fn tick(&self) {
        let now = Instant::now();
        self.inner.now.set(now);
        self.inner.date.set(Date::at(SystemTime::now()));
        self.inner.body_memory.log_rejected(now);
        self.inner.handshake_failures.log(now);
        if self.inner.closes_at.get().is_some_and(|at| at <= now) {
            self.close_listeners();
        }
        for (_, connection) in self.inner.connections.borrow().iter() {
            if connection
                .deadline
                .get()
                .is_some_and(|deadline| deadline <= now)
            {
                connection.interrupt(Interrupt::Expired);
            }
        }
    }

    /// Accepts no further request: idle connections are closed now, the others after the
    /// response they are at.
    ///
    /// A client whose connection the kernel has completed takes it for accepted. So the listening
    /// sockets let no new client in from now on, and are closed a moment later, when their queues
    /// are empty: to close a socket resets what is in its queue. A client that has not sent
    /// anything yet has a moment, too.
    pub fn drain(&self) {
        self.inner.draining.set(true);
        let now = Instant::now();
        self.inner.closes_at.set(Some(now + LAST_HANDSHAKES));
        for (_, socket) in self.inner.listeners.borrow().iter() {
            // Where the kernel refuses, clients come in until the socket is closed.
            let _ = ignore_new_clients(*socket);
        }
        for (_, connection) in self.inner.connections.borrow().iter() {
            match connection.phase.get() {
                Phase::Idle if connection.is_fresh.get() => connection.hurry(now + FIRST_REQUEST),
                Phase::Idle | Phase::Open => connection.interrupt(Interrupt::Draining),
                _ => {}
            }
        }
    }

    /// Closes the listening sockets, unless clients wait in the queue of one: they are accepted
    /// first.
    fn close_listeners(&self) {
        let listeners = self.inner.listeners.borrow();
        if listeners
            .iter()
            .any(|(_, socket)| poll(*socket, libc::POLLIN))
        {
            return;
        }
        self.inner.closes_at.set(None);
        self.inner.closed.set(true);
        for (_, socket) in listeners.iter() {
            shutdown(*socket, libc::SHUT_RD);
        }
    }

    /// Returns whether [`Shard::drain`] was called.
    pub fn is_draining(&self) -> bool {
        self.inner.draining.get()
    }

    /// Returns whether clients may still be accepted: until a while after [`Shard::drain`].
    pub fn is_accepting(&self) -> bool {
        !self.inner.closed.get()
    }

    /// Returns the number of open connections.
    pub fn connections(&self) -> usize {
        self.inner.connections.borrow().len()
    }

    /// Returns its numbers.
    pub fn stats(&self) -> NetStats {
        NetStats {
            connections: self.connections(),
            accepted: self.inner.accepted.get(),
            over_limit: self.inner.over_limit.get(),
            body_bytes: self.body_bytes(),
            over_body_memory: self.inner.body_memory.total_rejected(),
        }
    }

    /// Counts a connection that was accepted.
    pub(crate) fn count_accepted(&self) {
        self.inner.accepted.set(self.inner.accepted.get() + 1);
    }

    /// Counts clients that there was no room for.
    pub(crate) fn count_over_limit(&self, clients: usize) {
        let count = self.inner.over_limit.get();
        self.inner.over_limit.set(count + clients as u64);
    }

    /// Bytes that the bodies of its connections take, those of up to 16 KiB left out.
    pub fn body_bytes(&self) -> u64 {
        self.inner.body_memory.used()
    }

    pub(crate) fn body_memory(&self) -> &Rc<BodyMemory> {
        &self.inner.body_memory
    }

    pub(crate) fn handshake_failures(&self) -> &HandshakeFailures {
        &self.inner.handshake_failures
    }

    /// An identifier for a request that brings none.
    pub(crate) fn next_request_id(&self) -> MadeId {
        self.inner.request_ids.next()
    }

    /// Makes those identifiers.
    pub(crate) fn request_ids(&self) -> &Rc<RequestIds> {
        &self.inner.request_ids
    }

    /// Uses the date.
    pub(crate) fn with_date<T>(&self, read: impl FnOnce(&Date) -> T) -> T {
        read(&self.inner.date.get())
    }

    /// An empty buffer for a response.
    pub(crate) fn take_buffer(&self) -> Vec<u8> {
        let spare = self.inner.buffers.borrow_mut().pop();
        spare.unwrap_or_else(|| Vec::with_capacity(BUFFER))
    }

    /// Gives a buffer back for the next response.
    pub(crate) fn give_buffer(&self, mut buffer: Vec<u8>) {
        let mut buffers = self.inner.buffers.borrow_mut();
        if buffer.capacity() <= LARGEST_BUFFER && buffers.len() < SPARE_BUFFERS {
            buffer.clear();
            buffers.push(buffer);
        }
    }

    /// Notes a listening socket, until the guard is dropped. The guard has to go before the
    /// socket is closed.
    pub(crate) fn listening(&self, socket: RawFd) -> Listening {
        let key = self.inner.listeners.borrow_mut().insert(socket);
        Listening {
            shard: self.clone(),
            key,
        }
    }

    /// Watches this connection, until it is unregistered under the key returned.
    pub(crate) fn register(&self, connection: Rc<Connection>) -> usize {
        self.inner.connections.borrow_mut().insert(connection)
    }

    /// Stops watching it. This has to be called before its socket is closed.
    pub(crate) fn unregister(&self, key: usize) {
        self.inner.connections.borrow_mut().remove(key);
    }
}

impl Default for Shard {
    fn default() -> Self {
        Self::new()
    }
}

/// The numbers of a shard at one moment, and what it has counted since it was created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetStats {
    /// Open connections.
    pub connections: usize,
    /// Connections that were accepted.
    pub accepted: u64,
    /// Clients that were turned away, since there were too many connections, or too many open files.
    pub over_limit: u64,
    /// Bytes that the bodies of its connections take, those of up to 16 KiB left out.
    pub body_bytes: u64,
    /// Requests that were refused for want of memory for bodies.
    pub over_body_memory: u64,
}

/// The interval at which [`Shard::tick`] should run: the precision of the connections' deadlines.
pub const TICK: Duration = Duration::from_millis(50);

/// The time that connections in the making have to be completed when a shard drains.
const LAST_HANDSHAKES: Duration = Duration::from_millis(100);
/// The time that a client which has connected has to send something when a shard drains.
pub(crate) const FIRST_REQUEST: Duration = Duration::from_millis(500);

/// A listener's own end of its entry.
pub(crate) struct Listening {
    shard: Shard,
    key: usize,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.shard.inner.listeners.borrow_mut().remove(self.key);
    }
}

struct Inner {
    now: Cell<Instant>,
    date: Cell<Date>,
    connections: RefCell<Slab<Rc<Connection>>>,
    listeners: RefCell<Slab<RawFd>>,
    /// Empty, for the next responses.
    buffers: RefCell<Vec<Vec<u8>>>,
    request_ids: Rc<RequestIds>,
    draining: Cell<bool>,
    body_memory: Rc<BodyMemory>,
    accepted: Cell<u64>,
    over_limit: Cell<u64>,
    handshake_failures: HandshakeFailures,
    /// The time to close the listening sockets of a shard that drains.
    closes_at: Cell<Option<Instant>>,
    /// Set if they are closed.
    closed: Cell<bool>,
}

/// Bytes of a buffer for responses, at first and at most.
const BUFFER: usize = 1024;
const LARGEST_BUFFER: usize = 64 * 1024;
/// Spare buffers of a shard.
const SPARE_BUFFERS: usize = 64;
