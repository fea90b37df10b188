//! What an entry is given, and what it answered. An instance has one entry at a time.

use std::cell::{Cell, RefCell};

/// A request that an action answers.
#[derive(Default)]
pub(crate) struct Request {
    /// Names and values in turn; each byte of a value is a char.
    pub(crate) headers: Vec<String>,
    pub(crate) params: Vec<String>,
    pub(crate) body: Vec<u8>,
}

/// How an entry ended.
pub(crate) enum Ended {
    /// An action's response.
    Answer(Response),
    /// A function's answer: JSON.
    Value(String),
    /// A function's error, or, of any other entry, an exception's text.
    Failed(String),
    /// Any other entry is done.
    Finished,
}

/// An action's response.
#[derive(Default)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

thread_local! {
    static REQUEST: RefCell<Request> = RefCell::default();
    static ENDED: RefCell<Option<Ended>> = const { RefCell::new(None) };
    static RESPONDED: Cell<bool> = const { Cell::new(false) };
}

/// An entry begins.
pub(crate) fn begin(request: Request) {
    REQUEST.set(request);
    ENDED.set(None);
}

/// An entry has ended. The first end counts.
pub(crate) fn end(ended: Ended) {
    ENDED.with_borrow_mut(|slot| {
        slot.get_or_insert(ended);
    });
}

/// Whether it has.
pub(crate) fn has_ended() -> bool {
    ENDED.with_borrow(Option::is_some)
}

/// How it did.
pub(crate) fn take_end() -> Option<Ended> {
    ENDED.take()
}

/// The head of the response is on its way.
pub(crate) fn set_responded() {
    RESPONDED.set(true);
}

/// Whether it is: what fails then can be told to the client only by an end too soon.
pub(crate) fn has_responded() -> bool {
    RESPONDED.get()
}

/// Look at the request.
pub(crate) fn with_request<T>(look: impl FnOnce(&mut Request) -> T) -> T {
    REQUEST.with_borrow_mut(look)
}
