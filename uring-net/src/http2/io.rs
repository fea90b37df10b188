//! The socket of a connection as `h2` reads and writes it.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::load::Load;
use crate::shard::Shard;
use crate::socket::{Disconnected, Reader, Writer};

/// The ring's operations own their buffers, so everything is copied once between them and `h2`.
/// Over TLS what is written is encrypted instead.
pub(super) struct Io {
    reader: Reader,
    /// What was read, and how much of it `h2` has.
    input: Vec<u8>,
    taken: usize,
    /// Bytes that the next read may read.
    room: usize,
    /// Reads that may complete until others have their turn.
    reads: usize,
    is_ended: bool,
    /// `None` while a write is in flight, which has it.
    writer: Option<Writer>,
    writing: Option<Writing>,
    /// What is written next.
    output: Vec<u8>,
    spare: Vec<u8>,
    write_deadline: Rc<Cell<Option<Instant>>>,
    write_timeout: Duration,
    shard: Shard,
    load: Rc<Load>,
}

type Writing = Pin<Box<dyn Future<Output = (Writer, Result<Vec<u8>, Disconnected>)>>>;

impl Io {
    /// The socket's halves; `input` was read before.
    pub(super) fn new(
        (reader, writer): (Reader, Writer),
        input: Vec<u8>,
        write_timeout: Duration,
        shard: Shard,
        load: Rc<Load>,
    ) -> Self {
        load.received(input.len());
        Self {
            reader,
            input,
            taken: 0,
            room: MIN_ROOM,
            reads: READS,
            is_ended: false,
            writer: Some(writer),
            writing: None,
            output: Vec::new(),
            spare: Vec::new(),
            write_deadline: Rc::default(),
            write_timeout,
            shard,
            load,
        }
    }

    /// Others have had their turn.
    pub(super) fn renew_turn(&mut self) {
        self.reads = READS;
    }

    /// Returns until when the client has to take some of what is being written.
    pub(super) fn write_deadline(&self) -> Option<Instant> {
        self.write_deadline.get()
    }

    /// Returns whether the client has ended its side.
    pub(super) fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// Returns the halves, unless a write is in flight.
    pub(super) fn into_halves(self) -> Option<(Reader, Writer)> {
        Some((self.reader, self.writer?))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.taken >= self.input.len() && !self.is_ended {
            if self.reads == 0 {
                // A client that is faster than we are must not keep the core from others.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let count = ready!(self.reader.poll_read(&mut self.input, self.room, cx))?;
            self.reads -= 1;
            self.taken = 0;
            self.load.received(count);
            match count {
                0 => self.is_ended = true,
                _ if count >= self.room => self.room = MAX_ROOM.min(self.room * 4),
                _ if count < self.room / 8 => self.room = MIN_ROOM.max(self.room / 4),
                _ => {}
            }
        }
        let rest = self.input.get(self.taken..).unwrap_or_default();
        let count = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..count]);
        self.taken += count;
        Poll::Ready(Ok(()))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, content: &[u8]) -> Poll<io::Result<usize>> {
        if self.output.len() >= MAX_OUTPUT {
            ready!(self.poll_written(cx))?;
            self.begin_write();
        }
        let content = &content[..content.len().min(MAX_OUTPUT)];
        if self.writer.is_none() {
            // To encrypt needs the writer.
            ready!(self.poll_written(cx))?;
        }
        match &self.writer {
            Some(writer) => Poll::Ready(Ok(writer.prepare(content, &mut self.output))),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_written(cx))?;
            if self.output.is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.begin_write();
        }
    }

    /// Completes the write that is in flight, if there is one.
    fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(writing) = &mut self.writing else {
            return Poll::Ready(Ok(()));
        };
        let (writer, written) = ready!(writing.as_mut().poll(cx));
        self.writing = None;
        self.write_deadline.set(None);
        self.writer = Some(writer);
        match written {
            Ok(mut buffer) if buffer.capacity() <= 2 * MAX_OUTPUT => {
                buffer.clear();
                self.spare = buffer;
            }
            Ok(_) => {}
            Err(Disconnected) => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
        Poll::Ready(Ok(()))
    }

    /// Begins to write what there is. No write is in flight.
    fn begin_write(&mut self) {
        let Some(mut writer) = self.writer.take() else {
            return;
        };
        let bytes = std::mem::replace(&mut self.output, std::mem::take(&mut self.spare));
        let (deadline, shard) = (self.write_deadline.clone(), self.shard.clone());
        let timeout = self.write_timeout;
        self.writing = Some(Box::pin(async move {
            let begin = || deadline.set(shard.now().checked_add(timeout));
            let written = writer.write_prepared(bytes, begin).await;
            (writer, written)
        }));
    }
}

/// What `h2` has of an [`Io`].
pub(super) struct Handle(pub(super) Rc<RefCell<Io>>);

impl AsyncRead for Handle {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.borrow_mut().poll_read(cx, buf)
    }
}

impl AsyncWrite for Handle {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        content: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.borrow_mut().poll_write(cx, content)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.borrow_mut().poll_flush(cx)
    }

    /// The connection's owner ends it.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.borrow_mut().poll_flush(cx)
    }
}

/// Bytes that are read at once: of a connection that waits, and of one that sends much.
const MIN_ROOM: usize = 4 * 1024;
const MAX_ROOM: usize = 64 * 1024;
/// Reads before others have their turn.
const READS: usize = 16;
/// Bytes that are gathered before they are written.
const MAX_OUTPUT: usize = 64 * 1024;
