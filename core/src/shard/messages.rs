//! Messages and mailboxes.

use std::future::{Future, poll_fn};
use std::task::Poll;
use std::time::Instant;

use bytes::Bytes;

use super::Shard;
use super::timers::ReceiveTimeout;
use crate::bus::Signal;
use crate::fairness;
use crate::mailbox::Seen;
use crate::message::{Delivery, SendError};
use crate::pid::{Pid, ShardId};
use crate::process::PendingReply;

impl Shard {
    /// Sends a message without waiting. Messages from one process to another arrive in order.
    ///
    /// # Errors
    /// See [`SendError`]. A message to another shard is dropped without an error if the process has
    /// ended, or its mailbox is full.
    pub fn try_send(&self, to: Pid, message: Bytes) -> Result<(), SendError> {
        self.try_deliver(to, message).map_err(|(error, _)| {
            self.count_refused(to, error);
            error
        })
    }

    /// Sends a message. If the inbox of another shard is full, this waits for capacity. If a mailbox of
    /// this shard is full, the sender yields once and retries; then the message is dropped, and counted.
    pub fn send(
        &self,
        to: Pid,
        message: Bytes,
    ) -> impl Future<Output = Result<(), SendError>> + Send + 'static {
        let first = self.try_deliver(to, message);
        async move {
            let mut sent = first;
            let mut patience = 1;
            loop {
                let Err((error, message)) = sent else {
                    return Ok(());
                };
                match error {
                    SendError::BusFull => bus_capacity(to.shard()).await,
                    SendError::MailboxFull if patience > 0 => {
                        patience -= 1;
                        fairness::yield_to_io().await;
                    }
                    SendError::MailboxFull | SendError::TooLarge(_) | SendError::NoProcess => {
                        if let Some(shard) = Self::current() {
                            shard.count_refused(to, error);
                        }
                        return Err(error);
                    }
                }
                let shard = Self::current().ok_or(SendError::NoProcess)?;
                sent = shard.try_deliver(to, message);
            }
        }
    }

    /// Waits until the bus has capacity for a message to a shard; to this one it always has.
    pub fn bus_capacity(&self, to: ShardId) -> impl Future<Output = ()> + Send + 'static {
        bus_capacity(to)
    }

    /// Receives selectively: waits for the first delivery of `me` that is `wanted`. All others stay in the
    /// mailbox, in order. Completes with `None` at the deadline, or if the process has ended. `wanted` is
    /// called while the shard is borrowed: it must not call the shard.
    pub fn receive_where(
        &self,
        me: Pid,
        deadline: Option<Instant>,
        mut wanted: impl FnMut(&Delivery) -> bool + Send + 'static,
    ) -> impl Future<Output = Option<Delivery>> + Send + 'static {
        let mut seen = Seen::default();
        let mut timeout = ReceiveTimeout::new(me, deadline);
        poll_fn(move |cx| {
            let Some(shard) = Self::current() else {
                return Poll::Ready(None);
            };
            let mut table = shard.core.table.borrow_mut();
            let Some(process) = table.get_mut(me) else {
                return Poll::Ready(None);
            };
            if let Some(state) = process.state.as_deref_mut()
                && let Some(delivery) = state.mailbox.take(&mut seen, &mut wanted)
            {
                if let Delivery::Call(call) = &delivery {
                    state.pending_replies.push(call.pending_reply());
                }
                return Poll::Ready(Some(delivery));
            }
            process.wait(cx.waker());
            drop(table);
            if timeout.has_elapsed(&shard) {
                return Poll::Ready(None);
            }
            Poll::Pending
        })
    }

    /// Receives the next delivery of `me`. Completes with `None` at the deadline, or if the process has
    /// ended.
    pub fn receive(
        &self,
        me: Pid,
        deadline: Option<Instant>,
    ) -> impl Future<Output = Option<Delivery>> + Send + 'static {
        self.receive_where(me, deadline, |_| true)
    }

    /// Stashes a delivery that `me` received.
    pub fn stash(&self, me: Pid, delivery: Delivery) {
        let mut table = self.core.table.borrow_mut();
        let Some(process) = table.get_mut(me) else {
            return;
        };
        let state = process.state();
        if let Delivery::Call(call) = &delivery {
            let own = call.pending_reply();
            state.pending_replies.retain(|pending| *pending != own);
        }
        state.mailbox.stash(delivery);
    }

    /// Moves the stash of `me` back to the front of its mailbox, in order.
    pub fn unstash(&self, me: Pid) {
        if let Some(process) = self.core.table.borrow_mut().get_mut(me) {
            process.state().mailbox.unstash();
        }
    }

    /// Removes the deliveries from the mailbox of `me` that are `unwanted`.
    pub(crate) fn discard(&self, me: Pid, mut unwanted: impl FnMut(&Delivery) -> bool) {
        let mut table = self.core.table.borrow_mut();
        let state = table
            .get_mut(me)
            .and_then(|process| process.state.as_deref_mut());
        if let Some(state) = state {
            while state
                .mailbox
                .take(&mut Seen::default(), &mut unwanted)
                .is_some()
            {}
        }
    }

    /// Delivers a message, or sends it to its shard. Returns it on failure: a copy kept for a retry would
    /// cost each message an allocation.
    fn try_deliver(&self, to: Pid, message: Bytes) -> Result<(), (SendError, Bytes)> {
        if to.shard() == self.core.id {
            let put = self.deliver(to, Delivery::Message(message));
            return put.map_err(|(error, delivery)| match delivery {
                Delivery::Message(message) => (error, message),
                _ => (error, Bytes::new()),
            });
        }
        let sent = self.try_send_signal(to.shard(), Signal::Message(to, message));
        sent.map_err(|(error, signal)| match signal {
            Signal::Message(_, message) => (error, message),
            _ => (error, Bytes::new()),
        })
    }

    /// Counts a message as dropped if `error` is a full mailbox.
    pub(super) fn count_refused(&self, to: Pid, error: SendError) {
        if matches!(error, SendError::MailboxFull | SendError::TooLarge(_)) {
            self.count_dropped(to);
        }
    }

    /// Puts a delivery into a mailbox of this shard, and wakes the process. Returns it on failure.
    pub(super) fn deliver(&self, to: Pid, delivery: Delivery) -> Result<(), (SendError, Delivery)> {
        let mut table = self.core.table.borrow_mut();
        let Some(process) = table.get_mut(to) else {
            return Err((SendError::NoProcess, delivery));
        };
        let put = process.state().mailbox.push(delivery);
        let waker = process.waker.clone();
        drop(table);
        put?;
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    /// Sends a process's message to another shard. Returns it on failure.
    #[expect(
        clippy::result_large_err,
        reason = "a signal that does not fit goes back to its sender"
    )]
    pub(super) fn try_send_signal(
        &self,
        shard: ShardId,
        signal: Signal,
    ) -> Result<(), (SendError, Signal)> {
        let outbox = self.core.outboxes.get(usize::from(shard.index()));
        let (Some(inbox), Some(outbox)) = (self.core.node.inbox(shard), outbox) else {
            return Err((SendError::NoProcess, signal));
        };
        outbox
            .try_send(inbox, self.core.id, signal)
            .map_err(|signal| (SendError::BusFull, signal))
    }

    pub(super) fn deliver_message(&self, to: Pid, bytes: Bytes) {
        // The sender no longer waits for the result.
        if let Err((error, _)) = self.deliver(to, Delivery::Message(bytes)) {
            self.count_refused(to, error);
        }
    }
}

impl crate::message::Call {
    /// Returns the reply that the receiver of the call owes.
    pub(crate) fn pending_reply(&self) -> PendingReply {
        PendingReply {
            call: self.id,
            reply_wanted: self.from.is_some() && self.stream.is_none(),
            stream: self.stream,
        }
    }
}

/// Waits until the bus has capacity for a message to a shard.
pub(super) async fn bus_capacity(to: ShardId) {
    poll_fn(|cx| {
        let Some(shard) = Shard::current() else {
            return Poll::Ready(());
        };
        if to == shard.core.id {
            return Poll::Ready(());
        }
        let outbox = shard.core.outboxes.get(usize::from(to.index()));
        let (Some(inbox), Some(outbox)) = (shard.core.node.inbox(to), outbox) else {
            return Poll::Ready(());
        };
        if outbox.has_capacity(inbox, shard.core.id, cx.waker()) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}
