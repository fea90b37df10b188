//! The request target (RFC 9112 section 3.2).

use super::authority::is_authority;
use super::error::RequestError;
use super::status::Status;

/// A target taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target<'b> {
    /// Begins with `/`, or is `*`; as sent, with its escapes.
    pub(super) path: &'b str,
    /// The part behind the first `?`, if there is one.
    pub(super) query: Option<&'b str>,
    /// The authority of an absolute target; never empty.
    pub(super) authority: Option<&'b str>,
}

impl<'b> Target<'b> {
    pub(super) fn parse(method: &str, target: &'b str) -> Result<Self, RequestError> {
        // A proxy's method, and the only one whose target is an authority.
        if method == "CONNECT" {
            return Err(RequestError::new(
                Status::NOT_IMPLEMENTED,
                "CONNECT is not supported",
            ));
        }
        if target.starts_with('/') {
            return Self::origin(target);
        }
        if target == "*" && method == "OPTIONS" {
            return Ok(Self {
                path: target,
                query: None,
                authority: None,
            });
        }
        Self::absolute(target)
    }

    fn origin(target: &'b str) -> Result<Self, RequestError> {
        let bytes = target.as_bytes();
        let end = bytes
            .iter()
            .position(|&byte| class(byte) & PATH == 0)
            .unwrap_or(bytes.len());
        let (path, rest) = target.split_at_checked(end).ok_or(BAD_TARGET)?;
        let query = match rest.strip_prefix('?') {
            Some(query) if query.bytes().all(|byte| class(byte) & QUERY != 0) => Some(query),
            None if rest.is_empty() => None,
            _ => return Err(BAD_TARGET),
        };
        Ok(Self {
            path,
            query,
            authority: None,
        })
    }

    fn absolute(target: &'b str) -> Result<Self, RequestError> {
        let (scheme, rest) = target.split_once("://").ok_or(BAD_TARGET)?;
        if !(scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")) {
            return Err(BAD_TARGET);
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at_checked(end).ok_or(BAD_TARGET)?;
        if authority.is_empty() || !is_authority(authority.as_bytes()) {
            return Err(BAD_TARGET);
        }
        let origin = Self::origin(rest)?;
        Ok(Self {
            // An empty path is equivalent to "/" (RFC 9110 section 4.2.3).
            path: if origin.path.is_empty() {
                "/"
            } else {
                origin.path
            },
            query: origin.query,
            authority: Some(authority),
        })
    }
}

/// `target` with what isn't ASCII of its path and query percent-encoded, as browsers send it. Other
/// clients send what their users typed, and other servers take it.
pub(super) fn escape(target: &str) -> Result<String, RequestError> {
    let at = target.find(|char: char| !char.is_ascii());
    let (ascii, rest) = target.split_at(at.unwrap_or(target.len()));
    // A host is ASCII: its spelling in other scripts is for its owner to translate.
    let after_scheme = ascii.split_once("://").map(|(_, after)| after);
    let is_in_host =
        !ascii.starts_with('/') && after_scheme.is_none_or(|after| !after.contains(['/', '?']));
    if is_in_host {
        return Err(BAD_TARGET);
    }
    let mut escaped = ascii.to_owned();
    for char in rest.chars() {
        if char.is_ascii() {
            escaped.push(char);
            continue;
        }
        for byte in char.encode_utf8(&mut [0; 4]).bytes() {
            escaped.push('%');
            for digit in [byte >> 4, byte & 0xf] {
                let digit = char::from_digit(digit.into(), 16).unwrap_or_default();
                escaped.push(digit.to_ascii_uppercase());
            }
        }
    }
    Ok(escaped)
}

fn class(byte: u8) -> u8 {
    CLASS[usize::from(byte)]
}

const BAD_TARGET: RequestError =
    RequestError::bad("invalid request target: percent-encode what a URI cannot have as it is");

const PATH: u8 = 1;
const QUERY: u8 = 2;

/// RFC 3986, with the leniency that browsers make necessary: they send ``[ ] | ^ ` { }`` and, in
/// a query, `\` as they are. A `\` in a path is what others take for a `/`.
const CLASS: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0x21;
    while byte < 0x7f {
        table[byte] = match byte as u8 {
            b'"' | b'#' | b'<' | b'>' => 0,
            b'?' | b'\\' => QUERY,
            _ => PATH | QUERY,
        };
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted() {
        let table = [
            ("GET", "/", "/", None, None),
            ("GET", "/a/b%20c;d=e", "/a/b%20c;d=e", None, None),
            ("GET", "//a", "//a", None, None),
            ("GET", "/?", "/", Some(""), None),
            ("GET", "/a?b?c/d", "/a", Some("b?c/d"), None),
            ("GET", "/a?{\\[|]^`}", "/a", Some("{\\[|]^`}"), None),
            ("OPTIONS", "*", "*", None, None),
            ("OPTIONS", "/a", "/a", None, None),
            ("GET", "http://h", "/", None, Some("h")),
            ("GET", "http://h/", "/", None, Some("h")),
            ("GET", "HTTPS://h:8/a?b", "/a", Some("b"), Some("h:8")),
            ("GET", "http://[::1]:8?b", "/", Some("b"), Some("[::1]:8")),
            (
                "GET",
                "http://h/a?u=http://i/",
                "/a",
                Some("u=http://i/"),
                Some("h"),
            ),
        ];
        for (method, target, path, query, authority) in table {
            let expected = Target {
                path,
                query,
                authority,
            };
            assert_eq!(Target::parse(method, target), Ok(expected), "{target}");
        }
    }

    #[test]
    fn rejected() {
        for target in [
            "*",
            "a",
            "?a",
            "example.com:80",
            "/a#b",
            "/a?b#c",
            "/<a>",
            "/\"",
            "/a\\b",
            "/ž",
            "/a?ž",
            "http://",
            "http:///a",
            "http://?a",
            "http://:80/",
            "http://u@h/",
            "http://u:p@h/",
            "http://h:x/",
            "http://h#a",
            "http://h/#a",
            "http://h\\i/",
            "http:/h",
            "http:h",
            "://h",
            "ftp://h/",
            "file:///etc/passwd",
        ] {
            assert_eq!(Target::parse("GET", target), Err(BAD_TARGET), "{target}");
        }
        assert_eq!(Target::parse("OPTIONS", "**"), Err(BAD_TARGET));
    }

    #[test]
    fn connect_is_not_for_us() {
        for target in ["example.com:443", "/", "*"] {
            let error = Target::parse("CONNECT", target).unwrap_err();
            assert_eq!(error.status(), Status::NOT_IMPLEMENTED, "{target}");
        }
    }
}
