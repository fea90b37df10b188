//! Timers, and waits that have an end.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::Shard;
use crate::id::TimerRef;
use crate::pid::Pid;
use crate::timer::Due;

impl Shard {
    /// Send a message later. `None` if the shard has as many timers as it may have
    /// ([`MAX_TIMERS`](crate::MAX_TIMERS), [`MAX_TIMER_BYTES`](crate::MAX_TIMER_BYTES)).
    pub fn send_after(&self, to: Pid, delay: Duration, message: Bytes) -> Option<TimerRef> {
        let now = Instant::now();
        // Longer than anything runs.
        let at = now.checked_add(delay).unwrap_or(now + FOREVER);
        self.set_timer(at, Due::Send(to, message))
    }

    /// Forget a timer. False if it has fired, or never was this shard's.
    pub fn cancel_timer(&self, timer: TimerRef) -> bool {
        self.core.timers.borrow_mut().cancel(timer)
    }

    /// Fire timers when they are due, for ever. `sleep_until` is the executor's; a sleep is
    /// dropped when an earlier timer is set.
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
                        let mut sleep = pin!(sleep_until(at));
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

    /// Fire the timers that are due.
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
                    self.tell(to.shard(), crate::bus::Signal::Message(to, message));
                }
            }
        }
    }

    pub(super) fn set_timer(&self, at: Instant, due: Due) -> Option<TimerRef> {
        let mut timers = self.core.timers.borrow_mut();
        let first = timers.next();
        let timer = timers.set(at, due)?;
        drop(timers);
        if first.is_none_or(|first| at < first) {
            let waker = self.core.timer_waker.borrow_mut().take();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
        Some(timer)
    }

    /// Waits until the first timer is another than at that time.
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
pub(super) struct Alarm {
    pid: Pid,
    deadline: Option<Instant>,
    timer: Option<TimerRef>,
}

impl Alarm {
    pub(super) fn new(pid: Pid, deadline: Option<Instant>) -> Self {
        Self {
            pid,
            deadline,
            timer: None,
        }
    }

    /// Whether the deadline has come; else the process is woken when it does.
    pub(super) fn is_over(&mut self, shard: &Shard) -> bool {
        let Some(deadline) = self.deadline else {
            return false;
        };
        if Instant::now() >= deadline {
            return true;
        }
        if self.timer.is_none() {
            self.timer = shard.set_timer(deadline, Due::Wake(self.pid));
            // A wait that could not be ended does not begin.
            return self.timer.is_none();
        }
        false
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some(timer) = self.timer
            && let Some(shard) = Shard::current()
        {
            shard.cancel_timer(timer);
        }
    }
}

const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
