//! Frame queues: the messages of a WebSocket between the process that owns the socket and the process
//! that serves it, both of one shard. Pure.
//!
//! A queue is bounded like a byte stream ([`stream`](crate::stream)), but frames are moved through it
//! as they are, and a single structure holds both ends, so it needs no credit.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::pid::Pid;
use crate::stream::{STREAM_WINDOW, StreamError, weight};

/// A message of a WebSocket, or its close.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// The close: a code and a reason (RFC 6455, section 7.4).
    Close {
        /// The code; 1006 if the client left without a close.
        code: u16,
        /// A text for people; empty if none was given.
        reason: String,
    },
}

impl Frame {
    /// The bytes that it counts for in a queue.
    fn weight(&self) -> usize {
        weight(match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
            Self::Close { reason, .. } => reason.len(),
        })
    }
}

/// A queue of frames from one process to another.
#[derive(Debug)]
pub(crate) struct FrameQueue {
    pub(crate) writer: Pid,
    pub(crate) reader: Pid,
    frames: VecDeque<Frame>,
    /// The weight of the unread frames.
    waiting: usize,
    /// The outcome of the writer, once it has closed its end.
    end: Option<Result<(), Arc<str>>>,
    reader_gone: bool,
    /// Set while the writer waits for room.
    writer_waits: bool,
    /// Set while the reader waits for a frame, or the end.
    reader_waits: bool,
}

/// The result of a read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FrameRead {
    /// A frame, and the writer if it has to be woken.
    Frame(Frame, Option<Pid>),
    End(Result<(), Arc<str>>),
    Nothing,
}

impl FrameQueue {
    pub(crate) fn new(writer: Pid, reader: Pid) -> Self {
        Self {
            writer,
            reader,
            frames: VecDeque::new(),
            waiting: 0,
            end: None,
            reader_gone: false,
            writer_waits: false,
            reader_waits: false,
        }
    }

    /// Takes the frame if there is room for it; a frame larger than the window fits into an empty queue.
    /// Returns the reader if it has to be woken.
    pub(crate) fn send(&mut self, frame: &mut Option<Frame>) -> Result<Sent, StreamError> {
        if self.end.is_some() {
            return Err(StreamError::NotOwner);
        }
        if self.reader_gone {
            return Err(StreamError::ReaderGone);
        }
        let size = frame.as_ref().map_or(0, Frame::weight);
        if self.waiting > 0 && self.waiting.saturating_add(size) > STREAM_WINDOW {
            self.writer_waits = true;
            return Ok(Sent::Full);
        }
        if let Some(frame) = frame.take() {
            self.waiting += size;
            self.frames.push_back(frame);
        }
        Ok(Sent::Taken(self.take_waiting_reader()))
    }

    pub(crate) fn read(&mut self) -> FrameRead {
        let Some(frame) = self.frames.pop_front() else {
            self.reader_waits = self.end.is_none();
            return self.end.clone().map_or(FrameRead::Nothing, FrameRead::End);
        };
        self.waiting -= frame.weight();
        // A writer is woken when it can send several frames, so that the two do not alternate with
        // each frame.
        let writer = (self.waiting <= STREAM_WINDOW / 2 && std::mem::take(&mut self.writer_waits))
            .then_some(self.writer);
        FrameRead::Frame(frame, writer)
    }

    /// Closes the writing end. Returns the reader if it has to be woken.
    pub(crate) fn finish(&mut self, end: Result<(), Arc<str>>) -> Option<Pid> {
        self.end.get_or_insert(end);
        self.take_waiting_reader()
    }

    /// Closes the reading end, and drops the unread frames. Returns the writer if it has to be woken.
    pub(crate) fn lose_reader(&mut self) -> Option<Pid> {
        self.reader_gone = true;
        self.frames = VecDeque::new();
        self.waiting = 0;
        std::mem::take(&mut self.writer_waits).then_some(self.writer)
    }

    /// Returns whether the writing end is open.
    pub(crate) fn has_writer(&self) -> bool {
        self.end.is_none()
    }

    /// Returns whether the reading end is open.
    pub(crate) fn has_reader(&self) -> bool {
        !self.reader_gone
    }

    fn take_waiting_reader(&mut self) -> Option<Pid> {
        std::mem::take(&mut self.reader_waits).then_some(self.reader)
    }
}

/// The result of a write.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The frame is in the queue; the reader has to be woken if it is given.
    Taken(Option<Pid>),
    /// The queue is full. The writer is woken when there is room.
    Full,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Op {
        Send(usize),
        Read,
        Close,
        LoseReader,
    }

    fn any_op() -> impl Strategy<Value = Op> {
        let size = prop_oneof![0..200_usize, 0..STREAM_WINDOW * 2];
        prop_oneof![
            40 => size.prop_map(Op::Send),
            40 => Just(Op::Read),
            1 => Just(Op::Close),
            1 => Just(Op::LoseReader),
        ]
    }

    fn queue() -> FrameQueue {
        FrameQueue::new(Pid::from_raw(1), Pid::from_raw(2))
    }

    fn binary(size: usize) -> Frame {
        Frame::Binary(vec![0; size])
    }

    proptest! {
        /// The model is the list of sizes that were sent and not read.
        #[test]
        fn frames_come_out_in_order_and_bounded_and_waiting_ends_are_woken(
            ops in prop::collection::vec(any_op(), 1..300)
        ) {
            let mut queue = queue();
            let mut unread = VecDeque::new();
            let (mut sent, mut closed, mut reader_gone) = (0_usize, false, false);
            let (mut writer_waits, mut reader_waits) = (false, false);
            for op in ops {
                match op {
                    Op::Send(size) => {
                        let weight: usize = unread.iter().map(|(_, size)| weight(*size)).sum();
                        let text = format!("{sent:08}") + &"x".repeat(size.saturating_sub(8));
                        let mut slot = Some(Frame::Text(text));
                        let result = queue.send(&mut slot);
                        if closed {
                            prop_assert_eq!(result, Err(StreamError::NotOwner));
                        } else if reader_gone {
                            prop_assert_eq!(result, Err(StreamError::ReaderGone));
                        } else if unread.is_empty() || weight + size.max(64) <= STREAM_WINDOW {
                            let woken = std::mem::take(&mut reader_waits).then_some(queue.reader);
                            prop_assert_eq!(result, Ok(Sent::Taken(woken)));
                            prop_assert_eq!(slot, None);
                            unread.push_back((sent, size.max(8)));
                            sent += 1;
                        } else {
                            prop_assert_eq!(result, Ok(Sent::Full));
                            prop_assert!(slot.is_some(), "a refused frame is not lost");
                            writer_waits = true;
                        }
                    }
                    Op::Read if reader_gone => {}
                    Op::Read => match queue.read() {
                        FrameRead::Frame(Frame::Text(text), woken) => {
                            let (number, size) = unread.pop_front().unwrap();
                            prop_assert_eq!(text.len(), size);
                            prop_assert_eq!(text[..8].parse::<usize>().unwrap(), number);
                            if woken.is_some() {
                                prop_assert_eq!(woken, Some(queue.writer));
                                prop_assert!(std::mem::take(&mut writer_waits));
                            }
                        }
                        FrameRead::End(end) => {
                            prop_assert!(closed && unread.is_empty());
                            prop_assert_eq!(end, Ok(()));
                        }
                        other => {
                            prop_assert_eq!(other, FrameRead::Nothing);
                            prop_assert!(!closed && unread.is_empty());
                            reader_waits = true;
                        }
                    },
                    Op::Close => {
                        let woken = std::mem::take(&mut reader_waits).then_some(queue.reader);
                        prop_assert_eq!(queue.finish(Ok(())), woken);
                        closed = true;
                    }
                    Op::LoseReader => {
                        let woken = std::mem::take(&mut writer_waits).then_some(queue.writer);
                        prop_assert_eq!(queue.lose_reader(), woken);
                        unread.clear();
                        reader_gone = true;
                    }
                }
                prop_assert_eq!((queue.has_writer(), queue.has_reader()), (!closed, !reader_gone));
                prop_assert!(!(writer_waits && unread.is_empty()), "nobody would wake it");
                prop_assert!(unread.len() == 1 || queue.waiting <= STREAM_WINDOW);
            }
        }
    }

    #[test]
    fn a_failure_comes_after_the_frames_and_the_first_end_counts() {
        let mut queue = queue();
        assert_eq!(queue.read(), FrameRead::Nothing);
        let woken = queue.send(&mut Some(binary(1)));
        assert_eq!(woken, Ok(Sent::Taken(Some(Pid::from_raw(2)))));
        assert_eq!(queue.finish(Err("broken".into())), None);
        queue.finish(Ok(()));
        assert_eq!(queue.read(), FrameRead::Frame(binary(1), None));
        assert_eq!(queue.read(), FrameRead::End(Err("broken".into())));
    }

    #[test]
    fn a_waiting_writer_is_woken_when_half_of_the_window_is_free() {
        let mut queue = queue();
        for _ in 0..4 {
            let sent = queue.send(&mut Some(binary(STREAM_WINDOW / 4)));
            assert_eq!(sent, Ok(Sent::Taken(None)));
        }
        assert_eq!(queue.send(&mut Some(binary(1))), Ok(Sent::Full));
        let woken = [(); 4].map(|()| match queue.read() {
            FrameRead::Frame(_, woken) => woken.is_some(),
            other => panic!("{other:?}"),
        });
        assert_eq!(woken, [false, true, false, false]);
    }
}
