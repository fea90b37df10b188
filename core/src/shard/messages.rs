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
use crate::message::{Mail, SendError};
use crate::pid::{Pid, ShardId};
use crate::process::PendingReply;

impl Shard {
    /// Send a message, now or not at all. From one process to another they arrive in order.
    ///
    /// # Errors
    /// See [`SendError`]. A process of another shard may be gone, or refuse, without a word.
    pub fn try_send(&self, to: Pid, message: Bytes) -> Result<(), SendError> {
        self.try_deliver(to, message).map_err(|(error, _)| {
            self.count_refused(to, error);
            error
        })
    }

    /// Send a message. If the way to another shard is full, this waits for room. If a mailbox of
    /// this shard is full, the others run once, and then the message is sent or dropped.
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

    /// Waits until the way to a shard has room; there always is on this one.
    pub fn bus_has_room(&self, to: ShardId) -> impl Future<Output = ()> + Send + 'static {
        bus_capacity(to)
    }

    /// The first mail of `me` that is `wanted`, which stays where it is until then; so does all
    /// other mail. `None` at the deadline, or if the process is gone. `wanted` is asked amid the
    /// mailbox: it must not come back to the shard.
    pub fn receive_where(
        &self,
        me: Pid,
        deadline: Option<Instant>,
        mut wanted: impl FnMut(&Mail) -> bool + Send + 'static,
    ) -> impl Future<Output = Option<Mail>> + Send + 'static {
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
                if let Mail::Call(call) = &delivery {
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

    /// The next mail of `me`. `None` at the deadline, or if the process is gone.
    pub fn receive(
        &self,
        me: Pid,
        deadline: Option<Instant>,
    ) -> impl Future<Output = Option<Mail>> + Send + 'static {
        self.receive_where(me, deadline, |_| true)
    }

    /// Set mail aside that `me` received.
    pub fn stash(&self, me: Pid, delivery: Mail) {
        let mut table = self.core.table.borrow_mut();
        let Some(process) = table.get_mut(me) else {
            return;
        };
        let state = process.state();
        if let Mail::Call(call) = &delivery {
            let own = call.pending_reply();
            state.pending_replies.retain(|pending| *pending != own);
        }
        state.mailbox.stash(delivery);
    }

    /// Put what `me` has set aside back to the front of its mail, in order.
    pub fn unstash(&self, me: Pid) {
        if let Some(process) = self.core.table.borrow_mut().get_mut(me) {
            process.state().mailbox.unstash();
        }
    }

    /// Take mail out of the mailbox of `me` that nobody needs to see.
    pub(crate) fn discard(&self, me: Pid, mut unwanted: impl FnMut(&Mail) -> bool) {
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

    /// Send a message if that can be done now. Else it is given back: a copy kept for another try
    /// would cost each message an allocation.
    fn try_deliver(&self, to: Pid, message: Bytes) -> Result<(), (SendError, Bytes)> {
        if to.shard() == self.core.id {
            let put = self.deliver(to, Mail::Message(message));
            return put.map_err(|(error, delivery)| match delivery {
                Mail::Message(message) => (error, message),
                _ => (error, Bytes::new()),
            });
        }
        let sent = self.try_send_signal(to.shard(), Signal::Message(to, message));
        sent.map_err(|(error, signal)| match signal {
            Signal::Message(_, message) => (error, message),
            _ => (error, Bytes::new()),
        })
    }

    /// Mail for this process is lost, if that is why it was refused.
    pub(super) fn count_refused(&self, to: Pid, error: SendError) {
        if matches!(error, SendError::MailboxFull | SendError::TooLarge(_)) {
            self.count_dropped(to);
        }
    }

    /// Put mail into a mailbox of this shard; if that fails it is given back.
    pub(super) fn deliver(&self, to: Pid, delivery: Mail) -> Result<(), (SendError, Mail)> {
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

    /// Hand a message of a process to another shard; if that fails it is given back.
    #[expect(
        clippy::result_large_err,
        reason = "a signal that found no room goes back to its sender"
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
        // Whether anybody got it nobody learns any more.
        if let Err((error, _)) = self.deliver(to, Mail::Message(bytes)) {
            self.count_refused(to, error);
        }
    }
}

impl crate::message::Call {
    pub(crate) fn pending_reply(&self) -> PendingReply {
        PendingReply {
            call: self.id,
            reply_wanted: self.from.is_some() && self.stream.is_none(),
            stream: self.stream,
        }
    }
}

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
