//! Callbacks: closures of the caller that the callee calls.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;

use serde::{Deserialize, Deserializer, Serialize, de::Error};

use super::wire;
use crate::Stream;

/// A closure of the caller, as a parameter of a service's function.
///
/// It is valid during the call. Afterwards it does nothing.
pub struct Callback<A> {
    index: u32,
    call: Rc<Call>,
    argument: PhantomData<fn(A)>,
}

impl<A: Serialize> Callback<A> {
    /// Calls the closure, without waiting for it to return. Waits while the caller is slow.
    ///
    /// Returns false if the closure was not called: the call is over, the caller has ended, or
    /// `argument` cannot be serialized as JSON.
    pub fn call(&self, argument: A) -> bool {
        if !self.call.open.get() {
            return false;
        }
        let chunk = wire::callback(self.index, &argument);
        chunk.is_ok_and(|chunk| self.call.stream.write(&chunk))
    }
}

impl<A> Clone for Callback<A> {
    fn clone(&self) -> Self {
        Self {
            index: self.index,
            call: self.call.clone(),
            argument: PhantomData,
        }
    }
}

impl<A> fmt::Debug for Callback<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Callback({})", self.index)
    }
}

impl<'de, A> Deserialize<'de> for Callback<A> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let index = u32::deserialize(deserializer)?;
        let call = CURRENT.with_borrow(Option::clone);
        let call = call.ok_or_else(|| D::Error::custom("a callback is an argument of a call"))?;
        Ok(Self {
            index,
            call,
            argument: PhantomData,
        })
    }
}

/// The call that is being answered, with the stream that its callbacks go to.
struct Call {
    stream: Stream,
    open: Cell<bool>,
}

thread_local! {
    /// Where callbacks among the arguments belong.
    static CURRENT: RefCell<Option<Rc<Call>>> = const { RefCell::new(None) };
}

/// Lets callbacks through while it lives.
pub(super) struct Open(Rc<Call>);

impl Open {
    pub(super) fn new(stream: Stream) -> Self {
        let call = Rc::new(Call {
            stream,
            open: Cell::new(true),
        });
        CURRENT.set(Some(call.clone()));
        Self(call)
    }

    pub(super) fn stream(&self) -> &Stream {
        &self.0.stream
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.set(false);
        CURRENT.set(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argument() -> serde_json::Result<Callback<u8>> {
        serde_json::from_str("3")
    }

    #[test]
    fn a_callback_comes_with_a_call_and_ends_with_it() {
        assert!(argument().is_err());
        let open = Open::new(Stream::from_handle(1));
        let callback = argument().unwrap();
        assert!(callback.call.open.get());
        assert_eq!(format!("{callback:?}"), "Callback(3)");
        drop(open);
        assert!(!callback.call(1));
        assert!(argument().is_err());
    }
}
