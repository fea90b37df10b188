use rusm_rs::{Request, Response};

#[rusm_rs::handlers]
pub mod handlers {
    use super::*;

    #[allow(dead_code)]
    pub(crate) fn index(_request: Request) -> Response {
        Response::new(200)
    }
}

fn main() {}
