//! Requests to other servers. They need `allow-network`, for the hosts they go to.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use rusm_rs::http::{self, FetchError};
//! use rusm_rs::{Params, Request, Response};
//!
//! #[derive(serde::Deserialize)]
//! struct Weather {
//!     degrees: f32,
//! }
//!
//! fn weather(_request: Request, params: Params) -> Result<Response, FetchError> {
//!     let city = params.get("city").unwrap_or_default();
//!     let request = http::get(format!("https://weather.example.com/{city}"))
//!         .header("Accept", "application/json")
//!         .timeout(Duration::from_secs(2));
//!     let response = http::fetch(request)?;
//!     if !response.is_success() {
//!         return Ok(Response::text("no weather today\n").status(502));
//!     }
//!     let Weather { degrees } = response.json()?;
//!     Ok(Response::text(format!("{degrees} °C\n")))
//! }
//! ```
//!
//! A plain GET needs only its URL:
//!
//! ```no_run
//! # fn main() -> Result<(), rusm_rs::http::FetchError> {
//! let page = rusm_rs::http::fetch("https://example.com/")?;
//! # Ok(())
//! # }
//! ```
//!
//! The process is parked until the response has arrived; its core is free meanwhile. In an action
//! the wait counts towards `request-timeout-ms`.

mod error;
mod fetched;
mod outgoing;

pub use error::FetchError;
pub use fetched::Fetched;
pub use outgoing::{Outgoing, delete, get, head, patch, post, put};

use crate::bindings::rusm::runtime::client;

/// Sends a request, an [`Outgoing`] or the URL of a GET, and reads the complete response. Redirects
/// are not followed, and error statuses are responses, not errors.
///
/// # Errors
/// See [`FetchError`].
pub fn fetch(request: impl Into<Outgoing>) -> Result<Fetched, FetchError> {
    let request = request.into().into_wit()?;
    match client::fetch(&request) {
        Ok(fetched) => Ok(Fetched::from_wit(fetched)),
        Err(error) => Err(FetchError::from_wit(error, &request.url)),
    }
}
