//! A request in a message, and its answer in another: how a `process` component serves HTTP.
//!
//! The form is that of RUSM 0.7: JSON, with bodies in base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use rusm_core::Pid;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::http::{Request, Response};

/// The message that asks for `action`. The answer goes to `from`.
pub(crate) fn encode(action: &str, request: &Request<'_>, from: Pid) -> Vec<u8> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers = request.headers.iter();
    let envelope = Envelope {
        op: "fetch",
        reference: REFERENCE,
        from: from.as_raw().to_string(),
        action,
        params: request.params,
        request: AskedFor {
            method: request.method,
            url: request.target,
            headers: headers.map(|(name, value)| (*name, text(value))).collect(),
            body: BASE64.encode(request.body),
        },
    };
    // Strings and numbers always have a form.
    serde_json::to_vec(&envelope).unwrap_or_default()
}

/// The answer in a message; `None` if the message is none.
pub(crate) fn decode(message: &[u8]) -> Option<Result<Response, EnvelopeError>> {
    let reply: Reply = serde_json::from_slice(message).ok()?;
    if let Some(error) = reply.err {
        return Some(Err(EnvelopeError::Failed(error)));
    }
    let answer = reply.ok?;
    let body = match BASE64.decode(answer.body) {
        Ok(body) => body,
        Err(_) => return Some(Err(EnvelopeError::Body)),
    };
    let headers = answer.headers.into_iter();
    Some(Ok(Response {
        status: answer.status,
        headers: headers
            .map(|(name, value)| (name.to_ascii_lowercase(), value.into_bytes()))
            .collect(),
        body,
    }))
}

/// An answer that is no response.
#[derive(Debug, PartialEq, Eq, Error)]
pub(crate) enum EnvelopeError {
    /// The guest says what went wrong.
    #[error("it said {0:?}")]
    Failed(String),
    /// It can't be read.
    #[error("the body of its reply is not base64")]
    Body,
}

#[derive(Serialize)]
struct Envelope<'a> {
    op: &'static str,
    #[serde(rename = "ref")]
    reference: u64,
    from: String,
    action: &'a str,
    params: &'a [(&'a str, &'a str)],
    request: AskedFor<'a>,
}

#[derive(Serialize)]
struct AskedFor<'a> {
    method: &'a str,
    url: &'a str,
    headers: Vec<(&'a str, String)>,
    body: String,
}

#[derive(Deserialize)]
struct Reply {
    ok: Option<Answer>,
    err: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    status: u16,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: String,
}

/// A process answers one request, so all have the same.
const REFERENCE: u64 = 0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_goes_out_as_the_older_sdk_reads_it() {
        let request = Request {
            method: "POST",
            target: "/a?b=c",
            headers: &[("x-a", b"1"), ("x-b", b"\xff")],
            params: &[("id", "7")],
            body: b"hi",
        };
        let message = encode("get_user", &request, Pid::from_raw(42));
        let value: serde_json::Value = serde_json::from_slice(&message).unwrap();
        assert_eq!(
            value,
            serde_json::json!({
                "op": "fetch", "ref": 0, "from": "42", "action": "get_user",
                "params": [["id", "7"]],
                "request": {
                    "method": "POST", "url": "/a?b=c", "body": "aGk=",
                    "headers": [["x-a", "1"], ["x-b", "\u{fffd}"]],
                },
            })
        );
    }

    #[test]
    fn an_answer_is_read_and_what_is_none_is_not() {
        let answer = br#"{"ref":0,"ok":{"status":201,"headers":[["X-A","b"]],"body":"aGk="}}"#;
        let response = decode(answer).unwrap().unwrap();
        assert_eq!(response.status, 201);
        assert_eq!(response.headers, [("x-a".to_owned(), b"b".to_vec())]);
        assert_eq!(response.body, b"hi");
        let empty = decode(br#"{"ref":0,"ok":{"status":204}}"#)
            .unwrap()
            .unwrap();
        assert!(empty.headers.is_empty() && empty.body.is_empty());
        assert_eq!(
            decode(br#"{"ref":0,"err":"boom"}"#).unwrap().unwrap_err(),
            EnvelopeError::Failed("boom".into())
        );
        assert_eq!(
            decode(br#"{"ok":{"status":200,"body":"~"}}"#)
                .unwrap()
                .unwrap_err(),
            EnvelopeError::Body
        );
        for other in [&b"hello"[..], b"{}", br#"{"ref":0}"#, b"7"] {
            assert!(decode(other).is_none());
        }
    }
}
