//! The sockets of a thread and their deadlines.
//!
//! A timer for each request would cost more than the request. So each socket records when its
//! operation began, and one task checks all of them every few milliseconds.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use monoio::buf::{IoBuf, IoBufMut};
use monoio::io::{AsyncReadRent, AsyncWriteRentExt, OwnedReadHalf, OwnedWriteHalf, Splitable};
use monoio::net::TcpStream;

use crate::measure::Failure;

/// A connection, watched by its thread.
///
/// Its halves can be borrowed separately, so that one is read while the other is written.
pub struct Socket {
    entry: Rc<Entry>,
    /// The half for reads.
    pub reader: OwnedReadHalf<TcpStream>,
    /// The half for writes.
    pub writer: OwnedWriteHalf<TcpStream>,
}

impl Socket {
    /// Begins an operation, whose timeout counts from `now`.
    pub fn begin(&self, now: Instant) {
        self.entry.since.set(Some(now));
    }

    /// Ends the operation.
    pub fn end(&self) {
        self.entry.since.set(None);
    }

    /// Returns why a read or write ended with this error or, if `None`, with the end of the stream.
    #[must_use]
    pub fn failure(&self, error: Option<&io::Error>) -> Failure {
        self.entry.failure(error)
    }

    /// Returns a handle on its clock, for use while its halves are borrowed.
    #[must_use]
    pub fn clock(&self) -> Clock {
        Clock(Rc::clone(&self.entry))
    }

    /// Resets the connection and frees its port at once (`connect` to `AF_UNSPEC`, connect(2)): the
    /// side that closes first would otherwise keep it for a minute (`TIME_WAIT`, RFC 9293 section
    /// 3.6.1). An `SO_LINGER` of 0 is not enough, since dropping the socket sends a FIN before it
    /// closes.
    pub fn reset(&self) {
        let nobody = libc::sockaddr {
            sa_family: AF_UNSPEC,
            sa_data: [0; 14],
        };
        let size = libc::socklen_t::try_from(size_of::<libc::sockaddr>()).unwrap_or(0);
        // If it fails, only the port is kept.
        // SAFETY: the address is valid for the call.
        unsafe { libc::connect(self.entry.fd, &raw const nobody, size) };
    }

    /// Reads into `buffer` from its beginning, up to its capacity. Returns 0 at the end of the
    /// stream.
    ///
    /// # Errors
    /// The socket's error; see [`Socket::failure`].
    pub async fn read<B: IoBufMut>(&mut self, buffer: B) -> (io::Result<usize>, B) {
        self.reader.read(buffer).await
    }

    /// Writes all of `buffer`.
    ///
    /// # Errors
    /// The socket's error; see [`Socket::failure`].
    pub async fn write_all<B: IoBuf>(&mut self, buffer: B) -> (io::Result<usize>, B) {
        self.writer.write_all(buffer).await
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.entry.open.set(false);
    }
}

/// The clock of a [`Socket`]. It may outlive the socket, and does nothing then.
#[derive(Clone)]
pub struct Clock(Rc<Entry>);

impl Clock {
    /// See [`Socket::begin`].
    pub fn begin(&self, now: Instant) {
        self.0.since.set(Some(now));
    }

    /// See [`Socket::end`].
    pub fn end(&self) {
        self.0.since.set(None);
    }

    /// See [`Socket::failure`].
    #[must_use]
    pub fn failure(&self, error: Option<&io::Error>) -> Failure {
        self.0.failure(error)
    }

    /// Returns whether the peer has ended or broken the stream, and nothing is left to read. Only
    /// for a socket that is not being read.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.0.is_ended()
    }

    /// Ends the reads and writes in progress.
    pub fn shut_down(&self) {
        self.0.shut_down();
    }
}

/// The sockets of a thread.
#[derive(Default)]
pub(super) struct Sockets(RefCell<Vec<Weak<Entry>>>);

impl Sockets {
    pub(super) fn socket(&self, stream: TcpStream) -> Socket {
        let entry = Rc::new(Entry {
            fd: stream.as_raw_fd(),
            open: Cell::new(true),
            since: Cell::new(None),
            timed_out: Cell::new(false),
        });
        self.0.borrow_mut().push(Rc::downgrade(&entry));
        let (reader, writer) = stream.into_split();
        Socket {
            entry,
            reader,
            writer,
        }
    }

    /// Shuts down those whose operation exceeds the timeout, and forgets those that are closed.
    pub(super) fn sweep(&self, now: Instant, timeout: Duration) {
        self.0.borrow_mut().retain(|entry| {
            let Some(entry) = entry.upgrade() else {
                return false;
            };
            let since = entry.since.get();
            if since.is_some_and(|since| now.saturating_duration_since(since) > timeout) {
                entry.timed_out.set(true);
                entry.since.set(None);
                entry.shut_down();
            }
            true
        });
    }

    /// Shuts down all of them.
    pub(super) fn shut_down_all(&self) {
        for entry in self.0.borrow().iter().filter_map(Weak::upgrade) {
            entry.shut_down();
        }
    }
}

struct Entry {
    fd: RawFd,
    /// True while the descriptor is the socket's.
    open: Cell<bool>,
    /// The start of the operation in progress.
    since: Cell<Option<Instant>>,
    timed_out: Cell<bool>,
}

impl Entry {
    fn failure(&self, error: Option<&io::Error>) -> Failure {
        if self.timed_out.get() {
            return Failure::Timeout;
        }
        error.map_or(Failure::Reset, Failure::of_io)
    }

    fn is_ended(&self) -> bool {
        if !self.open.get() {
            return true;
        }
        let mut byte = 0u8;
        let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
        // SAFETY: the pointer is valid for one byte.
        let count = unsafe { libc::recv(self.fd, (&raw mut byte).cast(), 1, flags) };
        match count {
            0 => true,
            1.. => false,
            _ => io::Error::last_os_error().kind() != io::ErrorKind::WouldBlock,
        }
    }

    /// Ends reads and writes in progress, and keeps the descriptor. Once the socket has closed it,
    /// it may be another's.
    fn shut_down(&self) {
        if !self.open.get() {
            return;
        }
        // SAFETY: no memory is passed.
        unsafe { libc::shutdown(self.fd, libc::SHUT_RDWR) };
    }
}

/// `libc::AF_UNSPEC`, in the type of the field.
const AF_UNSPEC: libc::sa_family_t = 0;
