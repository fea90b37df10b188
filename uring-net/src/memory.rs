//! Memory of a shard for bodies that wait: of requests until they are answered, of responses until
//! their clients have taken them.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use thiserror::Error;

/// Bytes that the bodies of a shard take, and may.
///
/// Small bodies ([`UNCOUNTED`]) are not counted: the number of connections bounds them, and
/// requests that need no more are answered even when all of this memory is in use.
pub(crate) struct BodyMemory {
    max: u64,
    used: Cell<u64>,
    /// Requests that were refused since it was last logged.
    refused: Cell<u64>,
    /// All that ever were.
    total_refused: Cell<u64>,
    logged: Cell<Option<Instant>>,
}

impl BodyMemory {
    pub(crate) fn new(max: u64) -> Self {
        Self {
            max,
            used: Cell::new(0),
            refused: Cell::new(0),
            total_refused: Cell::new(0),
            logged: Cell::new(None),
        }
    }

    /// Bytes in use.
    pub(crate) fn used(&self) -> u64 {
        self.used.get()
    }

    /// A request was refused for want of memory.
    pub(crate) fn note_rejected(&self) {
        self.refused.set(self.refused.get() + 1);
        self.total_refused.set(self.total_refused.get() + 1);
    }

    /// Requests that were ever refused for want of memory.
    pub(crate) fn total_rejected(&self) -> u64 {
        self.total_refused.get()
    }

    /// Tells the operator of rejected requests, once a second at most.
    pub(crate) fn log_rejected(&self, now: Instant) {
        let refused = self.refused.get();
        let is_due = |logged: Instant| now.duration_since(logged) >= LOG_INTERVAL;
        if refused == 0 || !self.logged.get().is_none_or(is_due) {
            return;
        }
        self.logged.set(Some(now));
        self.refused.set(0);
        tracing::warn!(
            requests = refused,
            "the memory for bodies on this core is in use: requests got 503 (body-memory-per-core)"
        );
    }
}

/// A part of the memory for bodies, until it is dropped.
pub(crate) struct Reserved {
    memory: Rc<BodyMemory>,
    bytes: u64,
}

impl Reserved {
    /// None of it yet.
    pub(crate) fn none(memory: &Rc<BodyMemory>) -> Self {
        Self {
            memory: memory.clone(),
            bytes: 0,
        }
    }

    /// Makes it enough for `bytes`; it never shrinks. A body that no other shares the memory with
    /// may be larger than all of it, up to its own limit: else it could never be served.
    pub(crate) fn grow_to(&mut self, bytes: usize) -> Result<(), Exhausted> {
        let bytes = bytes as u64;
        if bytes <= self.bytes || bytes <= UNCOUNTED as u64 {
            return Ok(());
        }
        let memory = &self.memory;
        let others = memory.used.get().saturating_sub(self.bytes);
        let used = others.saturating_add(bytes);
        if others > 0 && used > memory.max {
            return Err(Exhausted);
        }
        memory.used.set(used);
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let used = &self.memory.used;
        used.set(used.get().saturating_sub(self.bytes));
    }
}

/// All of the memory for bodies is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the memory for bodies is in use")]
pub(crate) struct Exhausted;

/// Bytes of a body that are not counted.
pub(crate) const UNCOUNTED: usize = 16 * 1024;
const LOG_INTERVAL: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: usize = UNCOUNTED * 2;

    fn reserve(memory: &Rc<BodyMemory>, bytes: usize) -> Result<Reserved, Exhausted> {
        let mut reserved = Reserved::none(memory);
        reserved.grow_to(bytes).map(|()| reserved)
    }

    #[test]
    fn what_is_reserved_is_given_back() {
        let memory = Rc::new(BodyMemory::new(3 * BODY as u64));
        let mut reserved: Vec<_> = (0..3).map(|_| reserve(&memory, BODY).unwrap()).collect();
        assert!(reserve(&memory, BODY).is_err());
        assert!(reserved[0].grow_to(BODY + 1).is_err());
        assert!(reserved[0].grow_to(BODY).is_ok());
        reserved.pop();
        let other = reserve(&memory, BODY).unwrap();
        drop((reserved, other));
        assert_eq!(memory.used(), 0);
    }

    #[test]
    fn small_bodies_are_not_counted() {
        let memory = Rc::new(BodyMemory::new(BODY as u64));
        let _large = reserve(&memory, BODY).unwrap();
        for _ in 0..100 {
            std::mem::forget(reserve(&memory, UNCOUNTED).unwrap());
        }
        assert!(reserve(&memory, UNCOUNTED + 1).is_err());
    }

    #[test]
    fn a_body_that_is_alone_may_be_larger_than_the_memory() {
        let memory = Rc::new(BodyMemory::new(BODY as u64));
        let mut alone = reserve(&memory, BODY * 10).unwrap();
        alone.grow_to(BODY * 20).unwrap();
        assert!(reserve(&memory, BODY).is_err());
        drop(alone);
        let _first = reserve(&memory, BODY / 2 + 1).unwrap();
        assert!(reserve(&memory, BODY).is_err());
    }
}
