//! The other end of a connection, and the guard of the deadlines of that connection. `halves`: its
//! bytes, with TLS or without.

mod halves;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use monoio::io::Splitable;
use monoio::net::TcpStream;

pub(crate) use self::halves::{Disconnected, Read, Writer, write_all};
use self::halves::{ReadHalf, read_in_time, read_into, read_once};
use crate::access::AccessRecorder;
use crate::deadline_guard::{DeadlineGuard, Linger, Reads};
use crate::memory::Reserved;
use crate::settings::Settings;
use crate::shard::{Phase, Shard};
use crate::tls::Session;

/// A client's socket, with everything that its connection shares with others.
pub(crate) struct Client {
    /// The first field: it has to go before the socket is closed.
    pub(crate) guard: DeadlineGuard,
    pub(crate) reader: Reader,
    pub(crate) writer: Writer,
    pub(crate) shard: Shard,
    pub(crate) settings: Rc<Settings>,
}

impl Client {
    pub(crate) fn new(
        socket: TcpStream,
        peer: SocketAddr,
        shard: Shard,
        settings: Rc<Settings>,
    ) -> Self {
        let recorder = AccessRecorder::new(
            settings.access_log.clone(),
            peer,
            shard.request_ids().clone(),
        );
        let guard = DeadlineGuard::new(shard.clone(), socket.as_raw_fd(), recorder);
        let (reader, writer) = socket.into_split();
        Self {
            reader: Reader {
                reads: guard.reads(),
                half: ReadHalf {
                    tcp: reader,
                    tls: None,
                },
                read_ahead: None,
                pipelined: Vec::new(),
            },
            guard,
            writer: Writer {
                tcp: writer,
                tls: None,
            },
            shard,
            settings,
        }
    }

    /// Returns whether the handshake of TLS has chosen HTTP/2.
    pub(crate) fn is_http2(&self) -> bool {
        let tls = self.writer.tls.as_ref();
        tls.is_some_and(|session| session.is_http2())
    }

    /// The handshake is complete: the connection speaks TLS, and has not sent anything yet.
    pub(crate) fn secure(&mut self, session: Rc<Session>) {
        self.reader.half.tls = Some(session.clone());
        self.writer.tls = Some(session);
        self.guard.renew();
    }

    /// A client that the access log is not told of.
    pub(crate) fn unrecorded(
        socket: TcpStream,
        peer: SocketAddr,
        shard: Shard,
        settings: Rc<Settings>,
    ) -> Self {
        let mut client = Self::new(socket, peer, shard, settings);
        client.guard.recorder = AccessRecorder::new(None, peer, client.shard.request_ids().clone());
        client
    }

    /// Reads behind the content of `input`. Returns 0 at the end.
    pub(crate) async fn read_more(&mut self, input: &mut Vec<u8>) -> io::Result<usize> {
        if input.capacity() - input.len() < MIN_READ {
            input.reserve(input.capacity().max(IDLE_INPUT));
        }
        let buffer = std::mem::take(input);
        let (read, buffer) = match self.guard.phase() {
            Phase::Head => self.reader.read_in_time(buffer).await,
            // A client whose time is over gets no response.
            _ => self.reader.read(buffer).await,
        };
        *input = buffer;
        read
    }

    /// Appends the bytes to `input` that were read during a streamed response.
    pub(crate) fn take_pipelined(&mut self, input: &mut Vec<u8>) {
        input.extend_from_slice(&std::mem::take(&mut self.reader.pipelined));
    }

    /// Writes all of `bytes`.
    pub(crate) async fn write(&mut self, bytes: Vec<u8>) -> Result<(), Disconnected> {
        let (guard, timeout) = (&self.guard, self.settings.write_timeout);
        let begin = || guard.set_phase(Phase::Writing, Some(timeout));
        let bytes = write_all(&mut self.writer, &guard.recorder, bytes, begin).await?;
        self.shard.give_buffer(bytes);
        Ok(())
    }

    /// Writes all of `bytes`, of which the client has to take the last by `deadline`.
    pub(crate) async fn write_until(
        &mut self,
        bytes: Vec<u8>,
        deadline: Option<Instant>,
    ) -> Result<(), Disconnected> {
        let guard = &self.guard;
        let begin = || match deadline {
            Some(deadline) => guard.set_phase_until(Phase::Writing, deadline),
            None => guard.set_phase(Phase::Writing, None),
        };
        let bytes = write_all(&mut self.writer, &guard.recorder, bytes, begin).await?;
        self.shard.give_buffer(bytes);
        Ok(())
    }

    /// Returns an empty reservation of the memory for bodies.
    pub(crate) fn reserve_nothing(&self) -> Reserved {
        Reserved::none(self.shard.body_memory())
    }

    /// Tells a client of TLS that all was sent, and nothing is missing.
    pub(crate) async fn end(&mut self) {
        if self.writer.tls.is_some() {
            let timeout = self.settings.write_timeout;
            self.guard.set_phase(Phase::Writing, Some(timeout));
            let _ = Box::pin(self.writer.end()).await;
        }
    }

    /// Closes so that the last response arrives.
    pub(crate) async fn close(mut self, mut linger: Linger) {
        self.end().await;
        if self.writer.shutdown().await.is_err() {
            return;
        }
        let lingering = || self.guard.set_lingering(&mut linger);
        discard(&mut self.reader, lingering).await;
    }
}

/// Reads and discards input until the client leaves, or its deadline has passed.
/// `before_each` read the deadline can be set anew.
pub(crate) async fn discard(reader: &mut Reader, mut before_each: impl FnMut()) {
    let mut discarded = Vec::with_capacity(DISCARDED);
    loop {
        before_each();
        discarded.clear();
        let (read, buffer) = reader.read_undecrypted(discarded).await;
        match read {
            Ok(0) | Err(_) => return,
            Ok(_) => discarded = buffer,
        }
    }
}

/// The half of a socket that is read. One read is in flight at most, and none is ever dropped
/// while the connection lives: it would take along what it has read.
pub(crate) struct Reader {
    half: ReadHalf,
    reads: Reads,
    /// One that goes on beside what else is done.
    read_ahead: Option<Pin<Box<dyn Future<Output = Read>>>>,
    /// The bytes that were read while a response was streamed: [`Client::take_pipelined`].
    pipelined: Vec<u8>,
}

impl Reader {
    /// Reads once into the free part of `buffer`.
    pub(crate) async fn read(&mut self, buffer: Vec<u8>) -> Read {
        match self.finish_read_ahead().await {
            Some(read) => behind(buffer, read),
            None => read_once(&mut self.half, buffer).await,
        }
    }

    /// Reads once, and leaves it as it came.
    async fn read_undecrypted(&mut self, buffer: Vec<u8>) -> Read {
        match self.finish_read_ahead().await {
            Some(read) => behind(buffer, read),
            None => {
                let free = buffer.len()..buffer.capacity();
                read_into(&mut self.half.tcp, buffer, free).await
            }
        }
    }

    /// Reads once, as long as the connection's time is not over. Then it reads the end, and later input
    /// can still be read.
    pub(crate) async fn read_in_time(&mut self, buffer: Vec<u8>) -> Read {
        match self.finish_read_ahead().await {
            Some(read) => behind(buffer, read),
            None => {
                let free = buffer.len()..buffer.capacity();
                read_in_time(&mut self.half, &self.reads, buffer, free).await
            }
        }
    }

    /// Completes with the result of the read that is in flight.
    async fn finish_read_ahead(&mut self) -> Option<Read> {
        let read = self.read_ahead.as_mut()?.await;
        self.read_ahead = None;
        Some(read)
    }

    /// Returns whether a read is in flight, which may read more than [`Reader::read_at_most`] would.
    pub(crate) fn is_reading_ahead(&self) -> bool {
        self.read_ahead.is_some()
    }

    /// Reads `most` bytes at most, in time. No read may be in flight.
    pub(crate) async fn read_at_most(&mut self, buffer: Vec<u8>, most: usize) -> Read {
        debug_assert!(!self.is_reading_ahead(), "it might have read more");
        let len = buffer.len();
        let end = buffer.capacity().min(len.saturating_add(most));
        read_in_time(&mut self.half, &self.reads, buffer, len..end).await
    }

    /// Ready when the client has left, or sends without end what can't be its turn yet. A
    /// client that has only ended its own side counts as one that left.
    ///
    /// What arrives is kept for [`Client::take_pipelined`].
    pub(crate) fn poll_disconnected(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.pipelined.len() < MAX_PIPELINED {
            let begin = |mut half| async move {
                read_once(&mut half, Vec::with_capacity(READ_AHEAD)).await
            };
            let (read, buffer) = ready!(self.poll_read_ahead(begin, cx));
            match read {
                Ok(0) | Err(_) => return Poll::Ready(()),
                Ok(_) => self.pipelined.extend_from_slice(&buffer),
            }
        }
        Poll::Ready(())
    }

    /// As [`Reader::read_in_time`], into a buffer of `room` bytes. While this is pending the read
    /// goes on, and is the next one in any case.
    pub(crate) fn poll_in_time(&mut self, room: usize, cx: &mut Context<'_>) -> Poll<Read> {
        let reads = self.reads.clone();
        let begin = |mut half| async move {
            let buffer = Vec::with_capacity(room);
            read_in_time(&mut half, &reads, buffer, 0..room).await
        };
        self.poll_read_ahead(begin, cx)
    }

    /// Reads once into `buffer`, of which `room` bytes are used. While this is pending the buffer is
    /// the read's, which goes on, and is the next one in any case.
    pub(crate) fn poll_read(
        &mut self,
        buffer: &mut Vec<u8>,
        room: usize,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut taken = std::mem::take(buffer);
        let begin = |mut half| async move {
            taken.clear();
            taken.reserve_exact(room);
            read_once(&mut half, taken).await
        };
        let (read, read_into) = ready!(self.poll_read_ahead(begin, cx));
        *buffer = read_into;
        Poll::Ready(read)
    }

    /// The read that is in flight, or else the one that `begin` begins.
    fn poll_read_ahead<F: Future<Output = Read> + 'static>(
        &mut self,
        begin: impl FnOnce(ReadHalf) -> F,
        cx: &mut Context<'_>,
    ) -> Poll<Read> {
        let half = &self.half;
        let read_ahead = self
            .read_ahead
            .get_or_insert_with(|| Box::pin(begin(half.share())));
        let read = ready!(read_ahead.as_mut().poll(cx));
        self.read_ahead = None;
        Poll::Ready(read)
    }
}

fn behind(mut buffer: Vec<u8>, (read, bytes): Read) -> Read {
    buffer.extend_from_slice(&bytes);
    (read, buffer)
}

/// Bytes of input that an idle connection holds.
pub(crate) const IDLE_INPUT: usize = 2 * 1024;
/// A read into less room than this is not worth its system call.
const MIN_READ: usize = 1024;
/// Bytes that a connection holds to notice that its client has left a streamed response, and
/// bytes of the next requests that are kept until it has ended.
const READ_AHEAD: usize = 256;
const MAX_PIPELINED: usize = 64 * 1024;
/// Bytes that are read at once to be discarded. Many clients may be read from so.
const DISCARDED: usize = 8 * 1024;
