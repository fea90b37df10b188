//! The decoder, which is private otherwise, for the fuzzer.

use super::decode::{Decoder, Event};
use super::handler::{Message, Settings};

/// Takes the frames of a client apart.
#[derive(Debug)]
pub struct WebSocketDecoder(Decoder);

/// An event that a client caused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A message of text.
    Text(String),
    /// A message of bytes.
    Binary(Vec<u8>),
    /// A ping.
    Ping(Vec<u8>),
    /// A pong.
    Pong,
    /// A close.
    Close(u16, String),
}

impl WebSocketDecoder {
    /// Creates a decoder for messages and frames of `max` bytes at most.
    pub fn new(max: usize) -> Self {
        Self(Decoder::new(&Settings {
            max_message: max,
            max_frame: max,
            ..Settings::default()
        }))
    }

    /// Takes what `input` begins with: how many bytes that was, and what was said if it is whole.
    ///
    /// # Errors
    /// The code and the reason to close with.
    pub fn decode(
        &mut self,
        input: &mut [u8],
    ) -> Result<(usize, Option<Received>), (u16, &'static str)> {
        let decoded = self.0.decode(input);
        let decoded = decoded.map_err(|error| (error.code, error.reason))?;
        let received = decoded.event.map(|event| match event {
            Event::Message(Message::Text(text)) => Received::Text(text.into_owned()),
            Event::Message(Message::Binary(bytes)) => Received::Binary(bytes.into_owned()),
            Event::Ping(payload) => Received::Ping(payload.to_vec()),
            Event::Pong => Received::Pong,
            Event::Close { code, reason } => Received::Close(code, reason.to_owned()),
        });
        Ok((decoded.consumed, received))
    }
}
