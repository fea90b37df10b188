//! Every shape an action may have, under the strictest lints.

#![deny(warnings, clippy::all, clippy::pedantic, missing_docs, unsafe_code)]

use rusm_rs::{BadRequest, IntoResponse, Params, Request, Response};

/// Documented, as the lints ask.
#[rusm_rs::handlers]
pub mod handlers {
    use super::*;

    /// Two parameters.
    pub fn index(_request: Request, _params: Params) -> Response {
        greeting()
    }

    /// One.
    pub fn only_request(_request: Request) -> Response {
        Response::new(204)
    }

    /// An error of the SDK.
    pub fn user_2(_: Request, params: Params) -> Result<Response, BadRequest> {
        let id: u32 = params.parse("id")?;
        Ok(Response::text(id.to_string()))
    }

    /// An error of the author's.
    pub fn buy(_: Request, params: Params) -> Result<Response, SoldOut> {
        params.get("id").map(|_| greeting()).ok_or(SoldOut)
    }

    /// A keyword, and a function of the C library.
    pub fn r#type(_: Request) -> Response {
        Response::new(200)
    }

    /// A function of the C library that Rust's standard library calls.
    pub fn write(_: Request) -> Response {
        Response::new(200)
    }

    /// Never returns.
    pub fn spin(_: Request) -> Response {
        loop {}
    }

    /// A helper may have any signature.
    fn greeting() -> Response {
        Response::text("Hello")
    }

    /// An error of the author's.
    pub struct SoldOut;

    impl IntoResponse for SoldOut {
        fn into_response(self) -> Response {
            Response::text("sold out").status(409)
        }
    }
}

fn main() {}
