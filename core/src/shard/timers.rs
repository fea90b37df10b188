//! Timers, and the timeouts of waits.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::Shard;
use crate::bus::Signal;
use crate::id::TimerRef;
use crate::pid::{Pid, ShardId};
use crate::quota::QuotaError;
use crate::timer::{Due, Setter, TimerQueue};

impl Shard {
    /// Sends a message after a delay, on behalf of `me`. The timer ends with the process that it is for;
    /// if `me` ends first it stays, within [`quota::LEFT_TIMERS`](crate::quota::LEFT_TIMERS). A timer for
    /// a process that has ended is not set.
    ///
    /// # Errors
    /// When `me` has set as many timers as it may: see [`quota`](crate::quota).
    pub fn send_after(
        &self,
        me: Pid,
        to: Pid,
        delay: Duration,
        message: Bytes,
    ) -> Result<TimerRef, QuotaError> {
        let now = Instant::now();
        // Longer than any server runs.
        let at = now.checked_add(delay).unwrap_or(now + FOREVER);
        let Some(setter) = self.note_timer(me, to) else {
            return Ok(self.core.timers.borrow_mut().number());
        };
        let timer = self.set_timer(at, |timers| timers.send(at, setter, to, message))?;
        if to.shard() != self.core.id && self.core.remote_timers.borrow_mut().insert(to) {
            let shard = self.core.id;
            self.dispatch(to.shard(), Signal::TimersFor { target: to, shard });
        }
        Ok(timer)
    }

    /// Cancels a timer that `me` has set. Returns false if it has fired, or was never set.
    pub fn cancel_timer(&self, me: Pid, timer: TimerRef) -> bool {
        self.core.timers.borrow_mut().cancel(me, timer)
    }

    /// Marks the setter and the target of a timer as having timers. Returns `None` if either has ended.
    fn note_timer(&self, me: Pid, to: Pid) -> Option<Setter> {
        let mut table = self.core.table.borrow_mut();
        if to.shard() != self.core.id {
            self.core.node.inbox(to.shard())?;
        } else if to != me {
            table.get_mut(to)?.state().has_timers = true;
        }
        let state = table.get_mut(me)?.state();
        state.has_timers = true;
        Some(Setter {
            pid: me,
            resident: state.resident,
        })
    }

    /// Notes that another shard has timers for a process of this one.
    pub(super) fn handle_timers_for(&self, target: Pid, shard: ShardId) {
        let mut table = self.core.table.borrow_mut();
        let Some(process) = table.get_mut(target) else {
            drop(table);
            self.dispatch(shard, Signal::TimersVoid(target));
            return;
        };
        let shards = &mut process.state().remote_timers;
        if !shards.contains(&shard) {
            shards.push(shard);
        }
    }

    /// Cancels the timers for a process of another shard, which has ended.
    pub(super) fn handle_timers_void(&self, target: Pid) {
        self.core.remote_timers.borrow_mut().remove(&target);
        self.core.timers.borrow_mut().process_ended(target);
    }

    /// Fires timers when they are due; never completes. `sleep_until` is the executor's, and is never asked
    /// for more than a day: guests choose these times, and executors overflow on very long ones. A sleep
    /// is dropped when an earlier timer is set.
    pub fn serve_timers<S: Future<Output = ()>>(
        &self,
        sleep_until: impl Fn(Instant) -> S + 'static,
    ) -> impl Future<Output = ()> + 'static {
        let shard = self.clone();
        async move {
            loop {
                let next = shard.core.timers.borrow().next();
                match next {
                    None => shard.earlier_timer(None).await,
                    Some(at) if at > Instant::now() => {
                        let mut sleep = pin!(sleep_until(at.min(Instant::now() + DAY)));
                        let mut earlier = pin!(shard.earlier_timer(Some(at)));
                        poll_fn(|cx| match earlier.as_mut().poll(cx) {
                            Poll::Ready(()) => Poll::Ready(()),
                            Poll::Pending => sleep.as_mut().poll(cx),
                        })
                        .await;
                    }
                    Some(_) => {}
                }
                shard.fire_timers(Instant::now());
            }
        }
    }

    /// Fires the timers that are due.
    pub fn fire_timers(&self, now: Instant) {
        loop {
            let due = self.core.timers.borrow_mut().pop(now);
            match due {
                None => return,
                Some(Due::Wake(pid)) => self.wake(pid),
                Some(Due::Send(to, message)) if to.shard() == self.core.id => {
                    self.deliver_message(to, message);
                }
                Some(Due::Send(to, message)) => {
                    self.dispatch(to.shard(), Signal::Message(to, message));
                }
            }
        }
    }

    fn set_timer<T>(&self, at: Instant, set: impl FnOnce(&mut TimerQueue) -> T) -> T {
        let mut timers = self.core.timers.borrow_mut();
        let first = timers.next();
        let timer = set(&mut timers);
        drop(timers);
        if first.is_none_or(|first| at < first) {
            let waker = self.core.timer_waker.borrow_mut().take();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
        timer
    }

    /// Waits until a timer is set that is due before `than`.
    fn earlier_timer(&self, than: Option<Instant>) -> impl Future<Output = ()> + '_ {
        poll_fn(move |cx| {
            let next = self.core.timers.borrow().next();
            let earlier = match (next, than) {
                (Some(next), Some(than)) => next < than,
                (Some(_), None) => true,
                (None, _) => false,
            };
            if earlier {
                return Poll::Ready(());
            }
            self.core.timer_waker.replace(Some(cx.waker().clone()));
            Poll::Pending
        })
    }
}

/// The deadline of a wait, with a timer that wakes the process then.
pub(super) struct ReceiveTimeout {
    pid: Pid,
    deadline: Option<Instant>,
    timer: Option<TimerRef>,
}

impl ReceiveTimeout {
    pub(super) fn new(pid: Pid, deadline: Option<Instant>) -> Self {
        Self {
            pid,
            deadline,
            timer: None,
        }
    }

    /// Returns whether the deadline has passed; if not, the process is woken when it does.
    pub(super) fn has_elapsed(&mut self, shard: &Shard) -> bool {
        let Some(deadline) = self.deadline else {
            return false;
        };
        if Instant::now() >= deadline {
            return true;
        }
        if self.timer.is_none() {
            let wake = |timers: &mut TimerQueue| timers.wake(deadline, self.pid);
            self.timer = Some(shard.set_timer(deadline, wake));
        }
        false
    }
}

impl Drop for ReceiveTimeout {
    fn drop(&mut self) {
        if let Some(timer) = self.timer
            && let Some(shard) = Shard::current()
        {
            shard.core.timers.borrow_mut().cancel_wake(timer);
        }
    }
}

const DAY: Duration = Duration::from_secs(24 * 3600);
const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
