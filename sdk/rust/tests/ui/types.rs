use rusm_rs::{Params, Request, Response, Sse};

#[rusm_rs::handlers]
pub mod handlers {
    use super::*;

    pub fn swapped(_params: Params, _request: Request) -> Response {
        Response::new(200)
    }

    pub fn borrowed(_request: &Request) -> Response {
        Response::new(200)
    }

    pub fn text(_request: Request, _params: Params) -> String {
        String::new()
    }

    pub fn no_sse(_request: Request, _params: Params, _more: u32) {}

    pub fn borrowed_sse(_request: Request, _params: Params, _sse: &Sse) {}

    pub fn answers_twice(_request: Request, _params: Params, _sse: Sse) -> Response {
        Response::new(200)
    }

    pub fn foreign_error(_request: Request) -> Result<Response, std::num::ParseIntError> {
        Ok(Response::new(200))
    }
}

fn main() {}
