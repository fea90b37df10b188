//! Trailers: fields behind the content of a message (RFC 9110 section 6.5).

use super::error::RequestError;
use super::field::{InvalidHeader, is_host_owned, validate_header};

/// Names and values.
pub type Trailers = Vec<(String, Vec<u8>)>;

/// Appends what ends a body: the last chunk, and these trailers (RFC 9112 section 7.1.2).
///
/// # Errors
/// A trailer that can't be sent, or may not stand behind the content; nothing is appended then.
pub fn encode_trailers(out: &mut Vec<u8>, trailers: &Trailers) -> Result<(), InvalidHeader> {
    check_trailers(trailers)?;
    out.extend_from_slice(b"0\r\n");
    for (name, value) in trailers {
        for part in [name.as_bytes(), b": ", value, b"\r\n"] {
            out.extend_from_slice(part);
        }
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// Checks that trailers can be sent, and may stand behind the content.
pub(crate) fn check_trailers(trailers: &Trailers) -> Result<(), InvalidHeader> {
    for (name, value) in trailers {
        validate_header(name.as_bytes(), value)?;
        if is_forbidden(name.as_bytes()) {
            return Err(InvalidHeader::new(name.as_bytes(), FORBIDDEN));
        }
    }
    Ok(())
}

/// Takes the trailers of a request that came as fields. Names are in lower case.
pub(crate) fn received_trailers<'t>(
    fields: impl Iterator<Item = (&'t str, &'t [u8])>,
) -> Result<Trailers, RequestError> {
    fields
        .map(|(name, value)| match is_forbidden(name.as_bytes()) {
            true => Err(RequestError::bad(FORBIDDEN)),
            false => Ok((name.to_owned(), value.trim_ascii().to_vec())),
        })
        .collect()
}

/// Parses what is between the last chunk and the end of the body, with the line ends.
/// Its syntax has been checked. Names are brought to lower case.
pub(super) fn parse(section: &[u8]) -> Result<Trailers, RequestError> {
    let mut trailers = Trailers::new();
    for line in section.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = colon
            .and_then(|at| line.split_at_checked(at))
            .ok_or(RequestError::bad("invalid trailer"))?;
        if is_forbidden(name) {
            return Err(RequestError::bad(FORBIDDEN));
        }
        let name = str::from_utf8(name).map_err(|_| RequestError::bad("invalid trailer"))?;
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        trailers.push((name.to_ascii_lowercase(), value.to_vec()));
    }
    Ok(trailers)
}

/// Returns whether a field comes too late behind the content: it frames or routes the message, changes
/// how the request is understood, authenticates it, or says how the content is
/// processed (RFC 9110 section 6.5.1).
fn is_forbidden(name: &[u8]) -> bool {
    is_host_owned(name)
        || FORBIDDEN_NAMES
            .iter()
            .any(|forbidden| name.eq_ignore_ascii_case(forbidden.as_bytes()))
}

const FORBIDDEN: &str = "it may not be a trailer";
const FORBIDDEN_NAMES: [&str; 24] = [
    "age",
    "authorization",
    "cache-control",
    "content-encoding",
    "content-range",
    "content-type",
    "cookie",
    "expect",
    "expires",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "location",
    "max-forwards",
    "pragma",
    "proxy-authenticate",
    "proxy-authorization",
    "range",
    "set-cookie",
    "vary",
    "www-authenticate",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn trailers(pairs: &[(&str, &str)]) -> Trailers {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), value.as_bytes().to_vec());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn what_is_encoded_is_parsed() {
        let sent = trailers(&[("X-Sum", "abc"), ("x-empty", ""), ("x-sum", "a: b\u{e9}")]);
        let mut out = Vec::new();
        encode_trailers(&mut out, &sent).unwrap();
        let section = out.strip_prefix(b"0\r\n").unwrap();
        let parsed = parse(section).unwrap();
        let expected = trailers(&[("x-sum", "abc"), ("x-empty", ""), ("x-sum", "a: b\u{e9}")]);
        assert_eq!(parsed, expected);
        assert_eq!(
            parse(b"a:b\r\nC: \t d e\t\r\n\r"),
            Ok(trailers(&[("a", "b"), ("c", "d e")]))
        );
    }

    #[test]
    fn none_is_the_last_chunk_alone() {
        let mut out = Vec::new();
        encode_trailers(&mut out, &Trailers::new()).unwrap();
        assert_eq!(out, b"0\r\n\r\n");
    }

    #[test]
    fn what_frames_or_routes_is_no_trailer() {
        for name in [
            "Content-Length",
            "transfer-encoding",
            "HOST",
            "trailer",
            "te",
            "connection",
            "content-type",
            "Set-Cookie",
            "authorization",
        ] {
            let mut out = Vec::new();
            let fine_and = trailers(&[("x", "y"), (name, "1")]);
            assert!(encode_trailers(&mut out, &fine_and).is_err(), "{name}");
            assert!(out.is_empty());
            let section = format!("x: y\r\n{name}: 1\r\n");
            assert_eq!(parse(section.as_bytes()).unwrap_err().reason(), FORBIDDEN);
        }
    }

    #[test]
    fn what_cannot_be_sent_leaves_nothing_behind() {
        for (name, value) in [("a\r\nb", "c"), ("", "a"), ("a b", ""), ("a", "b\r\nc: d")] {
            let mut out = b"before".to_vec();
            assert!(encode_trailers(&mut out, &trailers(&[(name, value)])).is_err());
            assert_eq!(out, b"before");
        }
    }
}
