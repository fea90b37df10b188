//! Processes that serve one client, and what passes between them and the socket process: the host
//! process of the same shard that owns the socket.

use bytes::{BufMut, Bytes};
use futures_channel::oneshot;
use rusm_core::{Pid, StreamId};

use crate::error::ProcessError;
use crate::http::Response;

pub use crate::bindings::rusm::runtime::serve::ConnectionInfo;

/// How a response starts that may be a stream.
#[derive(Debug)]
pub enum ResponseStart {
    /// It is no stream.
    Whole(Result<Response, ProcessError>),
    /// This is its head; the body comes on the stream, which fails if the guest does.
    Stream(ResponseHead, StreamId),
}

/// The head of a streamed response. Nothing in it was checked yet.
#[derive(Clone, Debug)]
pub struct ResponseHead {
    /// What the guest gives as its status; any 16 bits.
    pub status: u16,
    /// Names and values; any text, any bytes.
    pub headers: Vec<(String, Vec<u8>)>,
}

/// A request whose answer may be a stream, under way.
pub struct Streaming {
    /// The process that answers.
    pub pid: Pid,
    /// How the response starts; canceled if the process ends without one.
    pub response: oneshot::Receiver<ResponseStart>,
}

/// A WebSocket's process, and the streams between it and the socket process. Each chunk is a
/// [`Frame`].
pub struct WebSocket {
    /// The process.
    pub pid: Pid,
    /// To it.
    pub incoming: StreamId,
    /// From it.
    pub outgoing: StreamId,
}

/// The process of a stream of Server-Sent Events.
pub struct EventStream {
    /// The process.
    pub pid: Pid,
    /// To it. Nothing is written; its end is that the client is gone.
    pub leaving: StreamId,
    /// How the response starts; canceled if the process ends without one.
    pub response: oneshot::Receiver<ResponseStart>,
}

/// What a guest wants to say by a Server-Sent Event.
#[derive(Clone, Copy, Debug)]
pub enum SseEvent<'a> {
    /// An event.
    Event {
        /// Its data, of one line or many.
        data: &'a [u8],
        /// Its type.
        event: Option<&'a str>,
        /// What the client says it saw last when it comes again.
        id: Option<&'a str>,
        /// How long the client waits before it comes again, in milliseconds.
        retry: Option<u32>,
    },
    /// A comment.
    Comment(&'a str),
}

/// Puts an event into the form of its protocol; or says why it has none.
pub type EncodeEvent = fn(&mut Vec<u8>, &SseEvent<'_>) -> Result<(), String>;

/// A message of a WebSocket, or its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// The end: a code and a reason (RFC 6455, section 7.4).
    Close {
        /// 1006 if the client was just gone.
        code: u16,
        /// For people; empty if none was given.
        reason: String,
    },
}

impl Frame {
    /// As one chunk of a stream.
    pub fn encode(self) -> Bytes {
        match self {
            Self::Text(text) => tagged(TEXT, text.into_bytes()),
            Self::Binary(bytes) => tagged(BINARY, bytes),
            Self::Close { code, reason } => {
                let mut chunk = Vec::with_capacity(3 + reason.len());
                chunk.put_slice(reason.as_bytes());
                chunk.put_u16(code);
                chunk.put_u8(CLOSE);
                chunk.into()
            }
        }
    }

    /// From a chunk; `None` if it is none of these.
    pub fn decode(chunk: Bytes) -> Option<Self> {
        let mut chunk = Vec::from(chunk);
        match chunk.pop()? {
            TEXT => String::from_utf8(chunk).ok().map(Self::Text),
            BINARY => Some(Self::Binary(chunk)),
            CLOSE => {
                let low = chunk.pop()?;
                let high = chunk.pop()?;
                Some(Self::Close {
                    code: u16::from_be_bytes([high, low]),
                    reason: String::from_utf8(chunk).ok()?,
                })
            }
            _ => None,
        }
    }
}

/// The tag stands behind the content, so that neither side has to move it.
fn tagged(tag: u8, mut content: Vec<u8>) -> Bytes {
    content.push(tag);
    content.into()
}

const TEXT: u8 = 0;
const BINARY: u8 = 1;
const CLOSE: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_as_they_went_in() {
        let frames = [
            Frame::Text("é".into()),
            Frame::Text(String::new()),
            Frame::Binary(vec![0, 1, 2, 255]),
            Frame::Close {
                code: 4999,
                reason: "bye".into(),
            },
        ];
        for frame in frames {
            assert_eq!(Frame::decode(frame.clone().encode()), Some(frame));
        }
        assert_eq!(Frame::decode(Bytes::new()), None);
        assert_eq!(Frame::decode(Bytes::from_static(&[0xff, TEXT])), None);
        assert_eq!(Frame::decode(Bytes::from_static(&[CLOSE])), None);
    }
}
