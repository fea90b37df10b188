//! Glue between an author's functions and the component's exports, for the macros' expansions.

#[cfg(target_arch = "wasm32")]
pub use crate::abi::{FlatMail, mail, message, string};
pub use crate::bindings::rusm::runtime::{actor, http, types};
#[cfg(feature = "json")]
pub use crate::service;
pub use crate::sse::{SseAction, with_sse};
pub use crate::state::{StateCell, default_state};
pub use crate::websocket::with_connection;
pub use wit_bindgen;

use crate::{IntoResponse, Params, Request, Response, Sse};

/// Begins a call that the process outlives: memory that it frees has to be used again.
#[inline]
pub fn begin_lasting() {
    begin();
    #[cfg(all(feature = "heap", target_arch = "wasm32"))]
    crate::heap::switch_to_general();
}

/// Runs before the author's code at every entry.
#[inline]
fn begin() {
    #[cfg(feature = "log")]
    crate::logger::install();
}

/// Parts a request as it was lowered; nothing is copied.
#[inline]
pub fn open(mut request: http::Request) -> (Request, Params) {
    begin();
    let params = Params::from_wit(std::mem::take(&mut request.params));
    (Request::from_wit(request), params)
}

/// What an action returned, as it is lifted by the host; nothing is copied. If it is a stream, it
/// has been sent.
#[inline]
pub fn close(response: impl IntoResponse) -> http::Response {
    Response::into_wit(response.into_response())
}

/// A parameter's type, of a function that is given a `T` for it.
#[diagnostic::on_unimplemented(
    message = "this parameter is a `{T}`, not `{Self}`",
    label = "expected `{T}`"
)]
pub trait Given<T> {
    /// The argument.
    fn given(value: T) -> Self;
}

impl<T> Given<T> for T {
    #[inline]
    fn given(value: T) -> Self {
        value
    }
}

/// The type of an action's first parameter.
#[diagnostic::on_unimplemented(
    message = "the first parameter of an action is a `Request`, not `{Self}`",
    label = "expected `rusm_rs::Request`"
)]
pub trait FirstParameter {
    /// The argument.
    fn of(request: Request) -> Self;
}

impl FirstParameter for Request {
    #[inline]
    fn of(request: Request) -> Self {
        request
    }
}

/// The type of an action's second parameter.
#[diagnostic::on_unimplemented(
    message = "the second parameter of an action is `Params`, not `{Self}`",
    label = "expected `rusm_rs::Params`"
)]
pub trait SecondParameter {
    /// The argument.
    fn of(params: Params) -> Self;
}

impl SecondParameter for Params {
    #[inline]
    fn of(params: Params) -> Self {
        params
    }
}

/// The type of an action's third parameter.
#[diagnostic::on_unimplemented(
    message = "the third parameter of an action is `Sse`, not `{Self}`",
    label = "expected `rusm_rs::Sse`"
)]
pub trait ThirdParameter {
    /// The argument.
    fn of(sse: Sse) -> Self;
}

impl ThirdParameter for Sse {
    #[inline]
    fn of(sse: Sse) -> Self {
        sse
    }
}
