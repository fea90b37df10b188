//! Byte streams between processes.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;

use super::Shard;
use crate::bus::Signal;
use crate::exit::ExitReason;
use crate::id::StreamId;
use crate::message::Delivery;
use crate::pid::{Pid, ShardId};
use crate::process::take_first;
use crate::quota::{MAX_STREAM_BYTES, MAX_STREAMS};
use crate::stream::{Read, Reader, StreamError, Writer, weight};

impl Shard {
    /// Opens a stream that `me` writes and `to` reads, which receives a [`Delivery::Stream`]. Returns `None` if
    /// `to` is known to have ended, or `me` has too many streams.
    pub fn open_stream(&self, me: Pid, to: Pid) -> Option<StreamId> {
        if to.shard() == self.core.id && !self.is_alive_here(to) {
            return None;
        }
        self.core.node.inbox(to.shard())?;
        let stream = StreamId::from_raw(self.next_id());
        if !self.add_writer(stream, me, to.shard()) {
            return None;
        }
        let open = Signal::StreamOpen {
            stream,
            writer: me,
            reader: to,
        };
        self.dispatch(to.shard(), open);
        Some(stream)
    }

    /// Writes a chunk, once it fits into the window.
    ///
    /// # Errors
    /// When the reader has ended or stopped reading, or `me` is not the writer.
    pub fn write(
        &self,
        me: Pid,
        stream: StreamId,
        chunk: Bytes,
    ) -> impl Future<Output = Result<(), StreamError>> + Send + 'static {
        let mut chunk = Some(chunk);
        poll_fn(move |cx| {
            let Some(shard) = Self::current() else {
                return Poll::Ready(Err(StreamError::NotOwner));
            };
            let size = chunk.as_ref().map_or(0, Bytes::len);
            let reader = {
                let mut writers = shard.core.writers.borrow_mut();
                let writer = writers.get_mut(&stream).filter(|writer| writer.pid == me);
                let Some(writer) = writer else {
                    return Poll::Ready(Err(StreamError::NotOwner));
                };
                match writer.send(size) {
                    Err(error) => return Poll::Ready(Err(error)),
                    Ok(true) => Some(writer.reader),
                    Ok(false) => None,
                }
            };
            let Some(reader) = reader else {
                if let Some(process) = shard.core.table.borrow_mut().get_mut(me) {
                    process.wait(cx.waker());
                }
                return Poll::Pending;
            };
            if let Some(chunk) = chunk.take() {
                shard.dispatch(reader, Signal::Chunk(stream, chunk));
            }
            Poll::Ready(Ok(()))
        })
    }

    /// Closes the stream that `me` writes, with success or a failure, which the reader receives after all
    /// chunks. Returns false if `me` is not the writer.
    pub fn close(&self, me: Pid, stream: StreamId, outcome: Result<(), Arc<str>>) -> bool {
        let writers = self.core.writers.borrow();
        let own = writers.get(&stream).is_some_and(|writer| writer.pid == me);
        drop(writers);
        if own {
            self.finish_writing(stream, outcome);
        }
        own
    }

    /// Reads the next chunk; completes with `None` at the end of the stream.
    ///
    /// # Errors
    /// When the writer failed, after all chunks that it had written; or `me` is not the reader.
    pub fn read(
        &self,
        me: Pid,
        stream: StreamId,
    ) -> impl Future<Output = Result<Option<Bytes>, StreamError>> + Send + 'static {
        poll_fn(move |cx| {
            let Some(shard) = Self::current() else {
                return Poll::Ready(Err(StreamError::NotOwner));
            };
            let (read, writer) = {
                let mut readers = shard.core.readers.borrow_mut();
                let reader = readers.get_mut(&stream).filter(|reader| reader.pid == me);
                let Some(reader) = reader else {
                    return Poll::Ready(Err(StreamError::NotOwner));
                };
                (reader.read(), reader.writer)
            };
            match read {
                Read::Chunk(chunk, credit) => {
                    shard.release_stream_bytes(me, weight(chunk.len()));
                    if let Some(credit) = credit {
                        shard.dispatch(writer, Signal::Credit(stream, credit));
                    }
                    Poll::Ready(Ok(Some(chunk)))
                }
                Read::End(end) => {
                    shard.core.readers.borrow_mut().remove(&stream);
                    shard.forget_stream(me, stream);
                    Poll::Ready(end.map(|()| None).map_err(StreamError::Failed))
                }
                Read::Nothing => {
                    if let Some(process) = shard.core.table.borrow_mut().get_mut(me) {
                        process.wait(cx.waker());
                    }
                    Poll::Pending
                }
            }
        })
    }

    /// Closes the reading end: the writer's next write fails.
    pub fn stop_reading(&self, me: Pid, stream: StreamId) {
        let mut readers = self.core.readers.borrow_mut();
        if readers.get(&stream).is_none_or(|reader| reader.pid != me) {
            return;
        }
        let reader = readers.remove(&stream);
        drop(readers);
        self.forget_stream(me, stream);
        if let Some(reader) = reader {
            self.release_stream_bytes(me, reader.waiting());
            self.dispatch(reader.writer, Signal::ReaderGone(stream));
        }
    }

    /// Gives a process of this shard the writing end. Returns false if the process has ended, or has too
    /// many streams.
    pub(super) fn add_writer(&self, stream: StreamId, pid: Pid, reader: ShardId) -> bool {
        if !self.add_stream(pid, stream) {
            self.dispatch(
                reader,
                Signal::StreamEnd(stream, Err("it was refused".into())),
            );
            return false;
        }
        let writer = Writer::new(pid, reader);
        self.core.writers.borrow_mut().insert(stream, writer);
        true
    }

    pub(super) fn add_stream(&self, pid: Pid, stream: StreamId) -> bool {
        let mut table = self.core.table.borrow_mut();
        let Some(process) = table.get_mut(pid) else {
            return false;
        };
        let streams = &mut process.state().streams;
        if streams.len() >= MAX_STREAMS {
            return false;
        }
        streams.push(stream);
        true
    }

    pub(super) fn finish_writing(&self, stream: StreamId, end: Result<(), Arc<str>>) {
        let writer = self.core.writers.borrow_mut().remove(&stream);
        if let Some(writer) = writer {
            self.forget_stream(writer.pid, stream);
            self.dispatch(writer.reader, Signal::StreamEnd(stream, end));
        }
    }

    /// Closes the ends of a stream that an ended process had.
    pub(super) fn drop_stream(&self, pid: Pid, stream: StreamId, reason: &ExitReason) {
        let end = match reason {
            ExitReason::Normal => Ok(()),
            reason => Err(reason.to_string().into()),
        };
        self.close(pid, stream, end);
        self.stop_reading(pid, stream);
    }

    pub(super) fn handle_stream_open(&self, stream: StreamId, writer: Pid, reader: Pid) {
        let delivery = Delivery::Stream {
            stream,
            from: writer,
        };
        if !self.add_stream(reader, stream) {
            self.dispatch(writer.shard(), Signal::ReaderGone(stream));
            return;
        }
        let end = Reader::new(reader, writer.shard());
        self.core.readers.borrow_mut().insert(stream, end);
        if self.deliver(reader, delivery).is_err() {
            self.stop_reading(reader, stream);
        }
    }

    pub(super) fn handle_chunk(&self, stream: StreamId, chunk: Bytes) {
        let mut readers = self.core.readers.borrow_mut();
        let Some(reader) = readers.get_mut(&stream) else {
            return;
        };
        // The chunk was on its way when the stream failed.
        if reader.has_ended() {
            return;
        }
        let (pid, writer) = (reader.pid, reader.writer);
        let fits = self.reserve_stream_bytes(pid, weight(chunk.len()));
        if fits {
            reader.receive(chunk);
        } else {
            reader.finish(Err("the reader has too much waiting".into()));
        }
        drop(readers);
        if !fits {
            self.dispatch(writer, Signal::ReaderGone(stream));
        }
        self.wake(pid);
    }

    fn reserve_stream_bytes(&self, pid: Pid, bytes: usize) -> bool {
        let mut table = self.core.table.borrow_mut();
        let Some(process) = table.get_mut(pid) else {
            return false;
        };
        let waiting = &mut process.state().stream_bytes;
        let fits = waiting.saturating_add(bytes) <= MAX_STREAM_BYTES;
        if fits {
            *waiting += bytes;
        }
        fits
    }

    fn release_stream_bytes(&self, pid: Pid, bytes: usize) {
        if let Some(process) = self.core.table.borrow_mut().get_mut(pid) {
            process.state().stream_bytes -= bytes;
        }
    }

    pub(super) fn handle_stream_end(&self, stream: StreamId, end: Result<(), Arc<str>>) {
        self.at_reader(stream, |reader| reader.finish(end));
    }

    pub(super) fn handle_credit(&self, stream: StreamId, bytes: usize) {
        self.at_writer(stream, |writer| writer.credit(bytes));
    }

    pub(super) fn handle_reader_gone(&self, stream: StreamId) {
        self.at_writer(stream, Writer::lose_reader);
    }

    fn at_reader(&self, stream: StreamId, change: impl FnOnce(&mut Reader)) {
        let mut readers = self.core.readers.borrow_mut();
        let Some(reader) = readers.get_mut(&stream) else {
            return;
        };
        change(reader);
        let pid = reader.pid;
        drop(readers);
        self.wake(pid);
    }

    fn at_writer(&self, stream: StreamId, change: impl FnOnce(&mut Writer)) {
        let mut writers = self.core.writers.borrow_mut();
        let Some(writer) = writers.get_mut(&stream) else {
            return;
        };
        change(writer);
        let pid = writer.pid;
        drop(writers);
        self.wake(pid);
    }

    fn forget_stream(&self, pid: Pid, stream: StreamId) {
        let mut table = self.core.table.borrow_mut();
        let state = table
            .get_mut(pid)
            .and_then(|process| process.state.as_deref_mut());
        if let Some(state) = state {
            take_first(&mut state.streams, |own| *own == stream);
        }
    }
}
