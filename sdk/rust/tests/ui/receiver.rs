use rusm_rs::{Params, Response};

#[rusm_rs::handlers]
pub mod handlers {
    use super::*;

    pub fn method(&self, _params: Params) -> Response {
        Response::new(200)
    }
}

fn main() {}
