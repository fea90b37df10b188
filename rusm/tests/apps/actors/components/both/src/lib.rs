//! A component that answers requests and calls alike.

use rusm_rs::{CallError, Request, Response};

#[rusm_rs::handlers]
pub mod handlers {
    use super::*;

    pub fn index(_request: Request) -> Result<Response, CallError> {
        let doubled = functions::Client::fresh("both").double(21)?;
        Ok(Response::text(format!("{doubled}\n")))
    }
}

#[rusm_rs::service]
pub mod functions {
    pub fn double(n: u32) -> u32 {
        2 * n
    }
}
