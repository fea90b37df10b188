//! State of a process whose functions are called for each message.

use std::cell::RefCell;
use std::mem::ManuallyDrop;

/// Holds the state from the first message to the end of the process.
#[derive(Debug)]
pub struct StateCell<T>(RefCell<Option<ManuallyDrop<T>>>);

impl<T> StateCell<T> {
    /// Creates an empty cell.
    #[allow(
        clippy::new_without_default,
        reason = "for a static, which takes a const"
    )]
    pub const fn new() -> Self {
        Self(RefCell::new(None))
    }

    /// Calls `f` with the state, which `init` makes the first time.
    ///
    /// The host delivers one message at a time, so the state is not borrowed already.
    pub fn with<R>(&self, init: impl FnOnce() -> T, f: impl FnOnce(&mut T) -> R) -> R {
        // It is never dropped: the process ends without running destructors.
        let mut state = self.0.borrow_mut();
        f(state.get_or_insert_with(|| ManuallyDrop::new(init())))
    }
}

/// Makes the state of a module without `init`.
pub fn default_state<T: Default>() -> T {
    T::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_made_once() {
        let cell = StateCell::new();
        let add = |n: u32| {
            cell.with(
                || 10,
                |state| {
                    *state += n;
                    *state
                },
            )
        };
        assert_eq!([add(1), add(2)], [11, 13]);
    }
}
