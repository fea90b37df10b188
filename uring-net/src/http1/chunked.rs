//! The chunked coding (RFC 9112 section 7.1).

use super::body::{TOO_LARGE, take};
use super::field::{is_tchar, is_value_byte};
use super::{HeadLimits, Progress, RequestError, Status, Trailers, trailers};

/// Append a chunk. No data is no chunk: an empty one would end the body.
pub fn encode_chunk(out: &mut Vec<u8>, data: &[u8]) {
    if data.is_empty() {
        return;
    }
    encode_chunk_size(out, data.len());
    out.extend_from_slice(data);
    out.extend_from_slice(CHUNK_END);
}

/// Append what precedes the data of a chunk, of which there must be `len` bytes and not none.
/// [`CHUNK_END`] follows them.
pub fn encode_chunk_size(out: &mut Vec<u8>, len: usize) {
    put_hex(out, len);
    out.extend_from_slice(b"\r\n");
}

/// What follows the data of a chunk.
pub const CHUNK_END: &[u8] = b"\r\n";

/// Append what ends a body: the last chunk, and no trailers
/// ([`encode_trailers`](super::encode_trailers) is for those).
pub fn encode_last_chunk(out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n\r\n");
}

/// Turns chunks into a body, as they come.
///
/// Extensions must be well-formed, and are ignored; so are trailers, unless they are asked for.
#[derive(Debug)]
pub struct ChunkedDecoder {
    state: State,
    /// Of the chunk whose size line is being read.
    size: u64,
    /// Hex digits of it so far.
    digits: u8,
    /// Bytes of its extensions so far.
    extension: usize,
    /// Bytes of all chunks' extensions so far.
    extensions: usize,
    /// Bytes of trailers, and trailers, that may still come.
    trailer_bytes: usize,
    trailers: usize,
    /// Where they are asked for.
    kept: Option<Box<Kept>>,
    /// Bytes of content that may still come.
    room: u64,
}

impl ChunkedDecoder {
    /// A decoder of a body that may have `max_body` bytes of content.
    #[must_use]
    pub fn new(max_body: u64) -> Self {
        Self {
            state: State::SizeStart,
            size: 0,
            digits: 0,
            extension: 0,
            extensions: 0,
            trailer_bytes: MAX_TRAILER_BYTES,
            trailers: MAX_TRAILERS,
            kept: None,
            room: max_body,
        }
    }

    /// The same, but trailers are kept for [`ChunkedDecoder::take_trailers`], and have the limits
    /// of headers.
    #[must_use]
    pub fn with_trailers(max_body: u64, limits: &HeadLimits) -> Self {
        Self {
            trailer_bytes: limits.header_bytes,
            trailers: limits.headers,
            kept: Some(Box::default()),
            ..Self::new(max_body)
        }
    }

    /// The trailers of a body that is complete, with names in lower case.
    ///
    /// # Errors
    /// 400 for one that may not be a trailer (RFC 9110 section 6.5.1).
    pub fn take_trailers(&mut self) -> Result<Trailers, RequestError> {
        trailers::parse(&self.kept.take().unwrap_or_default().0)
    }

    /// Append to `out` the content of the chunks in `input`. What is consumed must not be passed
    /// again; all of `input` is, unless the body ends in it. After an error the decoder is of no
    /// more use.
    ///
    /// # Errors
    /// 400 for chunks, extensions or trailers that aren't well-formed, or extensions of more
    /// than 256 bytes on a chunk or 16 KiB on all; 413 for a chunk beyond the largest body, as
    /// soon as its size is known; 431 for more than 8 KiB or 64 of trailers, if they aren't kept.
    pub fn decode(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Progress, RequestError> {
        let mut rest = input;
        while self.state != State::Done {
            if let State::Data(mut left) = self.state {
                let content = take(&mut left, rest);
                out.extend_from_slice(content);
                rest = rest.get(content.len()..).unwrap_or_default();
                if left > 0 {
                    self.state = State::Data(left);
                    break;
                }
                self.state = State::DataCr;
            }
            let Some((&byte, after)) = rest.split_first() else {
                break;
            };
            rest = after;
            self.state = self.step(byte)?;
        }
        Ok(Progress {
            consumed: input.len() - rest.len(),
            done: self.state == State::Done,
        })
    }

    fn step(&mut self, byte: u8) -> Result<State, RequestError> {
        match self.state {
            State::SizeStart | State::Size => self.step_size(byte),
            State::SizeLf => {
                line_feed(byte)?;
                self.start_chunk()
            }
            State::Extension(part) => self.step_extension(part, byte),
            State::DataCr if byte == b'\r' => Ok(State::DataLf),
            State::DataCr => Err(RequestError::bad("a chunk is longer than its size")),
            State::DataLf => {
                line_feed(byte)?;
                Ok(State::SizeStart)
            }
            State::Trailer(part) => self.step_trailer(part, byte),
            State::EndLf => {
                line_feed(byte)?;
                Ok(State::Done)
            }
            State::Data(_) | State::Done => Ok(self.state),
        }
    }

    fn step_size(&mut self, byte: u8) -> Result<State, RequestError> {
        if let Some(digit) = hex_digit(byte) {
            if self.digits == MAX_SIZE_DIGITS {
                return Err(RequestError::bad("a chunk size out of range"));
            }
            self.digits += 1;
            self.size = self.size << 4 | digit;
            return Ok(State::Size);
        }
        match byte {
            _ if self.state == State::SizeStart => Err(BAD_SIZE),
            b'\r' => Ok(State::SizeLf),
            b';' | b' ' | b'\t' => self.step_extension(Extension::Before, byte),
            _ => Err(BAD_SIZE),
        }
    }

    fn start_chunk(&mut self) -> Result<State, RequestError> {
        let size = std::mem::take(&mut self.size);
        self.digits = 0;
        self.extension = 0;
        self.room = self.room.checked_sub(size).ok_or(TOO_LARGE)?;
        Ok(match size {
            0 => State::Trailer(Trailer::Start),
            _ => State::Data(size),
        })
    }

    /// `*( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] )`
    fn step_extension(&mut self, part: Extension, byte: u8) -> Result<State, RequestError> {
        use Extension::{
            AfterName, AfterValue, Before, Escape, Name, NameStart, Quoted, Token, ValueStart,
        };
        self.extension += 1;
        self.extensions += 1;
        if self.extension > MAX_EXTENSION || self.extensions > MAX_EXTENSIONS {
            return Err(RequestError::bad("chunk extensions are too long"));
        }
        let next = match (part, byte) {
            (Name | Token | AfterValue, b'\r') => return Ok(State::SizeLf),
            (Before | Name | AfterName | Token | AfterValue, b';') => NameStart,
            (Name | AfterName, b'=') => ValueStart,
            // White space may stand before what follows, but not at the line's end.
            (Before | Token | AfterValue, b' ' | b'\t') => Before,
            (Name | AfterName, b' ' | b'\t') => AfterName,
            (NameStart | ValueStart, b' ' | b'\t') => part,
            (NameStart | Name, _) if is_tchar(byte) => Name,
            (ValueStart | Token, _) if is_tchar(byte) => Token,
            (ValueStart, b'"') => Quoted,
            (Quoted, b'"') => AfterValue,
            (Quoted, b'\\') => Escape,
            (Quoted | Escape, _) if is_value_byte(byte) => Quoted,
            _ => return Err(RequestError::bad("invalid chunk extension")),
        };
        Ok(State::Extension(next))
    }

    fn step_trailer(&mut self, part: Trailer, byte: u8) -> Result<State, RequestError> {
        let room = self.trailer_bytes.checked_sub(1);
        self.trailer_bytes = room.ok_or(TRAILERS_TOO_LARGE)?;
        if let Some(kept) = &mut self.kept {
            kept.0.push(byte);
        }
        let next = match (part, byte) {
            (Trailer::Start, b'\r') => return Ok(State::EndLf),
            (Trailer::Start, _) if is_tchar(byte) => {
                let room = self.trailers.checked_sub(1);
                self.trailers = room.ok_or(TRAILERS_TOO_LARGE)?;
                Trailer::Name
            }
            (Trailer::Name, b':') => Trailer::Value,
            (Trailer::Name, _) if is_tchar(byte) => Trailer::Name,
            (Trailer::Value, b'\r') => Trailer::Lf,
            (Trailer::Value, _) if is_value_byte(byte) => Trailer::Value,
            (Trailer::Lf, b'\n') => Trailer::Start,
            _ => return Err(RequestError::bad("invalid trailer")),
        };
        Ok(State::Trailer(next))
    }
}

/// The trailers so far, as they came. In a box, for most connections never ask for them.
#[derive(Debug, Default)]
struct Kept(Vec<u8>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    SizeStart,
    Size,
    SizeLf,
    Extension(Extension),
    /// So many bytes of the chunk are to come: at least one.
    Data(u64),
    DataCr,
    DataLf,
    Trailer(Trailer),
    EndLf,
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extension {
    Before,
    NameStart,
    Name,
    AfterName,
    ValueStart,
    Token,
    Quoted,
    Escape,
    AfterValue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trailer {
    Start,
    Name,
    Value,
    Lf,
}

fn line_feed(byte: u8) -> Result<(), RequestError> {
    match byte {
        b'\n' => Ok(()),
        _ => Err(RequestError::bad("a bare CR among chunks")),
    }
}

fn hex_digit(byte: u8) -> Option<u64> {
    char::from(byte).to_digit(16).map(u64::from)
}

fn put_hex(out: &mut Vec<u8>, number: usize) {
    let digits = (usize::BITS - number.leading_zeros()).div_ceil(4).max(1);
    for place in (0..digits).rev() {
        let digit = (number >> (4 * place) & 0xf) as u32;
        out.extend(char::from_digit(digit, 16).map(|digit| digit as u8));
    }
}

const BAD_SIZE: RequestError = RequestError::bad("invalid chunk size");
const TRAILERS_TOO_LARGE: RequestError = RequestError::new(
    Status::REQUEST_HEADER_FIELDS_TOO_LARGE,
    "the trailers are too large",
);

/// As many as a `u64` has.
const MAX_SIZE_DIGITS: u8 = 16;
const MAX_EXTENSION: usize = 256;
/// Else chunks of a byte each could make us read 256 times what `max_body` allows.
const MAX_EXTENSIONS: usize = 16 << 10;
const MAX_TRAILER_BYTES: usize = 8 << 10;
const MAX_TRAILERS: usize = 64;

#[cfg(test)]
mod tests {
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
}
