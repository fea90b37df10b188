//! From what a guest answers to a response of HTTP.

use std::fmt::Display;

use rusm_uring_net::http1::{HeaderLines, ResponseHeaders, Status};
use rusm_uring_net::{Body, BodyStream, ErrorResponse, Response, ServiceResponse};
use rusm_wasm_pool::ProcessError;
use rusm_wasm_pool::connection::ResponseHead;
use rusm_wasm_pool::http;

use super::request_log::RequestLog;

/// A guest's response: whole, or its head and the source of its body.
pub(super) enum Outcome {
    Whole(http::Response),
    Stream(ResponseHead, Box<dyn BodyStream>),
}

/// The response to send. What keeps it from being sent is logged; `log` is asked for only then.
pub(super) fn respond(
    outcome: Result<Outcome, ProcessError>,
    log: impl Fn() -> RequestLog,
) -> Result<ServiceResponse, ErrorResponse> {
    let (status, headers, body) = match outcome {
        Ok(Outcome::Whole(response)) => {
            let body = Body::Bytes(response.body);
            (response.status, response.headers, body)
        }
        Ok(Outcome::Stream(start, body)) => (start.status, start.headers, Body::Stream(body)),
        Err(error) => return Err(log().log_failure(&error)),
    };
    let invalid = |why: &dyn Display| log().log_invalid_response(why);
    let head = http::head_bytes(&headers);
    if head > http::MAX_HEAD {
        let why = format!(
            "its headers have {head} bytes, more than {}",
            http::MAX_HEAD
        );
        return Err(invalid(&why));
    }
    let status = Status::new(status).map_err(|error| invalid(&error))?;
    let headers = ResponseHeaders::new(headers).map_err(|error| invalid(&error))?;
    let response = Response {
        status,
        headers,
        body,
    };
    Ok(response.into())
}

/// One header, of a name and a value that are valid.
pub(super) fn single_header(name: &str, value: &str) -> HeaderLines {
    HeaderLines::new([(name, value)]).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rusm_uring_net::http1::is_host_owned;

    /// Two crates that do not know one another have the list.
    #[test]
    fn the_manifest_refuses_the_headers_that_the_host_sets_itself() {
        for name in [
            "accept",
            "age",
            "allow",
            "cache-control",
            "connection",
            "content-encoding",
            "content-length",
            "content-type",
            "cookie",
            "date",
            "etag",
            "expires",
            "host",
            "keep-alive",
            "last-modified",
            "location",
            "proxy-authenticate",
            "proxy-authorization",
            "proxy-connection",
            "retry-after",
            "server",
            "set-cookie",
            "strict-transport-security",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
            "vary",
            "via",
            "x-frame-options",
        ] {
            let manifest = format!(
                "[[serve]]\nlisten = \"127.0.0.1:0\"\n[serve.routes]\n\"GET /\" = \"a#b\"\n\
                 [serve.headers]\n{name} = \"x\"\n"
            );
            let is_error = rusm_config::parse("a", &manifest).is_err();
            assert_eq!(is_error, is_host_owned(name.as_bytes()), "{name}");
        }
    }
}
