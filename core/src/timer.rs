//! The timers of one shard, by the time at which they are due. Pure.

use std::collections::BTreeSet;
use std::time::Instant;

use bytes::Bytes;

use crate::id::{Counter, IdMap, TimerRef};
use crate::pid::{Pid, ShardId};

/// How many timers with a message a shard keeps; beyond, none is set. Those that only wake a process
/// are as many as processes wait, and are never refused: else one that sets timers without end
/// would end the waits of all others.
pub const MAX_TIMERS: usize = 1 << 18;

/// Bytes of all messages that timers of one shard hold; beyond, none is set.
pub const MAX_TIMER_BYTES: usize = 64 << 20;

/// What happens when a timer is due.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// A message is sent.
    Send(Pid, Bytes),
    /// A process that waits is woken.
    Wake(Pid),
}

#[derive(Debug)]
pub(crate) struct TimerQueue {
    counter: Counter,
    by_time: BTreeSet<(Instant, TimerRef)>,
    timers: IdMap<TimerRef, (Instant, Due)>,
    messages: usize,
    bytes: usize,
}

impl TimerQueue {
    pub(crate) fn new(shard: ShardId) -> Self {
        Self {
            counter: Counter::new(shard),
            by_time: BTreeSet::new(),
            timers: IdMap::default(),
            messages: 0,
            bytes: 0,
        }
    }

    /// Set a timer. `None` if there are as many as there may be.
    pub(crate) fn set(&mut self, at: Instant, due: Due) -> Option<TimerRef> {
        if let Due::Send(_, message) = &due {
            let bytes = self.bytes.saturating_add(message.len());
            if self.messages >= MAX_TIMERS || bytes > MAX_TIMER_BYTES {
                return None;
            }
            self.messages += 1;
            self.bytes = bytes;
        }
        let timer = TimerRef::from_raw(self.counter.next());
        self.by_time.insert((at, timer));
        self.timers.insert(timer, (at, due));
        Some(timer)
    }

    /// Forget a timer. False if it has fired, or never was.
    pub(crate) fn cancel(&mut self, timer: TimerRef) -> bool {
        let Some((at, due)) = self.timers.remove(&timer) else {
            return false;
        };
        self.forget(&due);
        self.by_time.remove(&(at, timer))
    }

    fn forget(&mut self, due: &Due) {
        if let Due::Send(_, message) = due {
            self.messages -= 1;
            self.bytes -= message.len();
        }
    }

    /// When the first is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Take one that is due.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<Due> {
        let (at, timer) = *self.by_time.first()?;
        if at > now {
            return None;
        }
        self.by_time.pop_first();
        let (_, due) = self.timers.remove(&timer)?;
        self.forget(&due);
        Some(due)
    }

    pub(crate) fn len(&self) -> usize {
        self.timers.len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn timers_without_end_leave_waits_alone() {
        let at = Instant::now();
        let mut queue = TimerQueue::new(ShardId::new(0));
        let send = || Due::Send(Pid::from_raw(1), Bytes::new());
        for _ in 0..MAX_TIMERS {
            queue.set(at, send()).unwrap();
        }
        assert_eq!(queue.set(at, send()), None);
        assert!(queue.set(at, Due::Wake(Pid::from_raw(2))).is_some());
        assert!(queue.pop(at).is_some());
        assert!(queue.set(at, send()).is_some());
    }

    proptest! {
        #[test]
        fn each_fires_once_in_order_unless_it_was_cancelled(
            timers in prop::collection::vec((0u64..50, any::<bool>()), 0..50)
        ) {
            let start = Instant::now();
            let mut queue = TimerQueue::new(ShardId::new(3));
            let mut expected = Vec::new();
            for (index, (at, cancelled)) in timers.iter().enumerate() {
                let due = Due::Wake(Pid::from_raw(index as u64));
                let timer = queue.set(start + Duration::from_millis(*at), due).unwrap();
                prop_assert_eq!(timer.shard(), ShardId::new(3));
                if *cancelled {
                    prop_assert!(queue.cancel(timer));
                    prop_assert!(!queue.cancel(timer));
                } else {
                    expected.push((*at, index as u64));
                }
            }
            expected.sort();
            let mut fired = Vec::new();
            for at in 0..50 {
                let now = start + Duration::from_millis(at);
                while let Some(Due::Wake(pid)) = queue.pop(now) {
                    fired.push((at, pid.as_raw()));
                }
            }
            prop_assert_eq!(fired, expected);
            prop_assert_eq!((queue.len(), queue.bytes), (0, 0));
            prop_assert_eq!(queue.next(), None);
        }
    }
}
