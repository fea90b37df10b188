//! A handler in Rust, which calls a service in TypeScript.

use std::time::Duration;

use rusm_rs::{CallError, Params, Request, Response};

#[rusm_rs::handlers]
pub mod handlers {
    use super::*;

    pub fn ask(_request: Request, params: Params) -> Result<Response, CallError> {
        let by: i64 = params.get("by").and_then(|by| by.parse().ok()).unwrap_or(0);
        let tally = rusm_rs::whereis("tally").ok_or(CallError::NoProcess)?;
        let total: i64 = rusm_rs::call(tally, "add_up", &(by,), Duration::from_secs(5))?;
        Ok(Response::text(format!("{total}\n")))
    }
}
