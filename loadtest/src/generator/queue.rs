//! Due operations of an open loop, and connections that wait for one.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

/// Due operations, first come first served, and connections that wait for one. A connection takes a
/// queued operation immediately. For each pushed operation one waiting connection is woken, so that
/// none is forgotten.
#[derive(Default)]
pub(super) struct Queue {
    due: RefCell<VecDeque<DueOperation>>,
    idle: RefCell<VecDeque<Rc<Waiter>>>,
    closed: Cell<bool>,
}

/// A due operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct DueOperation {
    /// Its intended time.
    pub(super) at: Instant,
    /// True if a connection was idle when it became due: if it is begun late, the generator is the
    /// cause.
    pub(super) idle: bool,
}

impl Queue {
    /// Adds a due operation.
    pub(super) fn push(&self, at: Instant) {
        let idle = !self.idle.borrow().is_empty();
        self.due.borrow_mut().push_back(DueOperation { at, idle });
        self.wake();
    }

    /// Returns the next due operation; none once the queue is closed. The future may be dropped,
    /// and polled without being woken: it is in the queue at most once, and passes on its wake-up.
    pub(super) fn next(&self) -> Next<'_> {
        Next {
            queue: self,
            waiter: None,
        }
    }

    /// Returns the next operation if one is due now.
    pub(super) fn try_next(&self) -> Option<DueOperation> {
        self.due.borrow_mut().pop_front()
    }

    /// Returns whether no operation waits for a connection.
    pub(super) fn is_empty(&self) -> bool {
        self.due.borrow().is_empty()
    }

    /// Closes the queue: waiting connections get none. Returns the operations that were due and not
    /// taken.
    pub(super) fn close(&self) -> Vec<Instant> {
        self.closed.set(true);
        let idle = std::mem::take(&mut *self.idle.borrow_mut());
        idle.iter().for_each(|waiter| waiter.wake());
        self.due.borrow_mut().drain(..).map(|due| due.at).collect()
    }

    /// Wakes the first waiting connection.
    fn wake(&self) {
        let first = self.idle.borrow_mut().pop_front();
        if let Some(waiter) = first {
            waiter.wake();
        }
    }
}

/// See [`Queue::next`].
pub(super) struct Next<'q> {
    queue: &'q Queue,
    /// Present while it waits.
    waiter: Option<Rc<Waiter>>,
}

impl Future for Next<'_> {
    type Output = Option<DueOperation>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<DueOperation>> {
        if let Some(due) = self.queue.try_next() {
            self.remove();
            return Poll::Ready(Some(due));
        }
        if self.queue.closed.get() {
            self.waiter = None;
            return Poll::Ready(None);
        }
        match &self.waiter {
            Some(waiter) if !waiter.woken.get() => {
                waiter.waker.borrow_mut().clone_from(context.waker());
            }
            // A busy connection was faster, and took the operation.
            _ => {
                let waiter = Rc::new(Waiter {
                    waker: RefCell::new(context.waker().clone()),
                    woken: Cell::new(false),
                });
                self.queue.idle.borrow_mut().push_back(Rc::clone(&waiter));
                self.waiter = Some(waiter);
            }
        }
        Poll::Pending
    }
}

impl Next<'_> {
    /// Leaves the queue, if it still waits.
    fn remove(&mut self) {
        if let Some(waiter) = self.waiter.take()
            && !waiter.woken.get()
        {
            let mut idle = self.queue.idle.borrow_mut();
            idle.retain(|other| !Rc::ptr_eq(other, &waiter));
        }
    }
}

impl Drop for Next<'_> {
    fn drop(&mut self) {
        let woken = self
            .waiter
            .as_ref()
            .is_some_and(|waiter| waiter.woken.get());
        self.remove();
        if woken && !self.queue.is_empty() {
            self.queue.wake();
        }
    }
}

/// A connection that waits for an operation.
struct Waiter {
    waker: RefCell<Waker>,
    woken: Cell<bool>,
}

impl Waiter {
    fn wake(&self) {
        self.woken.set(true);
        self.waker.borrow().wake_by_ref();
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn poll(next: Pin<&mut Next<'_>>, count: &Arc<Count>) -> Poll<Option<Instant>> {
        let waker = Waker::from(Arc::clone(count));
        next.poll(&mut Context::from_waker(&waker))
            .map(|due| due.map(|due| due.at))
    }

    #[test]
    fn one_that_is_dropped_or_polled_twice_takes_nobodys_turn() {
        let (queue, at) = (Queue::default(), Instant::now());
        let wakes = [const { Count(AtomicUsize::new(0)) }; 3].map(Arc::new);
        let woken = |index: usize| wakes[index].0.load(Ordering::Relaxed);
        let mut first = pin!(queue.next());
        let mut third = pin!(queue.next());
        // Two polls, one place.
        assert!(poll(first.as_mut(), &wakes[0]).is_pending());
        assert!(poll(first.as_mut(), &wakes[0]).is_pending());
        {
            let mut second = pin!(queue.next());
            assert!(poll(second.as_mut(), &wakes[1]).is_pending());
            assert!(poll(third.as_mut(), &wakes[2]).is_pending());
            queue.push(at);
            assert_eq!(poll(first.as_mut(), &wakes[0]), Poll::Ready(Some(at)));
            // Woken, and dropped before it looks: the next in line is woken instead.
            queue.push(at);
            assert_eq!((woken(0), woken(1), woken(2)), (1, 1, 0));
        }
        assert_eq!(woken(2), 1);
        assert_eq!(poll(third.as_mut(), &wakes[2]), Poll::Ready(Some(at)));
        assert!(queue.close().is_empty());
        assert_eq!(poll(pin!(queue.next()), &wakes[0]), Poll::Ready(None));
    }
}
