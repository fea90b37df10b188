//! The chunked coding (RFC 9112 section 7.1).

use super::error::RequestError;
use super::field::{is_tchar, is_value_byte};
use super::length::{Progress, TOO_LARGE, take};
use super::limits::HeadLimits;
use super::status::Status;
use super::trailers::Trailers;

/// Appends a chunk. Empty data is skipped: an empty chunk would end the body.
pub fn encode_chunk(out: &mut Vec<u8>, data: &[u8]) {
    if data.is_empty() {
        return;
    }
    encode_chunk_size(out, data.len());
    out.extend_from_slice(data);
    out.extend_from_slice(CHUNK_END);
}

/// Appends what precedes the data of a chunk, of which there must be `len` bytes and not none.
/// [`CHUNK_END`] follows them.
pub fn encode_chunk_size(out: &mut Vec<u8>, len: usize) {
    put_hex(out, len);
    out.extend_from_slice(b"\r\n");
}

/// The bytes behind the data of a chunk.
pub const CHUNK_END: &[u8] = b"\r\n";

/// Appends what ends a body: the last chunk, and no trailers
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
    /// The size of the chunk whose size line is being read.
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
    /// The trailers, if they are kept.
    kept: Option<Box<Kept>>,
    /// Bytes of content that may still come.
    capacity: u64,
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
            capacity: max_body,
        }
    }

    /// Creates a decoder that keeps trailers for [`ChunkedDecoder::take_trailers`]; they have the limits
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
        super::trailers::parse(&self.kept.take().unwrap_or_default().0)
    }

    /// Appends to `out` the content of the chunks in `input`. What is consumed must not be passed
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
        self.capacity = self.capacity.checked_sub(size).ok_or(TOO_LARGE)?;
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
        let capacity = self.trailer_bytes.checked_sub(1);
        self.trailer_bytes = capacity.ok_or(TRAILERS_TOO_LARGE)?;
        if let Some(kept) = &mut self.kept {
            kept.0.push(byte);
        }
        let next = match (part, byte) {
            (Trailer::Start, b'\r') => return Ok(State::EndLf),
            (Trailer::Start, _) if is_tchar(byte) => {
                let capacity = self.trailers.checked_sub(1);
                self.trailers = capacity.ok_or(TRAILERS_TOO_LARGE)?;
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
mod tests;
