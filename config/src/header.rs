//! `[serve.headers]`: fields that a listener adds to its responses.

use crate::error::Fault;
use crate::manifest::{Section, Text, Value};

/// Reads the fields of a `[serve.headers]`, in the order of the file: names in lower case, values
/// as in RFC 9110 sections 5.1 and 5.5.
pub(crate) fn read(section: Section<'_>) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = Vec::new();
    for (key, value) in section.into_entries() {
        let name = key.text.to_ascii_lowercase();
        let field = check_name(&key, &name).and_then(|()| field_value(&value));
        match field {
            Ok(_) if headers.iter().any(|(other, _)| *other == name) => {
                let message = format!("the header `{name}` is given twice");
                value.report(key.fault(message, "again, as case does not matter"));
            }
            Ok(text) => headers.push((name, text)),
            Err(fault) => value.report(fault),
        }
    }
    headers
}

/// Returns whether `text` is a token (RFC 9110 section 5.6.2).
pub(crate) fn is_token(text: &str) -> bool {
    let tchar = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(tchar)
}

fn check_name(key: &Text<'_>, lower_case: &str) -> Result<(), Fault> {
    if !is_token(key.text) {
        let message = format!("`{}` cannot name a header", key.text);
        return Err(key
            .fault(message, "not a token of RFC 9110")
            .help("letters, digits and `-` make a header's name"));
    }
    if OURS.contains(&lower_case) {
        let message = format!("the header `{lower_case}` is the server's own");
        return Err(key
            .fault(message, "cannot be set")
            .help("how a message is framed, and when it was sent, is not for an app to say"));
    }
    Ok(())
}

fn field_value(value: &Value<'_>) -> Result<String, Fault> {
    let text = value.text()?;
    let visible = |b: u8| matches!(b, b'\t' | b' '..=b'~');
    if !text.text.bytes().all(visible) {
        return Err(value.fault("visible ASCII", "has a control or non-ASCII character"));
    }
    if text.text.trim() != text.text {
        return Err(value.fault("without spaces at its ends", "has some"));
    }
    Ok(text.text.to_owned())
}

/// The fields that the server sets: framing and hop-by-hop fields (RFC 9110 sections 7.6.1 and 8.6,
/// RFC 9112 sections 6 and 9), and `Date`.
const OURS: [&str; 9] = [
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
