//! What the connections of one shard share: a clock, the date, and who watches their deadlines.

use std::cell::{Cell, RefCell};
use std::os::fd::{BorrowedFd, RawFd};
use std::rc::Rc;
use std::task::Waker;
use std::time::{Duration, Instant, SystemTime};

use monoio::io::{CancelHandle, Canceller};
use slab::Slab;
use socket2::{SockFilter, SockRef};

use crate::access::Recorder;
use crate::http1::Date;
use crate::memory::BodyMemory;
use crate::request_id::{MadeId, RequestIds};

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
    /// A shard without connections, on which bodies may take any memory.
    pub fn new() -> Self {
        Self::with_body_memory(u64::MAX)
    }

    /// A shard without connections, on which bodies that wait may take `bytes` together: those of
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
                request_ids: RequestIds::new(),
                draining: Cell::new(false),
                body_memory: BodyMemory::new(bytes),
                closes_at: Cell::new(None),
                closed: Cell::new(false),
            }),
        }
    }

    /// The time of the last tick: late by [`TICK`] at most, unless a guest holds the core.
    pub fn now(&self) -> Instant {
        self.inner.now.get()
    }

    /// Take the time, and wake every connection that has waited for too long.
    pub fn tick(&self) {
        let now = Instant::now();
        self.inner.now.set(now);
        self.inner.date.set(Date::at(SystemTime::now()));
        self.inner.body_memory.log_refusals(now);
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

    /// Accept no further request: idle connections are closed now, the others after the
    /// answer they are at.
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

    /// Close the listening sockets, unless clients wait in the queue of one: they are accepted
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

    /// Whether [`Shard::drain`] was called.
    pub fn is_draining(&self) -> bool {
        self.inner.draining.get()
    }

    /// Whether clients may still be accepted: until a while after [`Shard::drain`].
    pub fn is_accepting(&self) -> bool {
        !self.inner.closed.get()
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.inner.connections.borrow().len()
    }

    /// Bytes that the bodies of its connections take, those of up to 16 KiB left out.
    pub fn body_bytes(&self) -> u64 {
        self.inner.body_memory.used()
    }

    pub(crate) fn body_memory(&self) -> &BodyMemory {
        &self.inner.body_memory
    }

    /// An identifier for a request that brings none.
    pub(crate) fn next_request_id(&self) -> MadeId {
        self.inner.request_ids.next()
    }

    /// Use the date.
    pub(crate) fn with_date<T>(&self, read: impl FnOnce(&Date) -> T) -> T {
        read(&self.inner.date.get())
    }

    /// An empty buffer for a response.
    pub(crate) fn take_buffer(&self) -> Vec<u8> {
        let spare = self.inner.buffers.borrow_mut().pop();
        spare.unwrap_or_else(|| Vec::with_capacity(BUFFER))
    }

    /// Give a buffer back for the next response.
    pub(crate) fn give_buffer(&self, mut buffer: Vec<u8>) {
        let mut buffers = self.inner.buffers.borrow_mut();
        if buffer.capacity() <= LARGEST_BUFFER && buffers.len() < SPARE_BUFFERS {
            buffer.clear();
            buffers.push(buffer);
        }
    }

    /// Note a listening socket, until the guard is dropped. The guard has to go before the
    /// socket is closed.
    pub(crate) fn listening(&self, socket: RawFd) -> Listening {
        let key = self.inner.listeners.borrow_mut().insert(socket);
        Listening {
            shard: self.clone(),
            key,
        }
    }

    /// Watch over the connection on this socket, until the guard is dropped. The guard has to
    /// go before the socket is closed.
    pub(crate) fn watch(&self, socket: RawFd, recorder: Recorder) -> Watch {
        let connection = Rc::new(Connection {
            socket,
            phase: Cell::new(Phase::Idle),
            deadline: Cell::new(None),
            is_fresh: Cell::new(true),
            interrupted: Cell::new(None),
            waker: RefCell::default(),
            reading: RefCell::default(),
            is_cancelled: Cell::new(false),
        });
        let key = self
            .inner
            .connections
            .borrow_mut()
            .insert(connection.clone());
        Watch {
            shard: self.clone(),
            key,
            connection,
            recorder,
        }
    }
}

impl Default for Shard {
    fn default() -> Self {
        Self::new()
    }
}

/// How often [`Shard::tick`] should run, and so how exact deadlines of connections are.
pub const TICK: Duration = Duration::from_millis(50);

/// How long connections that are being made have to be completed when a shard drains.
const LAST_HANDSHAKES: Duration = Duration::from_millis(100);
/// How long a client that has connected has to send something when a shard drains.
pub(crate) const FIRST_REQUEST: Duration = Duration::from_millis(500);

/// What a connection waits for. Each has its own time limit, and its own end when it passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The next request, of which nothing has arrived.
    Idle,
    /// The rest of a head.
    Head,
    /// The rest of a body.
    Body,
    /// The guest. It has a deadline of its own.
    Guest,
    /// The client, to read the answer.
    Writing,
    /// Whoever wakes it: either end of a WebSocket, to say something; or the guest, while nothing
    /// may be read of the client.
    Open,
    /// The client, to close, after the last answer.
    Closing,
}

/// How long the rest of a client's input is read, and dropped, after the last answer: a socket that
/// is closed with input unread resets the connection, and the client may lose the answer to it
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
    pub(crate) const TURNED_AWAY: Self = Self {
        total: Duration::from_secs(5),
        silence: Duration::from_secs(1),
        end: None,
    };
}

/// Why an operation of a connection ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interrupt {
    /// Its time was over.
    Expired,
    /// The server stops.
    Draining,
}

/// A connection's own end of its watch.
pub(crate) struct Watch {
    shard: Shard,
    key: usize,
    connection: Rc<Connection>,
    /// Of what goes on between the connection's ends.
    pub(crate) recorder: Recorder,
}

impl Watch {
    /// The connection now waits for what `phase` says, for as long as `limit`.
    pub(crate) fn enter(&self, phase: Phase, limit: Option<Duration>) {
        self.connection.enter(phase);
        self.connection
            .deadline
            .set(limit.and_then(|limit| self.shard.now().checked_add(limit)));
    }

    /// The same with a deadline.
    pub(crate) fn enter_until(&self, phase: Phase, deadline: Instant) {
        self.connection.enter(phase);
        self.connection.deadline.set(Some(deadline));
    }

    /// The last answer was written. The client may send for `linger` more, and be silent for the
    /// shorter of both.
    pub(crate) fn enter_lingering(&self, linger: &mut Linger) {
        let now = self.shard.now();
        let end = *linger.end.get_or_insert(now + linger.total);
        let silence = match self.shard.is_draining() {
            true => linger.silence.min(DRAINING_SILENCE),
            false => linger.silence,
        };
        self.enter_until(Phase::Closing, end.min(now + silence));
    }

    /// No operation is in flight that could be made to end, as on a WebSocket on which nothing is
    /// being written: wake the connection at `deadline`, and when the shard drains.
    pub(crate) fn enter_open(&self, deadline: Option<Instant>, waker: &Waker) {
        self.connection.enter(Phase::Open);
        self.connection.deadline.set(deadline);
        let mut known = self.connection.waker.borrow_mut();
        match &mut *known {
            Some(known) => known.clone_from(waker),
            None => *known = Some(waker.clone()),
        }
    }

    /// Whether the client has sent nothing yet.
    pub(crate) fn is_fresh(&self) -> bool {
        self.connection.is_fresh.get()
    }

    /// Whether the client has reset the connection, though it may have sent what isn't read yet.
    pub(crate) fn is_reset(&self) -> bool {
        poll(self.connection.socket, libc::POLLERR | libc::POLLHUP)
    }

    /// Whether the client has ended its own side, though it may have sent what isn't read yet.
    pub(crate) fn is_half_closed(&self) -> bool {
        poll(self.connection.socket, libc::POLLRDHUP)
    }

    /// What the connection waits for.
    pub(crate) fn phase(&self) -> Phase {
        self.connection.phase.get()
    }

    /// The reads of the connection.
    pub(crate) fn reads(&self) -> Reads {
        Reads(self.connection.clone())
    }

    /// Whether, and why, the operation in flight was made to end.
    pub(crate) fn interrupted(&self) -> Option<Interrupt> {
        self.connection.interrupted.get()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shard.inner.connections.borrow_mut().remove(self.key);
    }
}

/// The reads of a connection whose time can be over while its client is to be answered.
///
/// To end them by a shutdown of the way in would do for the read, but not for the client: the kernel
/// answers with a reset what comes in behind our own end then, and the client may lose the answer
/// to it.
#[derive(Clone)]
pub(crate) struct Reads(Rc<Connection>);

impl Reads {
    /// Begin a read that can be cancelled, until the guard is dropped. `None` if one was: the time
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
    request_ids: RequestIds,
    draining: Cell<bool>,
    body_memory: BodyMemory,
    /// When to close the listening sockets of a shard that drains.
    closes_at: Cell<Option<Instant>>,
    /// Whether they are closed.
    closed: Cell<bool>,
}

struct Connection {
    socket: RawFd,
    phase: Cell<Phase>,
    deadline: Cell<Option<Instant>>,
    /// Whether nothing has come from the client yet.
    is_fresh: Cell<bool>,
    interrupted: Cell<Option<Interrupt>>,
    /// Of a connection whose phase is or was [`Phase::Open`].
    waker: RefCell<Option<Waker>>,
    /// Cancels the read in flight, if it can be.
    reading: RefCell<Option<Canceller>>,
    /// Whether one was.
    is_cancelled: Cell<bool>,
}

impl Connection {
    fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        if phase != Phase::Idle {
            self.is_fresh.set(false);
        }
    }

    /// Wait no longer than until `limit`.
    fn hurry(&self, limit: Instant) {
        let deadline = self.deadline.get();
        let deadline = deadline.map_or(limit, |deadline| deadline.min(limit));
        self.deadline.set(Some(deadline));
    }

    /// End the operation in flight. The way out stays open for an answer that says why,
    /// unless it is the way out that is stuck.
    fn interrupt(&self, why: Interrupt) {
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
            Phase::Idle | Phase::Guest | Phase::Open => libc::SHUT_RD,
        };
        shutdown(self.socket, how);
    }
}

/// Make the operations in flight on a socket complete. The descriptor is open: the guard that
/// keeps it in a slab of the shard is dropped before the socket.
fn shutdown(socket: RawFd, how: libc::c_int) {
    // SAFETY: it takes no memory. On a socket whose peer is gone it fails, which is as good.
    unsafe { libc::shutdown(socket, how) };
}

/// Let a listening socket complete the connections that are under way, and begin no further ones:
/// the first segment of a new one, which has SYN and not ACK set, is dropped. Its client repeats
/// it a second later, and is then refused, or served by the next server.
fn ignore_new_clients(socket: RawFd) -> std::io::Result<()> {
    // SAFETY: the descriptor is open: the guard that keeps it in a slab of the shard is dropped
    // before the socket.
    let socket = unsafe { BorrowedFd::borrow_raw(socket) };
    // Classic BPF, over the segment from its TCP header on (RFC 9293 section 3.1).
    const FLAGS: u32 = 13;
    const SYN_ACK_RST: u32 = 0x16;
    const SYN: u32 = 0x02;
    let code = |code: u32| code as u16;
    let load = SockFilter::new(
        code(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS),
        0,
        0,
        FLAGS,
    );
    let mask = SockFilter::new(
        code(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K),
        0,
        0,
        SYN_ACK_RST,
    );
    let is_syn = SockFilter::new(code(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K), 0, 1, SYN);
    let drop = SockFilter::new(code(libc::BPF_RET | libc::BPF_K), 0, 0, 0);
    let keep = SockFilter::new(code(libc::BPF_RET | libc::BPF_K), 0, 0, u32::MAX);
    SockRef::from(&socket).attach_filter(&[load, mask, is_syn, drop, keep])
}

/// Whether one of `events` is true of a socket now.
fn poll(socket: RawFd, events: libc::c_short) -> bool {
    let mut polled = libc::pollfd {
        fd: socket,
        events,
        revents: 0,
    };
    // SAFETY: it is one entry, and lives as long as the call.
    unsafe { libc::poll(&raw mut polled, 1, 0) };
    polled.revents & events != 0
}

/// How long a client may be silent after its last answer when the server stops: it should not have to
/// wait for those that keep their connections open without a reason.
const DRAINING_SILENCE: Duration = Duration::from_secs(1);
/// Bytes of a buffer for responses, at first and at most.
const BUFFER: usize = 1024;
const LARGEST_BUFFER: usize = 64 * 1024;
/// Spare buffers of a shard.
const SPARE_BUFFERS: usize = 64;
