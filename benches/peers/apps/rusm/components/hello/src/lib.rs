//! A constant.

#[rusm_rs::handlers]
pub mod api {
    use rusm_rs::{Params, Request, Response};

    pub fn home(_request: Request, _params: Params) -> Response {
        Response::text("Hello from RUSM\n")
    }
}
