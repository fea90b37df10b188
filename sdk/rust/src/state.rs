//! The state of a process that is entered for each message.

use std::cell::RefCell;
use std::mem::ManuallyDrop;

/// Where the state is, from the first message to the end of the process.
#[derive(Debug)]
pub struct StateCell<T>(RefCell<Option<ManuallyDrop<T>>>);

impl<T> StateCell<T> {
    /// Nothing yet.
    #[allow(
        clippy::new_without_default,
        reason = "for a static, which takes a const"
    )]
    pub const fn new() -> Self {
        Self(RefCell::new(None))
    }

    /// Calls `f` with the state, which `init` makes if it is not there.
    ///
    /// The host lets one message in at a time, so nobody else has it.
    pub fn with<R>(&self, init: impl FnOnce() -> T, f: impl FnOnce(&mut T) -> R) -> R {
        // It is never dropped: the process ends without a word.
        let mut state = self.0.borrow_mut();
        f(state.get_or_insert_with(|| ManuallyDrop::new(init())))
    }
}

/// Makes a state that has no `init`.
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
