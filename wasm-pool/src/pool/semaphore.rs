//! Permits: how many processes a shard runs at once, and how long one waits for its turn.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Instant;

use rusm_core::Shard;

/// The permits of one shard. First come, first served.
#[derive(Clone)]
pub struct Semaphore {
    inner: Rc<Inner>,
}

impl Semaphore {
    /// A semaphore with `permits` permits.
    pub fn new(permits: u32) -> Self {
        Self {
            inner: Rc::new(Inner {
                permits,
                free: Cell::new(permits),
                waiting: RefCell::default(),
            }),
        }
    }

    /// A permit, at once or by `deadline`; `None` when none came free until then.
    ///
    /// `shard` keeps the deadline: its `expire` has to be called now and then.
    pub async fn acquire(&self, shard: &Shard, deadline: Instant) -> Option<Permit> {
        if let Some(permit) = self.try_acquire() {
            return Some(permit);
        }
        let waiter = Rc::new(Waiter::default());
        let waiting = shard.start(Some(deadline))?;
        self.inner.waiting.borrow_mut().push_back(waiter.clone());
        let mut queued = Queued {
            semaphore: self.clone(),
            waiter,
        };
        poll_fn(|cx| {
            if queued.waiter.granted.get() {
                return Poll::Ready(true);
            }
            queued.waiter.waker.replace(Some(cx.waker().clone()));
            if waiting.park(cx.waker()).is_some() {
                return Poll::Ready(false);
            }
            Poll::Pending
        })
        .await
        .then(|| queued.take())
    }

    /// How many permits are taken.
    pub fn taken(&self) -> u32 {
        self.inner.permits.saturating_sub(self.inner.free.get())
    }

    /// How many permits there are.
    pub fn permits(&self) -> u32 {
        self.inner.permits
    }

    /// How many wait for one.
    pub fn waiting(&self) -> usize {
        self.inner.waiting.borrow().len()
    }

    /// How many permits are free.
    pub fn free(&self) -> u32 {
        self.inner.free.get()
    }

    /// A permit, if one is free at once.
    pub fn try_acquire(&self) -> Option<Permit> {
        let free = self.inner.free.get();
        // A free permit belongs to whoever waits already.
        (free > 0 && self.inner.waiting.borrow().is_empty()).then(|| {
            self.inner.free.set(free - 1);
            Permit {
                semaphore: self.clone(),
            }
        })
    }

    /// A permit, if more than half of them are free at once: for who can do without.
    pub fn try_acquire_spare(&self) -> Option<Permit> {
        let is_spare = self.free() > self.permits().div_ceil(2);
        is_spare.then(|| self.try_acquire()).flatten()
    }

    fn release(&self) {
        let next = self.inner.waiting.borrow_mut().pop_front();
        let Some(waiter) = next else {
            self.inner.free.set(self.inner.free.get() + 1);
            return;
        };
        waiter.granted.set(true);
        if let Some(waker) = waiter.waker.take() {
            waker.wake();
        }
    }
}

/// A permit that is taken, until it is dropped.
pub struct Permit {
    semaphore: Semaphore,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.semaphore.release();
    }
}

struct Inner {
    permits: u32,
    free: Cell<u32>,
    waiting: RefCell<VecDeque<Rc<Waiter>>>,
}

#[derive(Default)]
struct Waiter {
    /// The permit was handed over; it was not counted as free in between.
    granted: Cell<bool>,
    waker: Cell<Option<Waker>>,
}

/// A waiter in the queue. Dropped early, it gives the turn, or the permit it got, to the next.
struct Queued {
    semaphore: Semaphore,
    waiter: Rc<Waiter>,
}

impl Queued {
    fn take(&mut self) -> Permit {
        self.waiter.granted.set(false);
        Permit {
            semaphore: self.semaphore.clone(),
        }
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        if self.waiter.granted.get() {
            self.semaphore.release();
        } else {
            let mut waiting = self.semaphore.inner.waiting.borrow_mut();
            waiting.retain(|waiter| !Rc::ptr_eq(waiter, &self.waiter));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::{Pin, pin};
    use std::task::Context;
    use std::time::Duration;

    use rusm_core::{Node, ShardId};

    use super::*;

    fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn shard() -> Shard {
        Node::new(1).shard(ShardId::new(0), |_| ())
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(1)
    }

    #[test]
    fn places_are_handed_over_in_order_and_never_lost() {
        let table = shard();
        let semaphore = Semaphore::new(1);
        let mut first = pin!(semaphore.acquire(&table, soon()));
        let Poll::Ready(Some(permit)) = poll(first.as_mut()) else {
            panic!("a free permit is taken at once");
        };
        let mut second = Box::pin(semaphore.acquire(&table, soon()));
        let mut third = pin!(semaphore.acquire(&table, soon()));
        assert!(poll(second.as_mut()).is_pending());
        assert!(poll(third.as_mut()).is_pending());
        drop(permit);
        assert_eq!(semaphore.free(), 0, "it went to the second in the queue");
        let mut newcomer = Box::pin(semaphore.acquire(&table, soon()));
        assert!(poll(newcomer.as_mut()).is_pending());
        assert!(poll(third.as_mut()).is_pending());
        // The second leaves with its permit granted, but before it looked.
        drop(second);
        let Poll::Ready(Some(permit)) = poll(third.as_mut()) else {
            panic!("the permit of the second goes on to the third");
        };
        drop(newcomer);
        drop(permit);
        assert_eq!(semaphore.free(), 1);
    }

    #[test]
    fn waiting_ends_at_the_deadline() {
        let table = shard();
        let semaphore = Semaphore::new(0);
        let deadline = Instant::now();
        let mut waiting = Box::pin(semaphore.acquire(&table, deadline));
        assert!(poll(waiting.as_mut()).is_pending());
        table.expire(deadline);
        assert!(matches!(poll(waiting.as_mut()), Poll::Ready(None)));
        drop(waiting);
        assert!(table.is_empty());
    }
}
