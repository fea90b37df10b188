//! Every shape an action may have, under the strictest lints.

#![deny(warnings, clippy::all, clippy::pedantic, missing_docs, unsafe_code)]

use rusm_rs::{BadRequest, Event, IntoResponse, Params, Request, Response, Sse};

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

    /// A body that is a stream, or not.
    pub fn export(request: Request) -> Response {
        let Some(name) = request.query_param("name").map(String::from) else {
            return Response::new(400);
        };
        Response::stream("text/plain", move |body| {
            body.write(name);
        })
        .status(206)
    }

    /// Server-Sent Events.
    pub fn feed(request: Request, _: Params, sse: Sse) {
        let _: Option<&str> = sse.last_event_id();
        let mut sent = 0;
        sse.run(std::time::Duration::from_secs(1), |_mail| {
            sent += 1;
            sse.data(request.path()) && sse.send(Event::new().id(sent))
        });
    }

    /// With an error of the author's.
    pub fn sales(_: Request, params: Params, sse: Sse) -> Result<(), SoldOut> {
        sse.data(params.get("id").ok_or(SoldOut)?);
        Ok(())
    }

    /// Never returns.
    pub fn endless(_: Request, _: Params, sse: Sse) -> Result<(), Response> {
        loop {
            sse.comment("still here");
        }
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
