//! Requests to the server and their expected responses, parsed and checked before any load.
//!
//! - [`Url`] is the address.
//! - [`Target`] is a request, [`Targets`] a weighted list of them for one server.
//! - [`Expect`] has the success criteria of a response.

mod expect;
mod file;
mod list;
mod url;

pub use expect::{Expect, ExpectError};
pub use file::{Content, FileError, read as read_file};
pub use list::{ListError, Targets};
pub use url::{Resolve, Scheme, Url, UrlError};

use crate::net::http1::request::{Request, encode};

/// A request, and the success criteria of its response.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The URL.
    pub url: Url,
    /// As `GET`.
    pub method: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body, which may be empty.
    pub body: Vec<u8>,
    /// Its weight relative to the others'.
    pub weight: f64,
    /// The success criteria of its response.
    pub expect: Expect,
}

impl Target {
    /// Creates a `GET` for which any 2xx is a success.
    #[must_use]
    pub fn get(url: Url) -> Self {
        Self {
            url,
            method: "GET".to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            weight: 1.0,
            expect: Expect::default(),
        }
    }

    /// Encodes the request.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(&Request {
            method: &self.method,
            target: &self.url.target,
            authority: &self.url.authority,
            headers: &self.headers,
            body: &self.body,
        })
    }
}

/// Returns whether a method or the name of a header is a token (RFC 9110 sections 9.1 and 5.1).
fn is_token(text: &str) -> bool {
    let special = b"!#$%&'*+-.^_`|~";
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || special.contains(&byte))
}

/// Checks a method.
///
/// # Errors
/// A sentence, if it is not a token.
pub fn parse_method(text: &str) -> Result<String, String> {
    if is_token(text) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "`{text}` is no method; write one such as GET or POST"
        ))
    }
}

/// Parses a header, `Name: value`.
///
/// # Errors
/// A sentence, if it is invalid.
pub fn parse_header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once(':')
        .ok_or_else(|| format!("`{text}` is no header; write `Name: value`"))?;
    header(name.trim(), value.trim())
}

/// Checks the parts of a header (RFC 9110 section 5).
fn header(name: &str, value: &str) -> Result<(String, String), String> {
    if !is_token(name) {
        return Err(format!("`{name}` is no name of a header"));
    }
    if value
        .bytes()
        .any(|byte| byte.is_ascii_control() && byte != b'\t')
    {
        return Err(format!(
            "the value of the header `{name}` has control characters"
        ));
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// Returns the bytes of a body: the text itself, or with a leading `@` the content of that file.
///
/// # Errors
/// A sentence, if the file cannot be read.
pub fn parse_body(text: &str, base: &std::path::Path) -> Result<Vec<u8>, String> {
    match text.strip_prefix('@') {
        None => Ok(text.as_bytes().to_vec()),
        Some(path) => {
            let path = base.join(path);
            std::fs::read(&path)
                .map_err(|error| format!("cannot read the body {}: {error}", path.display()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        let parsed = parse_header("Accept:  text/plain ");
        assert_eq!(parsed, Ok(("Accept".into(), "text/plain".into())));
        for bad in ["Accept", ": x", "A b: x", "A: x\r\nB: y"] {
            assert!(parse_header(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn methods() {
        assert!(parse_method("PURGE").is_ok());
        assert!(parse_method("GET /").is_err());
        assert!(parse_method("").is_err());
    }

    #[test]
    fn a_body_is_a_text_or_a_file() {
        let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        assert_eq!(parse_body("{}", here), Ok(b"{}".to_vec()));
        let file = parse_body("@Cargo.toml", here).unwrap();
        assert!(file.starts_with(b"[package]"));
        let error = parse_body("@none", here).unwrap_err();
        assert!(error.contains("none"), "{error}");
    }
}
