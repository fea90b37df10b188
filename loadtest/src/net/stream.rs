//! A response that is a stream of events: its head, its framing, and the events in it.

use thiserror::Error;

use crate::net::chunked;
use crate::net::http1::with_head;
use crate::net::sse::{Event, Parser};

/// Parses successive responses, which the connections of a reconnecting client bring.
#[derive(Debug, Default)]
pub struct Stream {
    state: State,
    /// The beginning of a head, or of a chunk's size.
    input: Vec<u8>,
    parser: Parser,
}

/// The progress of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Its head is incomplete.
    Head,
    /// Its head is valid, and events may come.
    Open,
    /// It has ended regularly.
    Ended,
}

/// The reason why it is not a stream of events.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum StreamError {
    /// A status other than 200.
    #[error("the stream was answered with status {0} instead of 200")]
    Status(u16),
    /// A type other than `text/event-stream`.
    #[error("the response's Content-Type is not text/event-stream")]
    ContentType,
    /// The bytes are not a response.
    #[error("the response's head is broken: {0}")]
    Head(#[from] httparse::Error),
    /// The head does not end within [`MAX_HEAD`] bytes.
    #[error("the response's head has no end after {MAX_HEAD} bytes")]
    TooLong,
    /// Its framing is invalid.
    #[error(transparent)]
    Chunked(#[from] chunked::Malformed),
}

impl Stream {
    /// Parses `bytes`, the connection's next, and calls `dispatch` for each event that ends in
    /// them.
    ///
    /// # Errors
    /// The response is invalid; close the connection.
    pub fn feed(
        &mut self,
        bytes: &[u8],
        mut dispatch: impl FnMut(Event<'_>),
    ) -> Result<Progress, StreamError> {
        let mut kept = std::mem::take(&mut self.input);
        let fresh = kept.is_empty();
        if !fresh {
            kept.extend_from_slice(bytes);
        }
        let input = if fresh { bytes } else { &kept[..] };
        let (consumed, progress) = self.take(input, &mut dispatch)?;
        if fresh {
            kept.extend_from_slice(bytes.get(consumed..).unwrap_or_default());
        } else {
            kept.drain(..consumed);
        }
        self.input = kept;
        Ok(progress)
    }

    /// Ends the connection. Returns whether the response has ended regularly.
    #[must_use]
    pub fn ends_here(&self) -> bool {
        matches!(self.state, State::Close | State::Ended)
    }

    /// Begins another response, on another connection.
    pub fn restart(&mut self) {
        self.state = State::Head;
        self.input.clear();
        self.parser.restart();
    }

    /// Returns the parser of events, whose state persists between responses.
    #[must_use]
    pub fn parser(&self) -> &Parser {
        &self.parser
    }

    /// Returns the number of bytes used, and the progress of the response.
    fn take(
        &mut self,
        input: &[u8],
        dispatch: &mut impl FnMut(Event<'_>),
    ) -> Result<(usize, Progress), StreamError> {
        let mut consumed = 0;
        loop {
            let rest = input.get(consumed..).unwrap_or_default();
            match &mut self.state {
                State::Head => match head(rest)? {
                    None => return Ok((consumed, Progress::Head)),
                    Some((len, None)) => consumed += len,
                    Some((len, Some(state))) => {
                        consumed += len;
                        self.state = state;
                    }
                },
                State::Chunked(decoder) => {
                    let decoded = decoder.decode(rest)?;
                    consumed += decoded.consumed;
                    self.parser.feed(decoded.data, &mut *dispatch);
                    if decoder.is_done() {
                        self.state = State::Ended;
                    } else if decoded.data.is_empty() {
                        return Ok((consumed, Progress::Open));
                    }
                }
                State::Length(left) => {
                    let here =
                        usize::try_from(*left).map_or(rest.len(), |left| left.min(rest.len()));
                    self.parser
                        .feed(rest.get(..here).unwrap_or_default(), &mut *dispatch);
                    consumed += here;
                    *left -= here as u64;
                    if *left > 0 {
                        return Ok((consumed, Progress::Open));
                    }
                    self.state = State::Ended;
                }
                State::Close => {
                    self.parser.feed(rest, &mut *dispatch);
                    return Ok((input.len(), Progress::Open));
                }
                State::Ended => return Ok((input.len(), Progress::Ended)),
            }
        }
    }
}

/// The part of the response that the next byte belongs to.
#[derive(Debug, Default)]
enum State {
    #[default]
    Head,
    Chunked(chunked::Decoder),
    /// Remaining bytes of the body.
    Length(u64),
    /// A body that ends with the connection.
    Close,
    Ended,
}

/// Returns the length of the head at the front of `input`, if it is complete, and the state after
/// it; an interim response (RFC 9110 section 15.2) has none.
fn head(input: &[u8]) -> Result<Option<(usize, Option<State>)>, StreamError> {
    with_head(input, |parsed, response| {
        events_head(input, parsed, response)
    })
}

fn events_head(
    input: &[u8],
    parsed: Result<httparse::Status<usize>, httparse::Error>,
    response: &httparse::Response<'_, '_>,
) -> Result<Option<(usize, Option<State>)>, StreamError> {
    let len = match parsed? {
        httparse::Status::Complete(len) => len,
        httparse::Status::Partial if input.len() < MAX_HEAD => return Ok(None),
        httparse::Status::Partial => return Err(StreamError::TooLong),
    };
    match response.code.unwrap_or_default() {
        200 => {}
        100..200 => return Ok(Some((len, None))),
        other => return Err(StreamError::Status(other)),
    }
    let value = |name: &str| {
        let mut headers = response.headers.iter();
        let header = headers.find(|header| header.name.eq_ignore_ascii_case(name));
        header.map(|header| header.value)
    };
    let essence = |value: &[u8]| {
        let essence = value.split(|byte| *byte == b';').next().unwrap_or_default();
        essence
            .trim_ascii()
            .eq_ignore_ascii_case(b"text/event-stream")
    };
    if !value("content-type").is_some_and(essence) {
        return Err(StreamError::ContentType);
    }
    // RFC 9112 section 6.3, in its order.
    let state = if let Some(codings) = value("transfer-encoding") {
        let last = codings.rsplit(|byte| *byte == b',').next();
        match last.map(<[u8]>::trim_ascii) {
            Some(coding) if coding.eq_ignore_ascii_case(b"chunked") => {
                State::Chunked(Default::default())
            }
            _ => State::Close,
        }
    } else {
        let length = value("content-length").and_then(|value| str::from_utf8(value).ok());
        let length = length.and_then(|length| length.trim().parse().ok());
        length.map_or(State::Close, State::Length)
    };
    Ok(Some((len, Some(state))))
}

/// The maximum length of a head.
pub const MAX_HEAD: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// Parses a response that comes in pieces of `cut` bytes. Returns its data and progress.
    fn read(response: &str, cut: usize) -> Result<(Vec<String>, Progress, bool), StreamError> {
        let (mut stream, mut data) = (Stream::default(), Vec::new());
        let mut progress = Progress::Head;
        for piece in response.as_bytes().chunks(cut) {
            progress = stream.feed(piece, |event| {
                data.push(String::from_utf8_lossy(event.data).into_owned());
            })?;
        }
        Ok((data, progress, stream.ends_here()))
    }

    #[test]
    fn framings_split_anywhere() {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n";
        let chunked = "8\r\ndata: a\n\r\n1\r\n\n\r\n9\r\ndata: b\n\n\r\n";
        for (rest, progress, ends) in [
            (
                format!("Transfer-Encoding: chunked\r\n\r\n{chunked}"),
                Progress::Open,
                false,
            ),
            (
                format!("Transfer-Encoding: chunked\r\n\r\n{chunked}0\r\n\r\n"),
                Progress::Ended,
                true,
            ),
            (
                "Content-Length: 18\r\n\r\ndata: a\n\ndata: b\n\n".to_owned(),
                Progress::Ended,
                true,
            ),
            (
                "Content-Length: 19\r\n\r\ndata: a\n\ndata: b\n\n".to_owned(),
                Progress::Open,
                false,
            ),
            (
                "\r\ndata: a\n\ndata: b\n\n".to_owned(),
                Progress::Open,
                true,
            ),
        ] {
            let response = format!("HTTP/1.1 103 Early Hints\r\n\r\n{head}{rest}");
            for cut in 1..=response.len() {
                let expected = (vec!["a".to_owned(), "b".to_owned()], progress, ends);
                assert_eq!(read(&response, cut), Ok(expected), "{response} {cut}");
            }
        }
    }

    #[test]
    fn a_head_may_have_any_number_of_fields() {
        for fields in [1, 64, 101, 1000] {
            let lines = "a: b\r\n".repeat(fields);
            let response = format!(
                "HTTP/1.1 200 OK\r\n{lines}Content-Type: text/event-stream\r\n\r\ndata: a\n\n"
            );
            let expected = (vec!["a".to_owned()], Progress::Open, true);
            assert_eq!(read(&response, 1000), Ok(expected), "{fields}");
        }
    }

    #[test]
    fn what_is_no_stream() {
        let error = |response: &str| read(response, 1000).unwrap_err();
        let status = "HTTP/1.1 204 No Content\r\n\r\n";
        assert_eq!(error(status), StreamError::Status(204));
        for kind in [
            "Content-Type: text/html\r\n",
            "",
            "Content-Type: text/event-streams\r\n",
        ] {
            let response = format!("HTTP/1.1 200 OK\r\n{kind}\r\n");
            assert_eq!(error(&response), StreamError::ContentType);
        }
        assert!(matches!(error("hello\r\n\r\n"), StreamError::Head(_)));
        let endless = format!("HTTP/1.1 200 OK\r\nA: {}", "b".repeat(MAX_HEAD));
        assert_eq!(error(&endless), StreamError::TooLong);
        let broken = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                      Transfer-Encoding: chunked\r\n\r\nx\r\n";
        assert!(matches!(error(broken), StreamError::Chunked(_)));
    }
}
