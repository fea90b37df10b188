use rusm_rs::{Request, Response};

#[rusm_rs::handlers]
pub fn index(_request: Request) -> Response {
    Response::new(200)
}

fn main() {}
