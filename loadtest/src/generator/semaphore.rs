//! A semaphore that limits how many connections are opened at the same time.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// A semaphore, first come first served. Opening thousands of connections at once would overflow
/// the server's accept queue; the kernel then drops SYNs, and clients wait for a second.
pub(super) struct Semaphore {
    free: Cell<usize>,
    waiting: RefCell<VecDeque<Waker>>,
}

/// A permit, released when it is dropped.
pub(super) struct Permit(Rc<Semaphore>);

impl Semaphore {
    /// Creates a semaphore for a thread that opens [`AT_ONCE`] connections at a time.
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Self {
            free: Cell::new(AT_ONCE),
            waiting: RefCell::default(),
        })
    }

    /// Waits for a permit. The future must not be dropped before it is ready.
    pub(super) async fn acquire(self: &Rc<Self>) -> Permit {
        poll_fn(|context| {
            let free = self.free.get();
            if free > 0 {
                self.free.set(free - 1);
                return Poll::Ready(Permit(Rc::clone(self)));
            }
            self.waiting.borrow_mut().push_back(context.waker().clone());
            Poll::Pending
        })
        .await
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.free.set(self.0.free.get() + 1);
        let next = self.0.waiting.borrow_mut().pop_front();
        if let Some(waker) = next {
            waker.wake();
        }
    }
}

/// Well within the usual queue of 128 or more.
const AT_ONCE: usize = 64;
