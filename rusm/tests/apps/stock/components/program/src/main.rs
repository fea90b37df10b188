//! A program and no library, as the documentation of the crate `wstd` has it.

use wstd::http::{Body, Error, Request, Response};

#[wstd::http_server]
async fn main(_request: Request<Body>) -> Result<Response<Body>, Error> {
    Ok(Response::new("Hello from src/main.rs\n".into()))
}
