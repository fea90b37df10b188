//! A head has one outcome however its bytes are split, and `httparse` agrees with what we accept.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rusm_uring_net::http1::{Head, HeadLimits, HeadParser, RequestError};

fuzz_target!(|data: &[u8]| {
    let Some((&choice, input)) = data.split_first() else {
        return;
    };
    let limits = match choice % 3 {
        0 => HeadLimits::default(),
        1 => HeadLimits {
            request_line: 64,
            header_bytes: 512,
            headers: 8,
        },
        _ => HeadLimits {
            request_line: 1 << 20,
            header_bytes: 1 << 20,
            headers: 1000,
        },
    };
    let step = usize::from(choice / 3).max(1);
    let whole = parse(input, 0, &limits);
    let pieces = parse(input, step, &limits);
    match (&whole, &pieces) {
        // Which of several faults is seen first may differ.
        (Err(_), Err(_)) => {}
        // Of a head that isn't complete, a fault may be found only when it is.
        (Err(_), Ok(None)) => {
            let complete = [input, b"\r\n\r\n"].concat();
            assert!(
                parse(&complete, step, &limits).is_err(),
                "in pieces of {step}"
            );
        }
        _ => assert_eq!(whole, pieces, "in pieces of {step}"),
    }
    if let Ok(Some(seen)) = &whole {
        check(seen, input);
    }
});

#[derive(Debug, PartialEq)]
struct Seen {
    method: String,
    target: String,
    origin: String,
    path: String,
    query: Option<String>,
    authority: Option<String>,
    headers: Vec<(String, Vec<u8>)>,
    framing: String,
    len: usize,
}

impl From<Head<'_>> for Seen {
    fn from(head: Head<'_>) -> Self {
        let headers = head.headers.iter();
        Self {
            method: head.method.into(),
            target: head.target.into(),
            origin: head.origin_form().into(),
            path: head.path.into(),
            query: head.query.map(Into::into),
            authority: head.authority.map(Into::into),
            headers: headers
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            framing: format!(
                "{:?} {:?} {} {}",
                head.version, head.framing, head.keep_alive, head.expect_continue
            ),
            len: head.len,
        }
    }
}

/// The first outcome that isn't "more", of `input` in pieces of `step` bytes, or whole with 0.
fn parse(input: &[u8], step: usize, limits: &HeadLimits) -> Result<Option<Seen>, RequestError> {
    let mut parser = HeadParser::default();
    let mut buf = Vec::new();
    let step = if step == 0 { input.len().max(1) } else { step };
    for piece in input.chunks(step) {
        buf.extend_from_slice(piece);
        if let Some(head) = parser.parse(&mut buf, limits)? {
            return Ok(Some(head.into()));
        }
    }
    Ok(None)
}

/// Whether an accepted head is what it has to be.
fn check(seen: &Seen, input: &[u8]) {
    let mut fields = vec![httparse::EMPTY_HEADER; 1001];
    let mut request = httparse::Request::new(&mut fields);
    // Empty lines before it are not httparse's.
    let start = input
        .iter()
        .position(|byte| !b"\r\n".contains(byte))
        .unwrap_or(0);
    let parsed = request.parse(&input[start..]);
    assert_eq!(parsed, Ok(httparse::Status::Complete(seen.len - start)));
    assert_eq!(request.method, Some(&*seen.method));
    let sent = request.path.unwrap_or_default();
    if sent.is_ascii() {
        assert_eq!(sent, seen.target);
    } else {
        let decode = |text| percent_encoding::percent_decode_str(text).collect::<Vec<u8>>();
        assert_eq!(decode(sent), decode(&seen.target));
    }
    assert!(seen.target.is_ascii());
    let absolute = seen
        .authority
        .as_deref()
        .filter(|_| !seen.target.starts_with(['/', '*']));
    assert_eq!(request.headers.len(), seen.headers.len());
    for (theirs, (name, value)) in request.headers.iter().zip(&seen.headers) {
        assert_eq!(theirs.name.to_ascii_lowercase(), *name);
        match absolute {
            Some(authority) if name == "host" => assert_eq!(authority.as_bytes(), value),
            _ => assert_eq!(theirs.value, value),
        }
        assert!(!value.iter().any(|byte| b"\r\n\0".contains(byte)));
    }
    let origin = match &seen.query {
        Some(query) => format!("{}?{query}", seen.path),
        None => seen.path.clone(),
    };
    assert_eq!(seen.origin, origin);
    assert!(origin.starts_with('/') || origin == "*" && seen.method == "OPTIONS");
    if let Some(authority) = &seen.authority {
        assert!(
            !authority.contains(['@', '/', '?', '#', ' ', ',']),
            "{authority}"
        );
        assert!(!authority.starts_with(':'), "{authority}");
    }
}
