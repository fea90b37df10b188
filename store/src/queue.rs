//! How much may wait for the writer, in bytes. How many may wait is the channel's bound.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::StoreError;

/// How many operations may wait for the writer, and how many for the readers.
pub(crate) const MAX_WAITING: usize = 4096;

/// How many bytes of keys and values may wait for the writer, or be in its hands.
pub(crate) const MAX_WAITING_BYTES: usize = 64 * 1024 * 1024;

/// The bytes that wait, shared by all who write.
#[derive(Clone, Default)]
pub(crate) struct Budget(Arc<AtomicUsize>);

impl Budget {
    /// Room for `bytes`, until the permit is dropped.
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

/// Room in the budget.
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
