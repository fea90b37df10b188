//! The task that drains a shard's inbox.

use std::future::{Future, poll_fn};
use std::task::Poll;

use super::Shard;
use crate::bus::Inbox;
use crate::fairness;
use crate::pid::ShardId;

impl Shard {
    /// Handles the signals from other shards, and flushes the outboxes; never completes. The host runs it
    /// once.
    pub fn serve_bus(&self) -> impl Future<Output = ()> + 'static {
        let shard = self.clone();
        async move {
            while let Some(inbox) = shard.core.node.inbox(shard.core.id) {
                poll_fn(|cx| {
                    inbox.listen(cx.waker());
                    if inbox.is_empty() && !shard.flush() {
                        return Poll::Pending;
                    }
                    Poll::Ready(())
                })
                .await;
                if !shard.drain_inbox(inbox) {
                    // Other tasks have waited for a whole batch.
                    fairness::yield_to_io().await;
                }
            }
        }
    }

    /// Handles the signals in the inbox, up to a batch. Returns false if there may be more.
    fn drain_inbox(&self, inbox: &Inbox) -> bool {
        let mut handled = 0;
        while handled < BATCH {
            let Some(signal) = inbox.pop() else { break };
            handled += 1;
            self.dispatch(self.core.id, signal);
        }
        if handled > 0 {
            for sender in inbox.take_blocked_senders() {
                let sender = ShardId::new(sender as u16);
                if let Some(inbox) = self.core.node.inbox(sender) {
                    inbox.wake();
                }
            }
        }
        handled < BATCH
    }

    /// Sends the signals that wait in outboxes. Returns true if one was emptied.
    fn flush(&self) -> bool {
        let mut flushed = false;
        for (index, outbox) in self.core.outboxes.iter().enumerate() {
            let shard = ShardId::new(index as u16);
            if outbox.is_full()
                && let Some(inbox) = self.core.node.inbox(shard)
            {
                outbox.flush(inbox, self.core.id);
                flushed |= !outbox.is_full();
            }
        }
        flushed
    }
}

/// Signals that are handled before other tasks run.
const BATCH: usize = 256;
