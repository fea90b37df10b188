use rusm_rs::{Params, Request, Response};

#[rusm_rs::handlers]
pub mod handlers {
    use super::*;

    pub fn none() -> Response {
        Response::new(200)
    }

    pub fn three(_request: Request, _params: Params, _more: u32) -> Response {
        Response::new(200)
    }

    pub fn no_answer(_request: Request, _params: Params) {}
}

fn main() {}
