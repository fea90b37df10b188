//! Field names and values (RFC 9110 section 5): the characters of a header line.

use thiserror::Error;

/// Validates a header: its name is a token, its value has no control characters other than the
/// tab. A valid header can't end its line, and so can't add another.
///
/// # Errors
/// The invalid half, with the name.
pub fn validate_header(name: &[u8], value: &[u8]) -> Result<(), InvalidHeader> {
    if !is_token(name) {
        return Err(InvalidHeader::new(name, "its name is not a token"));
    }
    if !is_value(value) {
        return Err(InvalidHeader::new(
            name,
            "its value has a control character",
        ));
    }
    Ok(())
}

/// A header that can't be sent.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("header \"{name}\": {reason}")]
pub struct InvalidHeader {
    name: String,
    reason: &'static str,
}

impl InvalidHeader {
    pub(super) fn new(name: &[u8], reason: &'static str) -> Self {
        // A name may be of any length.
        let shown = name.get(..64).unwrap_or(name);
        Self {
            name: shown.escape_ascii().to_string(),
            reason,
        }
    }
}

/// Returns whether a header belongs to the connection rather than to the message, or is set by the
/// host: a service's is dropped.
#[must_use]
pub fn is_host_owned(name: &[u8]) -> bool {
    // The length decides for almost every name that isn't.
    let candidates: &[&[u8]] = match name.len() {
        2 => &[b"te"],
        4 => &[b"date"],
        7 => &[b"trailer", b"upgrade"],
        10 => &[b"connection", b"keep-alive"],
        14 => &[b"content-length"],
        16 => &[b"proxy-connection"],
        17 => &[b"transfer-encoding"],
        _ => return false,
    };
    candidates
        .iter()
        .any(|candidate| name.eq_ignore_ascii_case(candidate))
}

/// `tchar` of RFC 9110 section 5.6.2.
pub(super) const fn is_tchar(byte: u8) -> bool {
    TCHAR[byte as usize]
}

/// A byte of a field value: visible, space, tab or `obs-text`.
pub(super) const fn is_value_byte(byte: u8) -> bool {
    (byte >= b' ' && byte != 0x7f) || byte == b'\t'
}

fn is_token(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|&byte| is_tchar(byte))
}

fn is_value(value: &[u8]) -> bool {
    // Without an early exit this compiles to vector code.
    value
        .iter()
        .fold(true, |valid, &byte| valid & is_value_byte(byte))
}

const TCHAR: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = matches!(
            byte as u8,
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'!' | b'#' | b'$' | b'%' | b'&' | b'\''
                | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        );
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_headers() {
        for (name, value) in [
            ("a", ""),
            ("x-y_z", "a\tb c"),
            ("Set-Cookie", "a=b; HttpOnly"),
            ("!#$%&'*+-.^_`|~09azAZ", "!\"\\{}~"),
            ("x", "žluťoučký"),
        ] {
            assert_eq!(validate_header(name.as_bytes(), value.as_bytes()), Ok(()));
        }
    }

    #[test]
    fn a_byte_that_is_not_of_a_token_spoils_a_name() {
        for byte in 0..=255_u8 {
            let token = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            let name = [b'a', byte, b'b'];
            assert_eq!(validate_header(&name, b"v").is_ok(), token, "{byte:#x}");
        }
        assert!(validate_header(b"", b"v").is_err());
    }

    #[test]
    fn a_control_spoils_a_value_wherever_it_is() {
        for byte in 0..=255_u8 {
            let control = byte.is_ascii_control() && byte != b'\t';
            for at in 0..80 {
                let mut value = vec![b'v'; 80];
                value[at] = byte;
                assert_eq!(validate_header(b"n", &value).is_ok(), !control, "{byte:#x}");
            }
        }
    }

    #[test]
    fn an_error_names_the_header_and_cannot_break_a_log() {
        assert_eq!(
            validate_header(b"x\r\ny", b"").unwrap_err().to_string(),
            "header \"x\\r\\ny\": its name is not a token"
        );
        assert_eq!(
            validate_header(b"location", b"/\r\nset-cookie: a")
                .unwrap_err()
                .to_string(),
            "header \"location\": its value has a control character"
        );
    }

    #[test]
    fn host_owned_headers() {
        for name in [
            "content-length",
            "transfer-encoding",
            "connection",
            "keep-alive",
            "proxy-connection",
            "upgrade",
            "te",
            "trailer",
            "date",
        ] {
            assert!(is_host_owned(name.as_bytes()), "{name}");
            assert!(
                is_host_owned(name.to_ascii_uppercase().as_bytes()),
                "{name}"
            );
        }
        for name in [
            "",
            "server",
            "content-type",
            "set-cookie",
            "user-agent",
            "etag",
            "dates",
        ] {
            assert!(!is_host_owned(name.as_bytes()), "{name}");
        }
    }
}
