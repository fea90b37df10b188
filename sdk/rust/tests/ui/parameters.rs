use rusm_rs::{Params, Request, Response, Sse};

#[rusm_rs::handlers]
pub mod handlers {
    use super::*;

    pub fn none() -> Response {
        Response::new(200)
    }

    pub fn four(_request: Request, _params: Params, _sse: Sse, _more: u32) {}

    pub fn no_answer(_request: Request, _params: Params) {}
}

fn main() {}
