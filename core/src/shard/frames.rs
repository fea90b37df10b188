//! Frame queues between two processes of this shard. Only host code opens them, so no quota counts
//! them: a process has as many as its connection needs.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::Shard;
use crate::exit::ExitReason;
use crate::frames::{Frame, FrameQueue, FrameRead, Sent};
use crate::id::FrameQueueId;
use crate::pid::Pid;
use crate::process::take_first;
use crate::stream::StreamError;

impl Shard {
    /// Opens a queue of frames that `writer` sends and `reader` receives. Returns `None` if either is not
    /// a live process of this shard.
    pub fn open_frames(&self, writer: Pid, reader: Pid) -> Option<FrameQueueId> {
        let mut table = self.core.table.borrow_mut();
        table.get(writer)?;
        table.get(reader)?;
        let queue = FrameQueueId::from_raw(self.next_id());
        for pid in [writer, reader] {
            table.get_mut(pid)?.state().frame_queues.push(queue);
        }
        let mut queues = self.core.frame_queues.borrow_mut();
        queues.insert(queue, FrameQueue::new(writer, reader));
        Some(queue)
    }

    /// Sends the frame, and leaves `None`, if there is room for it. Returns false if the queue is full:
    /// the process is woken when there is room.
    ///
    /// # Errors
    /// When the reader has ended, or `me` is not the writer.
    pub fn try_send_frame(
        &self,
        me: Pid,
        queue: FrameQueueId,
        frame: &mut Option<Frame>,
    ) -> Result<bool, StreamError> {
        let mut queues = self.core.frame_queues.borrow_mut();
        let queue = queues.get_mut(&queue).filter(|queue| queue.writer == me);
        let sent = queue.ok_or(StreamError::NotOwner)?.send(frame)?;
        drop(queues);
        if let Sent::Taken(Some(reader)) = sent {
            self.wake(reader);
        }
        Ok(sent != Sent::Full)
    }

    /// Sends the frame, and leaves `None`, once there is room for it.
    ///
    /// # Errors
    /// When the reader has ended, or `me` is not the writer.
    pub fn poll_send_frame(
        &self,
        me: Pid,
        queue: FrameQueueId,
        frame: &mut Option<Frame>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), StreamError>> {
        match self.try_send_frame(me, queue, frame) {
            Ok(true) => Poll::Ready(Ok(())),
            Ok(false) => {
                self.wait(me, cx.waker());
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// Sends the frame, once there is room for it.
    ///
    /// # Errors
    /// When the reader has ended, or `me` is not the writer.
    pub fn send_frame(
        &self,
        me: Pid,
        queue: FrameQueueId,
        frame: Frame,
    ) -> impl Future<Output = Result<(), StreamError>> + Send + 'static {
        let mut frame = Some(frame);
        poll_fn(move |cx| match Self::current() {
            Some(shard) => shard.poll_send_frame(me, queue, &mut frame, cx),
            None => Poll::Ready(Err(StreamError::NotOwner)),
        })
    }

    /// Receives the next frame; ready with `None` at the end of the queue.
    ///
    /// # Errors
    /// When the writer failed, after all frames that it had sent; or `me` is not the reader.
    pub fn poll_receive_frame(
        &self,
        me: Pid,
        id: FrameQueueId,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Frame>, StreamError>> {
        let mut queues = self.core.frame_queues.borrow_mut();
        let queue = queues.get_mut(&id).filter(|queue| queue.reader == me);
        let Some(queue) = queue else {
            return Poll::Ready(Err(StreamError::NotOwner));
        };
        let read = queue.read();
        drop(queues);
        match read {
            FrameRead::Frame(frame, blocked_writer) => {
                if let Some(writer) = blocked_writer {
                    self.wake(writer);
                }
                Poll::Ready(Ok(Some(frame)))
            }
            FrameRead::End(end) => {
                self.stop_receiving(me, id);
                Poll::Ready(end.map(|()| None).map_err(StreamError::Failed))
            }
            FrameRead::Nothing => {
                self.wait(me, cx.waker());
                Poll::Pending
            }
        }
    }

    /// Closes the queue that `me` writes, with success or a failure, which the reader receives after all
    /// frames. Returns false if `me` is not the writer, or has closed it before.
    pub fn close_frames(
        &self,
        me: Pid,
        queue: FrameQueueId,
        outcome: Result<(), Arc<str>>,
    ) -> bool {
        self.close_end(me, queue, |queue| {
            let own = queue.writer == me && queue.has_writer();
            own.then(|| queue.finish(outcome))
        })
    }

    /// Closes the ends of a queue that an ended process had.
    pub(super) fn drop_frames(&self, pid: Pid, queue: FrameQueueId, reason: &ExitReason) {
        let outcome = match reason {
            ExitReason::Normal => Ok(()),
            reason => Err(reason.to_string().into()),
        };
        self.close_frames(pid, queue, outcome);
        self.stop_receiving(pid, queue);
    }

    fn stop_receiving(&self, me: Pid, queue: FrameQueueId) {
        self.close_end(me, queue, |queue| {
            let own = queue.reader == me && queue.has_reader();
            own.then(|| queue.lose_reader())
        });
    }

    /// Closes an end of `me`, if `close` finds it open and returns the process to wake. A queue whose
    /// ends are both closed is removed.
    fn close_end(
        &self,
        me: Pid,
        id: FrameQueueId,
        close: impl FnOnce(&mut FrameQueue) -> Option<Option<Pid>>,
    ) -> bool {
        let mut queues = self.core.frame_queues.borrow_mut();
        let Some(queue) = queues.get_mut(&id) else {
            return false;
        };
        let Some(woken) = close(queue) else {
            return false;
        };
        if !queue.has_writer() && !queue.has_reader() {
            queues.remove(&id);
        }
        drop(queues);
        self.forget_frames(me, id);
        if let Some(woken) = woken {
            self.wake(woken);
        }
        true
    }

    fn forget_frames(&self, pid: Pid, queue: FrameQueueId) {
        let mut table = self.core.table.borrow_mut();
        let state = table
            .get_mut(pid)
            .and_then(|process| process.state.as_deref_mut());
        if let Some(state) = state {
            take_first(&mut state.frame_queues, |own| *own == queue);
        }
    }

    fn wait(&self, me: Pid, waker: &Waker) {
        if let Some(process) = self.core.table.borrow_mut().get_mut(me) {
            process.wait(waker);
        }
    }
}
