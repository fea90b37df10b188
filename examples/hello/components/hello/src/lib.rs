//! Each public function below is an action; `rusm.toml` says which route calls which. Every
//! request gets a fresh instance of this component, so nothing here is shared between requests.

use std::collections::BTreeMap;
use std::hint::black_box;

use rusm_rs::{Params, Request, Response};

#[rusm_rs::handlers]
pub mod handlers {
    use super::*;

    /// `GET /`
    pub fn index(_request: Request, _params: Params) -> Response {
        Response::text("Hello from RUSM\n")
    }

    /// `GET /users/:id`
    pub fn user(_request: Request, params: Params) -> Response {
        let id = params.get("id").unwrap_or_default();
        Response::text(format!("user {id}\n"))
    }

    /// `POST /echo`: the body as it came, under the same content type.
    pub fn echo(request: Request, _params: Params) -> Response {
        let content_type = request.header_bytes("content-type").map(<[u8]>::to_vec);
        let response = Response::bytes(request.into_body());
        match content_type {
            Some(content_type) => response.header("content-type", content_type),
            None => response,
        }
    }

    /// `GET /files/*`
    pub fn files(_request: Request, params: Params) -> Response {
        let rest = params.rest().unwrap_or_default();
        Response::text(format!("file {rest}\n"))
    }

    /// `GET /headers`: the request's headers as a JSON object.
    pub fn headers(request: Request, _params: Params) -> Response {
        let mut headers = BTreeMap::<_, Vec<_>>::new();
        for (name, value) in request.headers() {
            headers
                .entry(name)
                .or_default()
                .push(String::from_utf8_lossy(value));
        }
        // A header may be sent several times.
        let headers: BTreeMap<_, _> = headers
            .into_iter()
            .map(|(name, values)| (name, values.join(", ")))
            .collect();
        Response::json(&headers)
    }

    /// `GET /boom`: a panic ends this request with 500, and no other.
    pub fn boom(_request: Request, _params: Params) -> Response {
        panic!("boom was called");
    }

    /// `GET /spin`: never returns, so the listener's time limit answers 504.
    pub fn spin(_request: Request, _params: Params) -> Response {
        loop {
            black_box(());
        }
    }

    /// `GET /alloc`: fills memory until it may have no more, which is 500.
    pub fn alloc(_request: Request, _params: Params) -> Response {
        let mut hoard = Vec::new();
        loop {
            hoard.push(black_box(vec![1_u8; 1 << 20]));
        }
    }
}
