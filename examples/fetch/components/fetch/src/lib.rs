//! Answers that are made of other servers' answers. Whom this may ask is written in `rusm.toml`.

use std::time::Duration;

use rusm_rs::http::{self, FetchError};
use rusm_rs::{BadRequest, IntoResponse, Params, Request, Response};
use serde::{Deserialize, Serialize};

#[rusm_rs::handlers]
pub mod handlers {
    use super::*;

    /// `GET /?url=`: what is there, as it came.
    pub fn page(request: Request) -> Result<Response, Failure> {
        let url = request
            .query_param("url")
            .ok_or(BadRequest::new("which? ask for /?url=https://example.com/"))?;
        let page = http::get(url)
            .header("Accept", "*/*")
            .timeout(Duration::from_secs(5))
            .max_body(1 << 20);
        Ok(http::fetch(page)?.into_response())
    }

    /// `GET /both`: two parts in one.
    pub fn both(_request: Request) -> Result<Response, Failure> {
        let parts = ["one", "two"].map(fetch_part);
        let parts: Result<Vec<Part>, Failure> = parts.into_iter().collect();
        Ok(Response::json(&parts?))
    }

    /// `GET /parts/:name`
    pub fn part(_request: Request, params: Params) -> Response {
        let name = params.get("name").unwrap_or_default();
        Response::json(&Part {
            name: name.to_owned(),
            len: name.len(),
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Part {
    name: String,
    len: usize,
}

fn fetch_part(name: &str) -> Result<Part, Failure> {
    // The time of an action is short, so that of what it waits for is shorter.
    let part = http::get(format!("{}/parts/{name}", own_address()))
        .timeout(Duration::from_secs(2))
        .max_body(64 * 1024);
    Ok(http::fetch(part)?.json()?)
}

fn own_address() -> String {
    std::env::var("SELF").unwrap_or_default()
}

/// Why an action has nothing better to say.
pub enum Failure {
    Request(BadRequest),
    Fetch(FetchError),
}

impl From<BadRequest> for Failure {
    fn from(error: BadRequest) -> Self {
        Self::Request(error)
    }
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        Self::Fetch(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Request(error) => error.into_response(),
            // The client has chosen where the request goes, so it may know what is wrong with that.
            Self::Fetch(error @ FetchError::Denied(_)) => {
                Response::text(format!("{error}\n")).status(403)
            }
            Self::Fetch(FetchError::Invalid(why)) => BadRequest::new(why).into_response(),
            // 502 or 504, and why in the operator's log.
            Self::Fetch(error) => error.into_response(),
        }
    }
}
