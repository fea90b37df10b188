//! The content of a request on its way, and the memory for it.

use crate::memory::{Exhausted, Reserved};

/// Content on its way, and the memory for it.
pub(crate) struct Content {
    pub(crate) bytes: Vec<u8>,
    reserved: Reserved,
}

impl Content {
    pub(crate) fn new(reserved: Reserved) -> Self {
        Self {
            bytes: Vec::new(),
            reserved,
        }
    }

    /// Makes room for `more` bytes, and for as many again as there are, unless no more than `most`
    /// will come.
    pub(crate) fn reserve(&mut self, more: usize, most: usize) -> Result<(), Exhausted> {
        let (len, capacity) = (self.bytes.len(), self.bytes.capacity());
        if capacity - len >= more {
            return Ok(());
        }
        let growth = more.max(capacity).min(most).max(more);
        self.reserved.grow_to(len + growth)?;
        self.bytes.reserve_exact(growth);
        Ok(())
    }
}
