//! Processes that serve one client, and what passes between them and the socket process: the host
//! process of the same shard that owns the socket.

use futures_channel::oneshot;
use rusm_core::{FrameQueueId, Pid, StreamId};

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

/// A WebSocket's process, and the queues of frames between it and the socket process.
pub struct WebSocket {
    /// The process.
    pub pid: Pid,
    /// To it.
    pub incoming: FrameQueueId,
    /// From it.
    pub outgoing: FrameQueueId,
}

/// The process of a stream of Server-Sent Events.
pub struct EventStream {
    /// The process.
    pub pid: Pid,
    /// To it. No frame is sent; the queue ends when the client is gone.
    pub leaving: FrameQueueId,
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
