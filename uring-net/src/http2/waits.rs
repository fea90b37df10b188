//! The deadlines of a connection's streams. They have no timers: the shard wakes the connection at
//! the first of them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Instant;

use slab::Slab;

/// The waits of all streams of a connection.
#[derive(Default)]
pub(super) struct Waits {
    waits: RefCell<Slab<Entry>>,
    /// No deadline is before it.
    next: Cell<Option<Instant>>,
    /// Streams that wait until the connection has written what they sent.
    next_pass: RefCell<Vec<Waker>>,
}

struct Entry {
    deadline: Option<Instant>,
    waker: Waker,
}

impl Waits {
    /// Returns the time by which [`Waits::wake_expired`] has to be called.
    pub(super) fn next(&self) -> Option<Instant> {
        self.next.get()
    }

    /// Wakes the streams whose deadlines have passed.
    pub(super) fn wake_expired(&self, now: Instant) {
        if self.next.get().is_none_or(|next| next > now) {
            return;
        }
        let mut next = None;
        for (_, entry) in &mut *self.waits.borrow_mut() {
            match entry.deadline {
                Some(deadline) if deadline <= now => {
                    entry.deadline = None;
                    entry.waker.wake_by_ref();
                }
                deadline => next = earlier(next, deadline),
            }
        }
        self.next.set(next);
    }

    /// Wakes all streams.
    pub(super) fn wake_all(&self) {
        for (_, entry) in &*self.waits.borrow() {
            entry.waker.wake_by_ref();
        }
    }

    /// The connection has written what it could.
    pub(super) fn passed(&self) {
        for waker in self.next_pass.take() {
            waker.wake();
        }
    }

    pub(super) fn wait_for_pass(&self, waker: &Waker) {
        self.next_pass.borrow_mut().push(waker.clone());
    }
}

/// The wait of one stream.
pub(super) struct Wait {
    waits: Rc<Waits>,
    key: usize,
}

impl Wait {
    pub(super) fn new(waits: Rc<Waits>) -> Self {
        let key = waits.waits.borrow_mut().insert(Entry {
            deadline: None,
            waker: Waker::noop().clone(),
        });
        Self { waits, key }
    }

    /// The stream is to be woken by `deadline`, and when the shard drains.
    pub(super) fn set(&self, deadline: Option<Instant>, cx: &Context<'_>) {
        if let Some(entry) = self.waits.waits.borrow_mut().get_mut(self.key) {
            entry.deadline = deadline;
            entry.waker.clone_from(cx.waker());
        }
        let next = &self.waits.next;
        next.set(earlier(next.get(), deadline));
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.waits.waits.borrow_mut().try_remove(self.key);
    }
}

/// Returns the first of two deadlines.
pub(super) fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
