//! The bound on the bytes that wait for the writer. The number of operations is bounded by the channel.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::StoreError;

/// The number of operations that may wait for the writer, and for the readers.
pub(crate) const MAX_WAITING: usize = 4096;

/// The bytes of keys and values that may wait for the writer, or be written.
pub(crate) const MAX_WAITING_BYTES: usize = 64 * 1024 * 1024;

/// The bytes that wait, shared by all clones.
#[derive(Clone, Default)]
pub(crate) struct Budget(Arc<AtomicUsize>);

impl Budget {
    /// Acquires `bytes`, until the permit is dropped.
    pub(crate) fn take(&self, bytes: usize) -> Result<Permit, StoreError> {
        let waiting = self.0.fetch_add(bytes, Ordering::Relaxed);
        let permit = Permit {
            budget: self.clone(),
            bytes,
        };
        if waiting + bytes > MAX_WAITING_BYTES {
            return Err(StoreError::Busy);
        }
        Ok(permit)
    }
}

/// Bytes acquired from the budget.
pub(crate) struct Permit {
    budget: Budget,
    bytes: usize,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.budget.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_takes_no_room() {
        let budget = Budget::default();
        let most = budget.take(MAX_WAITING_BYTES - 10).unwrap();
        assert!(matches!(budget.take(11), Err(StoreError::Busy)));
        let rest = budget.take(10).unwrap();
        assert!(matches!(budget.take(1), Err(StoreError::Busy)));
        drop(most);
        drop(rest);
        assert!(budget.take(MAX_WAITING_BYTES).is_ok());
    }
}
