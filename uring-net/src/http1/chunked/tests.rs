use proptest::prelude::*;

use super::*;

/// The content and what is left of the input, fed in pieces of `step` bytes.
fn decode_by(step: usize, input: &[u8], max: u64) -> Result<(Vec<u8>, Vec<u8>), RequestError> {
    let mut decoder = ChunkedDecoder::new(max);
    let mut out = Vec::new();
    let mut at = 0;
    loop {
        let end = (at + step).min(input.len());
        let progress = decoder.decode(&input[at..end], &mut out)?;
        at += progress.consumed;
        if progress.done {
            return Ok((out, input[at..].to_vec()));
        }
        assert_eq!(at, end, "what isn't done consumes everything");
        assert!(at < input.len(), "incomplete");
    }
}

/// Both at once and byte by byte, which must agree.
fn decode(input: &[u8], max: u64) -> Result<(Vec<u8>, Vec<u8>), RequestError> {
    let whole = decode_by(input.len(), input, max);
    assert_eq!(decode_by(1, input, max), whole);
    whole
}

#[test]
fn accepted() {
    let long = "x".repeat(254);
    let long = format!("1;{long}\r\na\r\n1;{long}\r\nb\r\n0;{long}\r\n\r\n");
    for (input, content) in [
        ("0\r\n\r\n", ""),
        ("5\r\nhello\r\n0\r\n\r\n", "hello"),
        ("000000000000000A\r\n0123456789\r\n00\r\n\r\n", "0123456789"),
        (
            "a\r\n\r\n\r\n\r\n\r\n\r\n\r\n1\r\n!\r\n0\r\n\r\n",
            "\r\n\r\n\r\n\r\n\r\n!",
        ),
        ("1;a\r\nx\r\n0;b=c\r\n\r\n", "x"),
        ("1 ; a = b ;c=\"d;\\\"\\\\ \te\" ; f\r\nx\r\n0\r\n\r\n", "x"),
        (&long, "ab"),
        ("1\r\nx\r\n0\r\nA: b\r\nc:\r\nd: \t\u{e9}\r\n\r\n", "x"),
        ("0\r\ncontent-length: 5\r\n\r\n", ""),
    ] {
        let with_next = format!("{input}GET /");
        assert_eq!(
            decode(with_next.as_bytes(), 11),
            Ok((content.into(), b"GET /".to_vec())),
            "{input:?}"
        );
    }
}

#[test]
fn rejected() {
    let long_extension = format!("1;{}\r\n", "x".repeat(256));
    let many_extensions = format!("1;{}\r\nx\r\n", "y".repeat(250)).repeat(80);
    let many_trailers = format!("0\r\n{}", "a: b\r\n".repeat(65));
    let large_trailer = format!("0\r\na: {}", "x".repeat(9000));
    for (input, status) in [
        ("\r\n", 400),
        (";a\r\n", 400),
        (" 1\r\n", 400),
        ("g\r\n", 400),
        ("-1\r\n", 400),
        ("+1\r\n", 400),
        ("0x1\r\n", 400),
        ("1_0\r\n", 400),
        ("1\n", 400),
        ("1\rx", 400),
        ("1\r\r\n", 400),
        ("1 \r\n", 400),
        ("1 2\r\n", 400),
        ("00000000000000001\r\n", 400),
        ("fffffffffffffffff\r\n", 400),
        ("10000000000000000\r\n", 400),
        ("ffffffffffffffff\r\n", 413),
        ("3e9\r\n", 413),
        ("1\r\nx\r\n3e8\r\n", 413),
        ("1\r\nxy\r\n", 400),
        ("1\r\nx\n", 400),
        ("1\r\nx0\r\n\r\n", 400),
        ("1\r\nx\rx", 400),
        ("1\r\nx\r\n\r\n", 400),
        ("1;\r\n", 400),
        ("1; \r\n", 400),
        ("1;a \r\n", 400),
        ("1;a=\r\n", 400),
        ("1;a=b \r\n", 400),
        ("1;a=b=c\r\n", 400),
        ("1;a b\r\n", 400),
        ("1;a=\"b\r\n", 400),
        ("1;a=\"b\"c\r\n", 400),
        ("1;a=\"\\\n", 400),
        ("1;a\n", 400),
        ("1;a\rb", 400),
        ("1;\0\r\n", 400),
        ("1;a=\"\0\"\r\n", 400),
        (&long_extension, 400),
        (&many_extensions, 400),
        ("0\r\n\n", 400),
        ("0\r\n\rx", 400),
        ("0\n\r\n", 400),
        ("0\r\na\r\n", 400),
        ("0\r\na : b\r\n", 400),
        ("0\r\n: b\r\n", 400),
        ("0\r\n a: b\r\n", 400),
        ("0\r\na: b\r\n c\r\n", 400),
        ("0\r\na: b\n", 400),
        ("0\r\na: \0\r\n", 400),
        ("0\r\na: b\rc", 400),
        ("0\r\nGET / HTTP/1.1\r\n", 400),
        (&many_trailers, 431),
        (&large_trailer, 431),
    ] {
        let error = decode(input.as_bytes(), 1000).unwrap_err();
        assert_eq!(error.status().code(), status, "{input:?}: {error}");
    }
}

#[test]
fn trailers_that_are_asked_for() {
    let limits = HeadLimits {
        header_bytes: 24,
        headers: 2,
        ..HeadLimits::default()
    };
    let decode = |input: &str| {
        let mut decoder = ChunkedDecoder::with_trailers(9, &limits);
        let mut progress = decoder.decode(b"", &mut Vec::new());
        for byte in input.as_bytes() {
            progress = decoder.decode(&[*byte], &mut Vec::new());
            progress.as_ref().map_err(|error| *error)?;
        }
        assert!(progress.unwrap().done);
        decoder.take_trailers()
    };
    assert_eq!(decode("1\r\nx\r\n0\r\n\r\n"), Ok(Trailers::new()));
    let two = vec![
        ("x-sum".to_owned(), b"12".to_vec()),
        ("y".to_owned(), b"3 4".to_vec()),
    ];
    assert_eq!(decode("0\r\nX-Sum: 12\r\ny:3 4 \r\n\r\n"), Ok(two));
    for (section, status) in [
        ("a: 1\r\nb: 2\r\nc: 3\r\n", 431),
        ("a: 12345678901234567890\r\n\r\n", 431),
        ("content-length: 5\r\n\r\n", 400),
        ("a : 1\r\n\r\n", 400),
    ] {
        let error = decode(&format!("0\r\n{section}")).unwrap_err();
        assert_eq!(error.status().code(), status, "{section:?}");
    }
}

#[test]
fn the_largest_body_is_exact() {
    assert!(decode(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 5).is_ok());
    assert!(decode(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 4).is_err());
    assert!(decode(b"0\r\n\r\n", 0).is_ok());
}

#[test]
fn chunks() {
    for (len, head) in [
        (1, "1\r\n"),
        (15, "f\r\n"),
        (16, "10\r\n"),
        (0xabc, "abc\r\n"),
    ] {
        let data = vec![b'x'; len];
        let mut out = Vec::new();
        encode_chunk(&mut out, &data);
        assert_eq!(out, [head.as_bytes(), &data, b"\r\n"].concat());
    }
    let mut out = Vec::new();
    encode_chunk(&mut out, b"");
    assert!(out.is_empty());
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(
        body in proptest::collection::vec(
            proptest::collection::vec(any::<u8>(), 0..300), 0..20),
        step in 1..400_usize,
    ) {
        let mut encoded = Vec::new();
        for chunk in &body {
            encode_chunk(&mut encoded, chunk);
        }
        encode_last_chunk(&mut encoded);
        encoded.extend_from_slice(b"next");
        let (content, rest) = decode_by(step, &encoded, u64::MAX).unwrap();
        prop_assert_eq!(content, body.concat());
        prop_assert_eq!(rest, b"next");
    }

    #[test]
    fn arbitrary_bytes_do_no_harm(
        input in proptest::collection::vec(
            prop_oneof![any::<u8>(), proptest::sample::select(&b"0123af\r\n;=\" :"[..])],
            0..200),
        step in 1..200_usize,
    ) {
        let mut whole = (ChunkedDecoder::new(1000), Vec::new());
        let mut parts = (ChunkedDecoder::new(1000), Vec::new());
        let at_once = whole.0.decode(&input, &mut whole.1);
        let mut in_parts = Ok(Progress { consumed: 0, done: false });
        for part in input.chunks(step) {
            let Ok(so_far) = in_parts else { break };
            if so_far.done { break }
            in_parts = parts.0.decode(part, &mut parts.1).map(|progress| Progress {
                consumed: so_far.consumed + progress.consumed,
                done: progress.done,
            });
        }
        prop_assert_eq!(at_once, in_parts);
        prop_assert_eq!(whole.1, parts.1);
    }
}
