//! Messages and timers that were dropped since a limit was reached, counted for the operator's log.

use std::sync::Arc;

use super::Shard;
use crate::id::IdMap;
use crate::pid::Pid;

/// The losses of a shard since they were last taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Dropped messages, by receiver.
    pub messages: Vec<LostMessages>,
    /// Dropped timers: of setters that ended, for targets that had too many of those.
    pub timers: u64,
}

/// The messages of one receiver that were dropped, since its mailbox was full or too small for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostMessages {
    /// The receiver, which may have ended since.
    pub pid: Pid,
    /// The label that it was spawned with.
    pub component: Option<Arc<str>>,
    /// The number of messages.
    pub messages: u64,
}

#[derive(Debug, Default)]
pub(super) struct LossCount {
    messages: IdMap<Pid, LostMessages>,
    timers: u64,
    /// All that were ever lost.
    total_messages: u64,
    total_timers: u64,
}

impl LossCount {
    /// Returns the messages and the timers that were ever lost.
    pub(super) fn totals(&self) -> (u64, u64) {
        (self.total_messages, self.total_timers)
    }
}

impl Shard {
    /// Takes the losses since the last call.
    pub fn take_losses(&self) -> Losses {
        let mut losses = self.core.losses.borrow_mut();
        Losses {
            messages: losses.messages.drain().map(|(_, lost)| lost).collect(),
            timers: std::mem::take(&mut losses.timers),
        }
    }

    /// Counts a dropped message for this process.
    pub(super) fn count_dropped(&self, to: Pid) {
        let mut table = self.core.table.borrow_mut();
        let Some(process) = table.get_mut(to) else {
            return;
        };
        let state = process.state();
        state.dropped += 1;
        tracing::debug!(pid = %to, "message dropped: the mailbox is full, or too small for it");
        let mut losses = self.core.losses.borrow_mut();
        // Only live processes are counted, which bounds the map.
        let lost = losses.messages.entry(to).or_insert_with(|| LostMessages {
            pid: to,
            component: state.origin.clone(),
            messages: 0,
        });
        lost.messages += 1;
        losses.total_messages += 1;
    }

    /// Counts timers that were dropped when their setter ended.
    pub(super) fn count_lost_timers(&self, timers: usize) {
        let mut losses = self.core.losses.borrow_mut();
        losses.timers += timers as u64;
        losses.total_timers += timers as u64;
    }
}
