//! What was lost because somebody held as much as it may: for the operator's log, which hears of
//! it by numbers and not line by line.

use std::sync::Arc;

use super::Shard;
use crate::id::IdMap;
use crate::pid::Pid;

/// What a shard has lost since it was asked last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// By receiver.
    pub mail: Vec<LostMessages>,
    /// Timers of setters that ended, for processes that had as many of those as they may.
    pub timers: u64,
}

/// Mail that was dropped because its receiver's mailbox was full, or could not hold it at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostMessages {
    /// The receiver, which may have ended.
    pub pid: Pid,
    /// The label that it was spawned with.
    pub component: Option<Arc<str>>,
    /// How many messages.
    pub messages: u64,
}

#[derive(Debug, Default)]
pub(super) struct LossCount {
    mail: IdMap<Pid, LostMessages>,
    timers: u64,
}

impl Shard {
    /// Take the losses since the last time.
    pub fn take_losses(&self) -> Losses {
        let mut losses = self.core.losses.borrow_mut();
        Losses {
            mail: losses.mail.drain().map(|(_, lost)| lost).collect(),
            timers: std::mem::take(&mut losses.timers),
        }
    }

    /// Mail for this process is lost.
    pub(super) fn count_dropped(&self, to: Pid) {
        let mut table = self.core.table.borrow_mut();
        let Some(process) = table.get_mut(to) else {
            return;
        };
        let state = process.state();
        state.dropped += 1;
        let mut losses = self.core.losses.borrow_mut();
        // Only processes that live are counted, so there are never many.
        let lost = losses.mail.entry(to).or_insert_with(|| LostMessages {
            pid: to,
            component: state.origin.clone(),
            messages: 0,
        });
        lost.messages += 1;
    }

    /// Timers are lost with their setter.
    pub(super) fn count_lost_timers(&self, timers: usize) {
        self.core.losses.borrow_mut().timers += timers as u64;
    }
}
