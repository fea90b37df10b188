use rusm_rs::{Request, Response};

#[rusm_rs::handlers]
#[allow(non_snake_case)]
pub mod handlers {
    use super::*;

    pub fn get_user(_request: Request) -> Response {
        Response::new(200)
    }

    pub fn getUser(_request: Request) -> Response {
        Response::new(200)
    }

    pub fn größe(_request: Request) -> Response {
        Response::new(200)
    }

    pub fn _1st(_request: Request) -> Response {
        Response::new(200)
    }
}

fn main() {}
