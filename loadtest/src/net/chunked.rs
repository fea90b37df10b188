//! Decodes the chunked transfer coding (RFC 9112 section 7.1) as it arrives.

use thiserror::Error;

/// The position of the next byte in the coding.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    state: State,
}

/// The result of decoding a piece of input.
#[derive(Debug, PartialEq, Eq)]
pub struct Decoded<'b> {
    /// Bytes that must not be passed again.
    pub consumed: usize,
    /// Content among them; if it is empty, either more input is needed or [`Decoder::is_done`].
    pub data: &'b [u8],
}

/// The coding is invalid.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the chunked coding of the response's body is broken: {0}")]
pub struct Malformed(&'static str);

impl Decoder {
    /// Decodes the next piece of content at the front of `input`. Pass unconsumed bytes again,
    /// followed by more.
    ///
    /// # Errors
    /// The coding is invalid; close the connection.
    pub fn decode<'b>(&mut self, input: &'b [u8]) -> Result<Decoded<'b>, Malformed> {
        let mut consumed = 0;
        loop {
            let rest = input.get(consumed..).unwrap_or_default();
            match self.state {
                State::Size => match httparse::parse_chunk_size(rest) {
                    Ok(httparse::Status::Complete((used, size))) => {
                        consumed += used;
                        self.state = if size == 0 {
                            State::Trailer
                        } else {
                            State::Data(size)
                        };
                    }
                    Ok(httparse::Status::Partial) if rest.len() < MAX_LINE => break,
                    Ok(httparse::Status::Partial) => return Err(Malformed("an endless line")),
                    Err(_) => return Err(Malformed("a size that is no number")),
                },
                State::Data(left) => {
                    let here =
                        usize::try_from(left).map_or(rest.len(), |left| left.min(rest.len()));
                    let data = rest.get(..here).unwrap_or_default();
                    if data.is_empty() {
                        break;
                    }
                    self.state = match left - here as u64 {
                        0 => State::DataEnd,
                        left => State::Data(left),
                    };
                    consumed += here;
                    return Ok(Decoded { consumed, data });
                }
                State::DataEnd => match rest {
                    [b'\r', b'\n', ..] => {
                        consumed += 2;
                        self.state = State::Size;
                    }
                    [] | [b'\r'] => break,
                    _ => return Err(Malformed("no line end after a chunk")),
                },
                State::Trailer => {
                    let Some(len) = rest.iter().position(|byte| *byte == b'\n') else {
                        if rest.len() < MAX_LINE {
                            break;
                        }
                        return Err(Malformed("an endless line"));
                    };
                    consumed += len + 1;
                    if matches!(rest, [b'\r', b'\n', ..] | [b'\n', ..]) {
                        self.state = State::Done;
                    }
                }
                State::Done => break,
            }
        }
        Ok(Decoded {
            consumed,
            data: &[],
        })
    }

    /// Returns whether the body, including its trailer, has ended.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Size,
    /// Remaining bytes of the chunk, at least one.
    Data(u64),
    DataEnd,
    Trailer,
    Done,
}

/// Maximum bytes of a size with its extensions, or of a line of the trailer.
const MAX_LINE: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns the content, and the bytes after the body; the input arrives in pieces of `cut`
    /// bytes.
    fn decode(bytes: &[u8], cut: usize) -> Result<(Vec<u8>, Vec<u8>, bool), Malformed> {
        let mut decoder = Decoder::default();
        let (mut input, mut content) = (Vec::new(), Vec::new());
        for piece in bytes.chunks(cut) {
            input.extend_from_slice(piece);
            loop {
                let decoded = decoder.decode(&input)?;
                content.extend_from_slice(decoded.data);
                let empty = decoded.data.is_empty();
                input.drain(..decoded.consumed);
                if empty {
                    break;
                }
            }
        }
        Ok((content, input, decoder.is_done()))
    }

    #[test]
    fn extensions_and_trailers() {
        let bytes = b"3;a=b\r\nabc\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\nHTTP";
        for cut in 1..=bytes.len() {
            let (content, rest, done) = decode(bytes, cut).unwrap();
            assert_eq!(content, b"abc0123456789");
            assert_eq!(rest, b"HTTP");
            assert!(done);
        }
    }

    #[test]
    fn broken() {
        for bytes in [
            &b"x\r\n"[..],
            b"1\r\nab",
            b"1\r\na\rb",
            b"fffffffffffffffff\r\n",
        ] {
            assert!(decode(bytes, bytes.len()).is_err(), "{bytes:?}");
        }
        assert!(decode(&[b'0'; 20_000], 1000).is_err());
    }

    proptest! {
        #[test]
        fn split_anywhere_it_is_the_same(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..50), 0..6),
            cut in 1usize..40,
        ) {
            let mut bytes = Vec::new();
            for chunk in &chunks {
                bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
                bytes.extend_from_slice(chunk);
                bytes.extend(b"\r\n");
            }
            prop_assert!(!decode(&bytes, cut).unwrap().2);
            bytes.extend(b"0\r\n\r\n");
            let (content, rest, done) = decode(&bytes, cut).unwrap();
            prop_assert_eq!(content, chunks.concat());
            prop_assert!(rest.is_empty() && done);
        }
    }
}
