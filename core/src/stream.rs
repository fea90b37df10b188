//! Byte streams between processes: the two ends, each on the shard of its process. Pure.
//!
//! Flow control is by credit: the writer may have [`STREAM_WINDOW`] unread bytes outstanding, and gets
//! credit back for what the reader reads.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use thiserror::Error;

use crate::pid::{Pid, ShardId};

/// Bytes that a writer may have sent and its reader not yet read.
pub const STREAM_WINDOW: usize = 64 * 1024;

/// The reason why a stream can't be read or written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StreamError {
    /// The reader has ended, or stopped reading.
    #[error("nobody reads the stream")]
    ReaderGone,
    /// The writer failed, after the chunks that were read.
    #[error("the stream failed: {0}")]
    Failed(Arc<str>),
    /// The process does not have this end of the stream, or has closed it.
    #[error("no such stream")]
    NotOwner,
}

/// The end that writes.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) pid: Pid,
    pub(crate) reader: ShardId,
    in_flight: usize,
    reader_gone: bool,
}

impl Writer {
    pub(crate) fn new(pid: Pid, reader: ShardId) -> Self {
        Self {
            pid,
            reader,
            in_flight: 0,
            reader_gone: false,
        }
    }

    /// Counts a chunk of this size as sent. Returns false if the window is full.
    pub(crate) fn send(&mut self, size: usize) -> Result<bool, StreamError> {
        if self.reader_gone {
            return Err(StreamError::ReaderGone);
        }
        // A chunk larger than the window is sent alone. An empty chunk weighs something, too.
        let size = weight(size);
        let fits = self.in_flight == 0 || self.in_flight + size <= STREAM_WINDOW;
        if fits {
            self.in_flight += size;
        }
        Ok(fits)
    }

    pub(crate) fn credit(&mut self, bytes: usize) {
        self.in_flight = self.in_flight.saturating_sub(bytes);
    }

    pub(crate) fn lose_reader(&mut self) {
        self.reader_gone = true;
    }
}

/// The end that reads.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) pid: Pid,
    pub(crate) writer: ShardId,
    chunks: VecDeque<Bytes>,
    /// The weight of the unread chunks.
    waiting: usize,
    end: Option<Result<(), Arc<str>>>,
    /// Bytes that were read and for which no credit was given yet.
    owed: usize,
}

/// The result of a read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// A chunk, and the credit to send to the writer, if any is due.
    Chunk(Bytes, Option<usize>),
    End(Result<(), Arc<str>>),
    Nothing,
}

impl Reader {
    pub(crate) fn new(pid: Pid, writer: ShardId) -> Self {
        Self {
            pid,
            writer,
            chunks: VecDeque::new(),
            waiting: 0,
            end: None,
            owed: 0,
        }
    }

    pub(crate) fn receive(&mut self, chunk: Bytes) {
        self.waiting += weight(chunk.len());
        self.chunks.push_back(chunk);
    }

    /// Returns the weight of the unread chunks.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Returns whether the stream has ended, so that further chunks are ignored.
    pub(crate) fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    pub(crate) fn finish(&mut self, end: Result<(), Arc<str>>) {
        self.end.get_or_insert(end);
    }

    pub(crate) fn read(&mut self) -> Read {
        let Some(chunk) = self.chunks.pop_front() else {
            return self.end.clone().map_or(Read::Nothing, Read::End);
        };
        let weight = weight(chunk.len());
        self.waiting -= weight;
        self.owed += weight;
        // Credit is sent in batches, and at the latest when the writer may be waiting for it.
        let due = self.owed >= STREAM_WINDOW / 4 || self.chunks.is_empty();
        let credit = due.then(|| std::mem::take(&mut self.owed));
        Read::Chunk(chunk, credit)
    }
}

/// Returns what a chunk of this size counts for.
pub(crate) fn weight(size: usize) -> usize {
    size.max(MIN_WEIGHT)
}

/// The least weight of a chunk, which bounds the number of tiny chunks that the host keeps.
const MIN_WEIGHT: usize = 64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_between_the_ends_is_bounded_and_comes_out_in_order(
            ops in prop::collection::vec((any::<bool>(), 0usize..STREAM_WINDOW * 2), 1..200)
        ) {
            let mut writer = Writer::new(Pid::from_raw(1), ShardId::new(0));
            let mut reader = Reader::new(Pid::from_raw(2), ShardId::new(0));
            let (mut sent, mut read, mut between) = (0usize, 0usize, 0usize);
            let mut sizes = VecDeque::new();
            for (write, size) in ops {
                if write {
                    if writer.send(size).unwrap() {
                        reader.receive(Bytes::from(vec![sent as u8; size]));
                        sizes.push_back((sent as u8, size));
                        between += size;
                        sent += 1;
                    } else {
                        prop_assert!(!sizes.is_empty(), "there is room when nothing is between");
                    }
                    prop_assert!(sizes.len() == 1 || between <= STREAM_WINDOW);
                } else {
                    match reader.read() {
                        Read::Chunk(chunk, credit) => {
                            let (mark, size) = sizes.pop_front().unwrap();
                            prop_assert_eq!(chunk.len(), size);
                            prop_assert!(chunk.iter().all(|byte| *byte == mark));
                            between -= size;
                            read += 1;
                            writer.credit(credit.unwrap_or(0));
                        }
                        other => {
                            prop_assert_eq!(other, Read::Nothing);
                            prop_assert_eq!(sent, read);
                        }
                    }
                }
            }
            reader.finish(Ok(()));
            while let Read::Chunk(_, credit) = reader.read() {
                writer.credit(credit.unwrap_or(0));
            }
            prop_assert_eq!(reader.read(), Read::End(Ok(())));
            prop_assert_eq!(writer.in_flight, 0);
        }
    }

    #[test]
    fn a_writer_without_a_reader_is_told() {
        let mut writer = Writer::new(Pid::from_raw(1), ShardId::new(0));
        writer.lose_reader();
        assert_eq!(writer.send(1), Err(StreamError::ReaderGone));
    }
}
