//! Byte streams between processes: the two ends, each on the shard of its process. Pure.
//!
//! The writer has a window: so many bytes may be on their way or wait at the reader. What the
//! reader takes is given back as credit.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use thiserror::Error;

use crate::pid::{Pid, ShardId};

/// Bytes that may be between a writer and what its reader has taken.
pub const STREAM_WINDOW: usize = 64 * 1024;

/// Why a stream can't be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StreamError {
    /// The reader is gone, or reads no more.
    #[error("nobody reads the stream")]
    ReaderGone,
    /// The writer failed, after all that was read.
    #[error("the stream failed: {0}")]
    Failed(Arc<str>),
    /// The process has no such stream, or the other end of it, or has closed it.
    #[error("no such stream")]
    NotYours,
}

/// The end that writes.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) owner: Pid,
    pub(crate) reader: ShardId,
    in_flight: usize,
    reader_gone: bool,
}

impl Writer {
    pub(crate) fn new(owner: Pid, reader: ShardId) -> Self {
        Self {
            owner,
            reader,
            in_flight: 0,
            reader_gone: false,
        }
    }

    /// Count a chunk of this size as sent. False: not now.
    pub(crate) fn send(&mut self, size: usize) -> Result<bool, StreamError> {
        if self.reader_gone {
            return Err(StreamError::ReaderGone);
        }
        // Something larger than the window goes alone. An empty chunk weighs something, too.
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
    pub(crate) owner: Pid,
    pub(crate) writer: ShardId,
    chunks: VecDeque<Bytes>,
    /// What the chunks weigh.
    waiting: usize,
    end: Option<Result<(), Arc<str>>>,
    /// Bytes that were taken and not given back yet.
    owed: usize,
}

/// What a reader finds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// A chunk, and the credit to give for what was taken.
    Chunk(Bytes, Option<usize>),
    End(Result<(), Arc<str>>),
    Nothing,
}

impl Reader {
    pub(crate) fn new(owner: Pid, writer: ShardId) -> Self {
        Self {
            owner,
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

    /// What all chunks weigh that were not read.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// There will be no more chunks, or they are not wanted.
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
        // Given back in pieces large enough to be worth their way, and at the latest when the
        // writer may be waiting for it.
        let due = self.owed >= STREAM_WINDOW / 4 || self.chunks.is_empty();
        let credit = due.then(|| std::mem::take(&mut self.owed));
        Read::Chunk(chunk, credit)
    }
}

/// What a chunk of this size counts for.
pub(crate) fn weight(size: usize) -> usize {
    size.max(MIN_WEIGHT)
}

/// Else a writer of tiny chunks would have the host keep any number of them.
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
