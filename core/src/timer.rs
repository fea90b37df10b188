//! The timers of one shard, by the time at which they are due. Pure.
//!
//! A timer is charged to its setter, and ends with its target, the process that it is for. If the setter
//! ends first the timer stays, as in Erlang, and is charged to the target, within the limits of
//! [`quota`](crate::quota).

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

use bytes::Bytes;

use crate::id::{Counter, IdMap, TimerRef};
use crate::pid::{Pid, ShardId};
use crate::quota::{
    GUARANTEED_TIMER_BYTES, GUARANTEED_TIMERS, LEFT_TIMERS, MAX_LEFT_TIMER_BYTES, MAX_LEFT_TIMERS,
    MAX_TIMER_BYTES, MAX_TIMERS, PROCESS_TIMER_BYTES, PROCESS_TIMERS, QuotaError,
    RESIDENT_TIMER_BYTES, RESIDENT_TIMERS,
};

/// The action of a timer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Send a message.
    Send(Pid, Bytes),
    /// Wake a waiting process.
    Wake(Pid),
}

/// The process that sets a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Setter {
    pub(crate) pid: Pid,
    /// Set if the node supervises it.
    pub(crate) resident: bool,
}

#[derive(Debug)]
pub(crate) struct TimerQueue {
    counter: Counter,
    by_time: BTreeSet<(Instant, TimerRef)>,
    timers: IdMap<TimerRef, Timer>,
    /// Timers with a message, by target.
    by_target: BTreeSet<(u64, TimerRef)>,
    /// Timers of live setters for other processes, by setter.
    by_setter: BTreeSet<(u64, TimerRef)>,
    /// The usage of each live setter.
    charged: IdMap<Pid, Usage>,
    /// The number of timers for each target whose setters have ended. Guests choose targets, so this
    /// map's hash resists collisions.
    left_for: HashMap<Pid, usize>,
    /// The usage of all live setters that are not resident.
    shared: Usage,
    /// The usage of all setters that have ended.
    left: Usage,
}

#[derive(Debug)]
struct Timer {
    at: Instant,
    due: Due,
    payer: Payer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Payer {
    /// None: the timer only wakes a process.
    None,
    Setter(Setter),
    /// The target, since the setter has ended.
    Target,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Usage {
    timers: usize,
    bytes: usize,
}

impl TimerQueue {
    pub(crate) fn new(shard: ShardId) -> Self {
        Self {
            counter: Counter::new(shard),
            by_time: BTreeSet::new(),
            timers: IdMap::default(),
            by_target: BTreeSet::new(),
            by_setter: BTreeSet::new(),
            charged: IdMap::default(),
            left_for: HashMap::new(),
            shared: Usage::default(),
            left: Usage::default(),
        }
    }

    /// Issues an identifier, of a timer that is not set since its target has already ended.
    pub(crate) fn number(&mut self) -> TimerRef {
        TimerRef::from_raw(self.counter.next())
    }

    /// Sets a timer that wakes a process. It is never refused, so that a process that sets very many
    /// timers can't break the waits of all others.
    pub(crate) fn wake(&mut self, at: Instant, pid: Pid) -> TimerRef {
        self.insert(at, Due::Wake(pid), Payer::None)
    }

    /// Sets a timer that sends a message.
    pub(crate) fn send(
        &mut self,
        at: Instant,
        setter: Setter,
        to: Pid,
        message: Bytes,
    ) -> Result<TimerRef, QuotaError> {
        let own = self.charged.get(&setter.pid).copied().unwrap_or_default();
        let size = message.len();
        let (most, most_bytes) = match setter.resident {
            true => (RESIDENT_TIMERS, RESIDENT_TIMER_BYTES),
            false => (PROCESS_TIMERS, PROCESS_TIMER_BYTES),
        };
        if own.timers >= most {
            return Err(QuotaError::Timers(most));
        }
        if !own.has_capacity(size, most_bytes) {
            return Err(QuotaError::TimerBytes(most_bytes));
        }
        let guaranteed =
            setter.pid == to && own.timers < GUARANTEED_TIMERS && size <= GUARANTEED_TIMER_BYTES;
        let fits =
            self.shared.timers < MAX_TIMERS && self.shared.has_capacity(size, MAX_TIMER_BYTES);
        if !setter.resident && !guaranteed && !fits {
            return Err(QuotaError::SharedTimers);
        }
        self.charged.entry(setter.pid).or_default().add(size);
        if !setter.resident {
            self.shared.add(size);
        }
        let timer = self.insert(at, Due::Send(to, message), Payer::Setter(setter));
        self.by_target.insert((to.as_raw(), timer));
        if setter.pid != to {
            self.by_setter.insert((setter.pid.as_raw(), timer));
        }
        Ok(timer)
    }

    /// Cancels a timer that wakes. Returns false if it has fired.
    pub(crate) fn cancel_wake(&mut self, timer: TimerRef) -> bool {
        self.cancel_of(timer, |payer| payer == Payer::None)
    }

    /// Cancels a timer of `setter`. Returns false if it has fired, or was not set by that process.
    pub(crate) fn cancel(&mut self, setter: Pid, timer: TimerRef) -> bool {
        self.cancel_of(
            timer,
            |payer| matches!(payer, Payer::Setter(own) if own.pid == setter),
        )
    }

    fn cancel_of(&mut self, timer: TimerRef, is_own: impl FnOnce(Payer) -> bool) -> bool {
        let found = self.timers.get(&timer);
        found.is_some_and(|found| is_own(found.payer)) && self.remove(timer).is_some()
    }

    /// Handles the end of a process: cancels the timers for it, and charges those that it has set for
    /// others to their targets. Returns how many of these were dropped since their target has too many.
    pub(crate) fn process_ended(&mut self, pid: Pid) -> usize {
        for timer in of_process(&self.by_target, pid) {
            self.remove(timer);
        }
        let mut lost = 0;
        for timer in of_process(&self.by_setter, pid) {
            lost += usize::from(!self.detach(timer));
        }
        lost
    }

    /// Returns the time at which the first timer is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes the first timer if it is due.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<Due> {
        let (at, timer) = *self.by_time.first()?;
        if at > now {
            return None;
        }
        self.remove(timer)
    }

    pub(crate) fn len(&self) -> usize {
        self.timers.len()
    }

    /// Returns the timers that a process has set and that have not fired, their bytes, and the timers for
    /// it whose setters have ended.
    pub(crate) fn usage_of(&self, pid: Pid) -> (usize, usize, usize) {
        let set = self.charged.get(&pid).copied().unwrap_or_default();
        let left = self.left_for.get(&pid).copied().unwrap_or_default();
        (set.timers, set.bytes, left)
    }

    fn insert(&mut self, at: Instant, due: Due, payer: Payer) -> TimerRef {
        let timer = self.number();
        self.by_time.insert((at, timer));
        self.timers.insert(timer, Timer { at, due, payer });
        timer
    }

    fn remove(&mut self, timer: TimerRef) -> Option<Due> {
        let Timer { at, due, payer } = self.timers.remove(&timer)?;
        self.by_time.remove(&(at, timer));
        if let Due::Send(to, message) = &due {
            self.by_target.remove(&(to.as_raw(), timer));
            match payer {
                Payer::Setter(setter) => self.refund(timer, setter, message.len()),
                Payer::Target => {
                    self.left.sub(message.len());
                    if let Some(left) = self.left_for.get_mut(to) {
                        *left -= 1;
                        if *left == 0 {
                            self.left_for.remove(to);
                        }
                    }
                }
                Payer::None => {}
            }
        }
        Some(due)
    }

    fn refund(&mut self, timer: TimerRef, setter: Setter, size: usize) {
        if let Some(own) = self.charged.get_mut(&setter.pid) {
            own.sub(size);
            if own.timers == 0 {
                self.charged.remove(&setter.pid);
            }
        }
        if !setter.resident {
            self.shared.sub(size);
        }
        self.by_setter.remove(&(setter.pid.as_raw(), timer));
    }

    /// Charges a timer to its target, since its setter has ended. Returns false if the target has too
    /// many; the timer is then dropped.
    fn detach(&mut self, timer: TimerRef) -> bool {
        let Some(kept) = self.timers.get_mut(&timer) else {
            return true;
        };
        let (Due::Send(to, message), Payer::Setter(setter)) = (&kept.due, kept.payer) else {
            return true;
        };
        let (to, size) = (*to, message.len());
        let of_target = self.left_for.get(&to).copied().unwrap_or_default();
        let fits = of_target < LEFT_TIMERS
            && self.left.timers < MAX_LEFT_TIMERS
            && self.left.has_capacity(size, MAX_LEFT_TIMER_BYTES);
        if !fits {
            self.remove(timer);
            return false;
        }
        kept.payer = Payer::Target;
        self.refund(timer, setter, size);
        self.left.add(size);
        *self.left_for.entry(to).or_default() += 1;
        true
    }
}

impl Usage {
    fn has_capacity(&self, size: usize, most: usize) -> bool {
        self.bytes.saturating_add(size) <= most
    }

    fn add(&mut self, size: usize) {
        self.timers += 1;
        self.bytes += size;
    }

    fn sub(&mut self, size: usize) {
        self.timers -= 1;
        self.bytes -= size;
    }
}

fn of_process(index: &BTreeSet<(u64, TimerRef)>, pid: Pid) -> Vec<TimerRef> {
    let pid = pid.as_raw();
    let (first, last) = (TimerRef::from_raw(0), TimerRef::from_raw(u64::MAX));
    let range = index.range((pid, first)..=(pid, last));
    range.map(|(_, timer)| *timer).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn queue() -> TimerQueue {
        TimerQueue::new(ShardId::new(3))
    }

    fn guest(pid: u64) -> Setter {
        Setter {
            pid: Pid::from_raw(pid),
            resident: false,
        }
    }

    fn resident(pid: u64) -> Setter {
        Setter {
            resident: true,
            ..guest(pid)
        }
    }

    fn set(queue: &mut TimerQueue, setter: Setter, to: u64) -> Result<TimerRef, QuotaError> {
        queue.send(Instant::now(), setter, Pid::from_raw(to), Bytes::new())
    }

    #[test]
    fn a_process_that_sets_timers_without_end_uses_up_its_own() {
        let mut queue = queue();
        for _ in 0..PROCESS_TIMERS {
            set(&mut queue, guest(1), 9).unwrap();
        }
        let refused = set(&mut queue, guest(1), 9);
        assert_eq!(refused, Err(QuotaError::Timers(PROCESS_TIMERS)));
        set(&mut queue, guest(2), 9).unwrap();
    }

    #[test]
    fn many_that_set_timers_without_end_leave_each_process_some_and_residents_all() {
        let mut queue = queue();
        let setters = (MAX_TIMERS / PROCESS_TIMERS) as u64;
        for setter in 0..setters {
            for _ in 0..PROCESS_TIMERS {
                set(&mut queue, guest(1 + setter), 1 + setter).unwrap();
            }
        }
        let far_off = 1_000_000;
        let for_others = set(&mut queue, guest(far_off), 9);
        assert_eq!(for_others, Err(QuotaError::SharedTimers));
        for _ in 0..GUARANTEED_TIMERS {
            set(&mut queue, guest(far_off), far_off).unwrap();
        }
        let refused = set(&mut queue, guest(far_off), far_off);
        assert_eq!(refused, Err(QuotaError::SharedTimers));
        for _ in 0..RESIDENT_TIMERS {
            set(&mut queue, resident(far_off + 1), 9).unwrap();
        }
        let refused = set(&mut queue, resident(far_off + 1), 9);
        assert_eq!(refused, Err(QuotaError::Timers(RESIDENT_TIMERS)));
        // All that the first has set was for itself.
        assert_eq!(queue.process_ended(Pid::from_raw(1)), 0);
        set(&mut queue, guest(far_off), 9).unwrap();
    }

    #[test]
    fn setters_that_end_leave_a_process_no_more_timers_than_it_may_have_left() {
        let mut queue = queue();
        for setter in 1..=10 {
            for _ in 0..LEFT_TIMERS / 4 {
                set(&mut queue, guest(setter), 99).unwrap();
            }
            let lost = queue.process_ended(Pid::from_raw(setter));
            let expected = if setter <= 4 { 0 } else { LEFT_TIMERS / 4 };
            assert_eq!(lost, expected, "{setter}");
        }
        assert_eq!(queue.len(), LEFT_TIMERS);
        assert_eq!(queue.shared, Usage::default());
        queue.process_ended(Pid::from_raw(99));
        assert_eq!((queue.len(), queue.left), (0, Usage::default()));
    }

    #[test]
    fn a_large_message_is_refused_by_its_bytes() {
        let mut queue = queue();
        let mut send = |setter, size| {
            let message = Bytes::from(vec![0; size]);
            queue.send(Instant::now(), setter, Pid::from_raw(9), message)
        };
        let refused = send(guest(1), PROCESS_TIMER_BYTES + 1);
        assert_eq!(refused, Err(QuotaError::TimerBytes(PROCESS_TIMER_BYTES)));
        send(guest(1), PROCESS_TIMER_BYTES).unwrap();
        assert!(send(guest(1), 1).is_err());
        send(resident(2), RESIDENT_TIMER_BYTES).unwrap();
    }

    #[test]
    fn a_timer_of_another_can_not_be_cancelled() {
        let mut queue = queue();
        let timer = set(&mut queue, guest(1), 2).unwrap();
        assert!(!queue.cancel(Pid::from_raw(2), timer), "it is for 2, of 1");
        assert!(!queue.cancel_wake(timer));
        assert!(queue.cancel(Pid::from_raw(1), timer));
        let wake = queue.wake(Instant::now(), Pid::from_raw(1));
        assert!(!queue.cancel(Pid::from_raw(1), wake));
        assert!(queue.cancel_wake(wake));
        assert_eq!(queue.len(), 0);
    }

    #[derive(Clone, Debug)]
    enum Op {
        Send(u64, u64, u64, usize),
        Wake(u64, u64),
        Cancel(u64, usize),
        End(u64),
        Advance(u64),
    }

    fn op() -> impl Strategy<Value = Op> {
        let pid = 1u64..6;
        prop_oneof![
            4 => (pid.clone(), pid.clone(), 0u64..50, 0usize..2000)
                .prop_map(|(setter, to, at, size)| Op::Send(setter, to, at, size)),
            1 => (pid.clone(), 0u64..50).prop_map(|(pid, at)| Op::Wake(pid, at)),
            2 => (pid.clone(), any::<usize>()).prop_map(|(pid, which)| Op::Cancel(pid, which)),
            1 => pid.prop_map(Op::End),
            1 => (0u64..5).prop_map(Op::Advance),
        ]
    }

    proptest! {
        #[test]
        fn each_fires_once_in_order_unless_it_was_cancelled_or_its_target_ended(
            ops in prop::collection::vec(op(), 0..120)
        ) {
            let start = Instant::now();
            let at = |ms| start + Duration::from_millis(ms);
            let mut queue = queue();
            let mut now = 0;
            // By time and number: whom it is for, who pays.
            let mut model: BTreeMap<(u64, TimerRef), (u64, Option<u64>)> = BTreeMap::new();
            let mut made = Vec::new();
            for op in ops {
                match op {
                    Op::Send(setter, to, due, size) => {
                        let by = Setter { pid: Pid::from_raw(setter), resident: setter == 1 };
                        let message = Bytes::from(vec![0; size]);
                        let timer = queue.send(at(due), by, Pid::from_raw(to), message).unwrap();
                        prop_assert_eq!(timer.shard(), ShardId::new(3));
                        model.insert((due, timer), (to, Some(setter)));
                        made.push((due, timer));
                    }
                    Op::Wake(pid, due) => {
                        let timer = queue.wake(at(due), Pid::from_raw(pid));
                        model.insert((due, timer), (pid, None));
                        made.push((due, timer));
                    }
                    Op::Cancel(pid, which) => {
                        let Some(timer) = made.get(which % made.len().max(1)) else { continue };
                        let own = model.get(timer).is_some_and(|(_, payer)| *payer == Some(pid));
                        prop_assert_eq!(queue.cancel(Pid::from_raw(pid), timer.1), own);
                        if own {
                            model.remove(timer);
                        }
                    }
                    Op::End(pid) => {
                        prop_assert_eq!(queue.process_ended(Pid::from_raw(pid)), 0);
                        model.retain(|_, (to, payer)| *to != pid || payer.is_none());
                        for (_, payer) in model.values_mut() {
                            // Nobody has this pid: what is left is nobody's to cancel.
                            *payer = payer.map(|payer| if payer == pid { u64::MAX } else { payer });
                        }
                    }
                    Op::Advance(ms) => {
                        now += ms;
                        let mut fired = Vec::new();
                        while let Some(due) = queue.pop(at(now)) {
                            let (Due::Send(pid, _) | Due::Wake(pid)) = due;
                            fired.push(pid.as_raw());
                        }
                        let later = model.split_off(&(now + 1, TimerRef::from_raw(0)));
                        let due = std::mem::replace(&mut model, later);
                        let expected: Vec<_> = due.into_values().map(|(to, _)| to).collect();
                        prop_assert_eq!(fired, expected);
                    }
                }
                prop_assert_eq!(queue.len(), model.len());
                prop_assert_eq!(queue.next(), model.keys().next().map(|(ms, _)| at(*ms)));
            }
            let pids: BTreeSet<_> = model.values().map(|(to, _)| *to).collect();
            for pid in pids.into_iter().chain(1..6) {
                queue.process_ended(Pid::from_raw(pid));
            }
            let wakes = model.values().filter(|(_, payer)| payer.is_none()).count();
            prop_assert_eq!(queue.len(), wakes);
            prop_assert_eq!((queue.shared, queue.left), (Usage::default(), Usage::default()));
            prop_assert!(queue.by_target.is_empty() && queue.by_setter.is_empty());
            prop_assert!(queue.charged.is_empty() && queue.left_for.is_empty());
        }
    }
}
