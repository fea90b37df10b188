//! How many processes a shard runs at once, and how long one waits for its turn.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Instant;

use rusm_core::Shard;

/// The free places of one shard. First come, first served.
#[derive(Clone)]
pub struct Admission {
    inner: Rc<Inner>,
}

impl Admission {
    /// Room for `places` at once.
    pub fn new(places: u32) -> Self {
        Self {
            inner: Rc::new(Inner {
                free: Cell::new(places),
                waiting: RefCell::default(),
            }),
        }
    }

    /// A place, at once or by `deadline`; `None` when none came free until then.
    ///
    /// `waiters` keeps the deadline: its `expire` has to be called now and then.
    pub async fn enter(&self, waiters: &Shard, deadline: Instant) -> Option<Place> {
        if let Some(place) = self.try_enter() {
            return Some(place);
        }
        let turn = Rc::new(Turn::default());
        let waiting = waiters.start(Some(deadline))?;
        self.inner.waiting.borrow_mut().push_back(turn.clone());
        let mut queued = Queued {
            admission: self.clone(),
            turn,
        };
        poll_fn(|cx| {
            if queued.turn.granted.get() {
                return Poll::Ready(true);
            }
            queued.turn.waker.replace(Some(cx.waker().clone()));
            if waiting.park(cx.waker()).is_some() {
                return Poll::Ready(false);
            }
            Poll::Pending
        })
        .await
        .then(|| queued.take())
    }

    /// How many places are free.
    pub fn free(&self) -> u32 {
        self.inner.free.get()
    }

    /// A place, if one is free at once.
    pub fn try_enter(&self) -> Option<Place> {
        let free = self.inner.free.get();
        // A free place belongs to whoever waits already.
        (free > 0 && self.inner.waiting.borrow().is_empty()).then(|| {
            self.inner.free.set(free - 1);
            Place {
                admission: self.clone(),
            }
        })
    }

    fn leave(&self) {
        let next = self.inner.waiting.borrow_mut().pop_front();
        let Some(turn) = next else {
            self.inner.free.set(self.inner.free.get() + 1);
            return;
        };
        turn.granted.set(true);
        if let Some(waker) = turn.waker.take() {
            waker.wake();
        }
    }
}

/// A place that is taken, until it is dropped.
pub struct Place {
    admission: Admission,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.admission.leave();
    }
}

struct Inner {
    free: Cell<u32>,
    waiting: RefCell<VecDeque<Rc<Turn>>>,
}

#[derive(Default)]
struct Turn {
    /// The place was handed over; it was not counted as free in between.
    granted: Cell<bool>,
    waker: Cell<Option<Waker>>,
}

/// Somebody in the queue. Leaving early gives the turn, or the place it got, to the next.
struct Queued {
    admission: Admission,
    turn: Rc<Turn>,
}

impl Queued {
    fn take(&mut self) -> Place {
        self.turn.granted.set(false);
        Place {
            admission: self.admission.clone(),
        }
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        if self.turn.granted.get() {
            self.admission.leave();
        } else {
            let mut waiting = self.admission.inner.waiting.borrow_mut();
            waiting.retain(|turn| !Rc::ptr_eq(turn, &self.turn));
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
        let admission = Admission::new(1);
        let mut first = pin!(admission.enter(&table, soon()));
        let Poll::Ready(Some(place)) = poll(first.as_mut()) else {
            panic!("a free place is taken at once");
        };
        let mut second = Box::pin(admission.enter(&table, soon()));
        let mut third = pin!(admission.enter(&table, soon()));
        assert!(poll(second.as_mut()).is_pending());
        assert!(poll(third.as_mut()).is_pending());
        drop(place);
        assert_eq!(admission.free(), 0, "it went to the second in the queue");
        let mut newcomer = Box::pin(admission.enter(&table, soon()));
        assert!(poll(newcomer.as_mut()).is_pending());
        assert!(poll(third.as_mut()).is_pending());
        // The second leaves with its place granted, but before it looked.
        drop(second);
        let Poll::Ready(Some(place)) = poll(third.as_mut()) else {
            panic!("the place of the second goes on to the third");
        };
        drop(newcomer);
        drop(place);
        assert_eq!(admission.free(), 1);
    }

    #[test]
    fn waiting_ends_at_the_deadline() {
        let table = shard();
        let admission = Admission::new(0);
        let deadline = Instant::now();
        let mut waiting = Box::pin(admission.enter(&table, deadline));
        assert!(poll(waiting.as_mut()).is_pending());
        table.expire(deadline);
        assert!(matches!(poll(waiting.as_mut()), Poll::Ready(None)));
        drop(waiting);
        assert!(table.is_empty());
    }
}
