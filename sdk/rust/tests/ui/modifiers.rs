use rusm_rs::{Params, Request, Response};

#[rusm_rs::handlers]
pub mod handlers {
    use super::*;

    pub async fn waits(_request: Request, _params: Params) -> Response {
        Response::new(200)
    }

    pub unsafe fn dares(_request: Request, _params: Params) -> Response {
        Response::new(200)
    }

    pub extern "C" fn exports(_request: Request, _params: Params) -> Response {
        Response::new(200)
    }

    pub fn generic<T: Into<Request>>(_request: T, _params: Params) -> Response {
        Response::new(200)
    }

    pub fn opaque(_request: impl Into<Request>, _params: Params) -> Response {
        Response::new(200)
    }

    #[cfg(debug_assertions)]
    pub fn conditional(_request: Request, _params: Params) -> Response {
        Response::new(200)
    }
}

fn main() {}
