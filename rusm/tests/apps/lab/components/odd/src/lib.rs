//! Responses that the host has to refuse, to frame, or to be patient with.

use rusm_rs::{Params, Request, Response};

#[rusm_rs::handlers]
pub mod handlers {
    use super::*;

    /// `GET /status/:code`: any 16 bits for a status, and a body even where there can be none.
    pub fn status(_request: Request, params: Params) -> Response {
        Response::text("body\n").status(number(&params, "code") as u16)
    }

    /// `GET /header/:name?value`: one header, both parts as they were captured.
    pub fn header(request: Request, params: Params) -> Response {
        let value = request
            .query_param("value")
            .unwrap_or_default()
            .into_owned();
        Response::text("ok\n").header(params.get("name").unwrap_or_default(), value)
    }

    /// `GET /head/:bytes`: one header of this size.
    pub fn head(_request: Request, params: Params) -> Response {
        Response::text("ok\n").header("x-large", vec![b'x'; number(&params, "bytes")])
    }

    /// `GET /framing`: claims what only the host can know.
    pub fn framing(_request: Request, _params: Params) -> Response {
        Response::text("framed by the host\n")
            .header("content-length", "3")
            .header("transfer-encoding", "chunked")
            .header("connection", "close")
            .header("date", "yesterday")
    }

    /// `POST /echo`
    pub fn echo(request: Request, _params: Params) -> Response {
        Response::bytes(request.into_body())
    }

    /// `GET /blob/:bytes`
    pub fn blob(_request: Request, params: Params) -> Response {
        Response::bytes(vec![b'x'; number(&params, "bytes")])
    }
}

fn number(params: &Params, name: &str) -> usize {
    params
        .get(name)
        .and_then(|text| text.parse().ok())
        .unwrap_or_default()
}
