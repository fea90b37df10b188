//! Server-sent events: the format of `text/event-stream` (WHATWG HTML, section 9.2), as pure
//! functions over bytes.
//!
//! ```
//! let mut out = Vec::new();
//! rusm_uring_net::sse::event(&mut out, b"one\ntwo", Some("count"), Some("7"), None)?;
//! assert_eq!(out, b"event: count\nid: 7\ndata: one\ndata: two\n\n");
//! # Ok::<(), rusm_uring_net::sse::InvalidField>(())
//! ```

use thiserror::Error;

use crate::http1::{HeaderLines, ResponseHeaders};

/// The media type.
pub const CONTENT_TYPE: &str = "text/event-stream";

/// Returns whether a response with these headers is a stream of events, whatever parameters its type has.
pub fn is_stream(headers: &ResponseHeaders) -> bool {
    headers.iter().any(|(name, value)| {
        let media_type = value.split(|byte| *byte == b';').next().unwrap_or_default();
        name.eq_ignore_ascii_case("content-type")
            && media_type
                .trim_ascii()
                .eq_ignore_ascii_case(CONTENT_TYPE.as_bytes())
    })
}

/// Asks the proxies before us to pass events on as they come, unless the response, or the headers
/// that all responses have, say something of it. nginx holds back what does not fill its buffer
/// otherwise.
pub(crate) fn set_unbuffered(headers: &mut ResponseHeaders, defaults: &HeaderLines) {
    if !headers.has(BUFFERING) && !defaults.has(BUFFERING) {
        headers.push_valid(BUFFERING, "no");
    }
}

/// Appends an event, which the client sees as soon as it has all of it.
///
/// `data` should be UTF-8: clients replace what isn't. Its lines may end in LF, CR LF or CR,
/// and arrive joined by LF. `event` is the type, `message` if there is none or it is empty; `id`
/// becomes the client's last event id, which an empty one resets; `retry` is how many
/// milliseconds the client shall wait before it connects anew.
///
/// # Errors
/// A type or an id that has a line break in it, and so would become fields of its own, or an id
/// with a NUL, which clients ignore. Nothing is appended then.
pub fn event(
    out: &mut Vec<u8>,
    data: &[u8],
    event: Option<&str>,
    id: Option<&str>,
    retry: Option<u32>,
) -> Result<(), InvalidField> {
    if event.is_some_and(|event| event.contains(['\n', '\r'])) {
        return Err(InvalidField::EventLineBreak);
    }
    if id.is_some_and(|id| id.contains(['\n', '\r'])) {
        return Err(InvalidField::IdLineBreak);
    }
    if id.is_some_and(|id| id.contains('\0')) {
        return Err(InvalidField::IdNul);
    }
    if let Some(event) = event.filter(|event| !event.is_empty()) {
        field(out, b"event: ", event.as_bytes());
    }
    if let Some(id) = id {
        field(out, b"id: ", id.as_bytes());
    }
    if let Some(retry) = retry {
        let mut digits = itoa::Buffer::new();
        field(out, b"retry: ", digits.format(retry).as_bytes());
    }
    for line in lines(data) {
        field(out, b"data: ", line);
    }
    out.push(b'\n');
    Ok(())
}

/// Appends a comment, which the client ignores: it keeps proxies from giving up on a stream that
/// has nothing to say. To be put between events.
pub fn comment(out: &mut Vec<u8>, text: &str) {
    for line in lines(text.as_bytes()) {
        field(out, b": ", line);
    }
}

/// A field that can't be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidField {
    /// A line break in the type.
    #[error("the type of an event can't have a line break")]
    EventLineBreak,
    /// A line break in the id.
    #[error("the id of an event can't have a line break")]
    IdLineBreak,
    /// A NUL in the id.
    #[error("the id of an event can't have a NUL")]
    IdNul,
}

const BUFFERING: &str = "x-accel-buffering";

fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(value);
    out.push(b'\n');
}

/// The lines of a text, without their ends: one more than there are line ends.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = memchr::memchr2(b'\n', b'\r', text) else {
            rest = None;
            return Some(text);
        };
        let (line, after) = text.split_at(end);
        rest = Some(match after {
            [b'\r', b'\n', after @ ..] | [_, after @ ..] => after,
            [] => after,
        });
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Default, PartialEq)]
    struct Client {
        events: Vec<(String, String)>,
        last_event_id: String,
        retry: Option<u32>,
    }

    /// The algorithm of section 9.2.6, over a stream that is there as a whole.
    fn parse(stream: &str) -> Client {
        let mut client = Client::default();
        let (mut data, mut event, mut id) = (String::new(), String::new(), String::new());
        let stream = stream.strip_prefix('\u{feff}').unwrap_or(stream);
        let normalized = stream.replace("\r\n", "\n").replace('\r', "\n");
        // What isn't ended by an empty line is discarded.
        let Some((complete, _)) = normalized.rsplit_once('\n') else {
            return client;
        };
        for line in complete.split('\n') {
            if line.is_empty() {
                client.last_event_id.clone_from(&id);
                let (data, event) = (std::mem::take(&mut data), std::mem::take(&mut event));
                if let Some(data) = data.strip_suffix('\n') {
                    let event = Some(event).filter(|event| !event.is_empty());
                    let event = event.unwrap_or_else(|| "message".into());
                    client.events.push((event, data.into()));
                }
                continue;
            }
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match name {
                "event" => event = value.into(),
                "data" => data.extend([value, "\n"]),
                "id" if !value.contains('\0') => id = value.into(),
                "retry" if value.bytes().all(|byte| byte.is_ascii_digit()) => {
                    client.retry = value.parse().ok();
                }
                _ => {}
            }
        }
        client
    }

    fn encode(data: &str, kind: Option<&str>, id: Option<&str>, retry: Option<u32>) -> String {
        let mut out = Vec::new();
        event(&mut out, data.as_bytes(), kind, id, retry).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn events() {
        for (data, encoded) in [
            ("", "data: \n\n"),
            ("a", "data: a\n\n"),
            (" a", "data:  a\n\n"),
            ("a\nb", "data: a\ndata: b\n\n"),
            ("a\r\nb", "data: a\ndata: b\n\n"),
            ("a\rb", "data: a\ndata: b\n\n"),
            ("a\n\rb", "data: a\ndata: \ndata: b\n\n"),
            ("a\n", "data: a\ndata: \n\n"),
            ("\n", "data: \ndata: \n\n"),
            ("id: 7\0", "data: id: 7\0\n\n"),
        ] {
            assert_eq!(encode(data, None, None, None), encoded, "{data:?}");
        }
        assert_eq!(
            encode("d", Some("e"), Some("i"), Some(3000)),
            "event: e\nid: i\nretry: 3000\ndata: d\n\n"
        );
        assert_eq!(encode("d", Some(""), Some(""), None), "id: \ndata: d\n\n");
    }

    #[test]
    fn comments() {
        let mut out = Vec::new();
        comment(&mut out, "");
        comment(&mut out, "a\ndata: b");
        assert_eq!(out, b": \n: a\n: data: b\n");
        assert_eq!(
            parse(str::from_utf8(&out).unwrap()),
            Client::default(),
            "nobody sees them"
        );
    }

    #[test]
    fn a_field_that_would_become_several_is_refused() {
        use InvalidField::{EventLineBreak, IdLineBreak, IdNul};
        for (kind, id, error) in [
            (Some("a\nb"), None, EventLineBreak),
            (Some("a\r"), None, EventLineBreak),
            (None, Some("\n"), IdLineBreak),
            (None, Some("1\r2"), IdLineBreak),
            (None, Some("1\x002"), IdNul),
        ] {
            let mut out = b"before".to_vec();
            assert_eq!(event(&mut out, b"d", kind, id, None), Err(error));
            assert_eq!(out, b"before");
        }
    }

    proptest! {
        #[test]
        fn a_client_reads_what_was_sent(
            sent in prop::collection::vec(
                (
                    "[a:\\n\\r \u{feff}é]{0,12}",
                    prop::option::of("[a: é\0]{0,4}"),
                    prop::option::of("[0: é]{0,4}"),
                    prop::option::of(any::<u32>()),
                    "[a:\\n\\r ]{0,6}",
                ),
                0..5,
            )
        ) {
            let mut out = Vec::new();
            let mut expected = Client::default();
            for (data, kind, id, retry, text) in &sent {
                comment(&mut out, text);
                event(&mut out, data.as_bytes(), kind.as_deref(), id.as_deref(), *retry).unwrap();
                let kind = kind.as_deref().filter(|kind| !kind.is_empty());
                let data = data.replace("\r\n", "\n").replace('\r', "\n");
                expected.events.push((kind.unwrap_or("message").into(), data));
                if let Some(id) = id {
                    expected.last_event_id.clone_from(id);
                }
                expected.retry = retry.or(expected.retry);
            }
            prop_assert_eq!(parse(&String::from_utf8(out).unwrap()), expected);
        }
    }
}
