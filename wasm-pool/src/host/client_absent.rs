//! `rusm:runtime/client@0.1.0` in a server that was compiled without requests to other servers.

use crate::bindings::rusm::runtime::client::{FetchError, Fetched, Host, Outgoing};
use crate::state::HostState;

impl Host for HostState {
    async fn fetch(&mut self, _request: Outgoing) -> wasmtime::Result<Result<Fetched, FetchError>> {
        let why =
            "this rusm was compiled without requests to other servers (the feature `wasi-http`)";
        Ok(Err(FetchError::Failed(why.to_owned())))
    }
}
