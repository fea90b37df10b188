//! What processes that wait take of a shard.

use std::cell::Cell;
use std::rc::Rc;

/// What processes that wait take of a shard.
#[derive(Default)]
pub(crate) struct Waiting {
    /// Of memory, by those without an instance.
    pub(crate) bytes: Rc<Cell<u64>>,
    /// How many have an instance beyond `held-per-core`.
    pub(crate) overdrawn: Rc<Cell<u64>>,
}

/// A part of a sum, for as long as it lives.
pub(crate) struct Tally {
    sum: Rc<Cell<u64>>,
    part: u64,
}

impl Tally {
    pub(crate) fn add(sum: &Rc<Cell<u64>>, part: u64) -> Self {
        sum.set(sum.get().saturating_add(part));
        Self {
            sum: sum.clone(),
            part,
        }
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        self.sum.set(self.sum.get().saturating_sub(self.part));
    }
}
