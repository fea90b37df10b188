//! Bytes to messages (RFC 6455 section 5).

use std::borrow::Cow;
use std::io::Cursor;

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::code;
use super::handler::{Message, Settings};
use super::text::{NotText, TextBuilder};

/// Parses the frames of a client, and assembles its messages.
#[derive(Debug)]
pub(super) struct Decoder {
    max_message: u64,
    max_frame: u64,
    /// The frame of a message whose payload is arriving.
    frame: Option<Payload>,
    /// The message whose frames are arriving.
    message: Option<Builder>,
}

/// An event that a client caused.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event<'b> {
    Message(Message<'b>),
    Ping(&'b [u8]),
    Pong,
    /// The code is 1005 if there was none.
    Close {
        code: u16,
        reason: &'b str,
    },
}

/// The result of decoding.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decoded<'b> {
    /// Bytes that must not be passed again.
    pub(super) consumed: usize,
    /// `None`: more input is needed.
    pub(super) event: Option<Event<'b>>,
}

/// A violation by the client: the connection has failed, and is closed with this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ProtocolError {
    pub(super) code: u16,
    pub(super) reason: &'static str,
}

impl Decoder {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            max_message: settings.max_message as u64,
            max_frame: settings.max_frame as u64,
            frame: None,
            message: None,
        }
    }

    /// Takes what the input begins with. Payloads are unmasked in the input itself, so what isn't
    /// consumed has to be passed again as it is.
    pub(super) fn decode<'b>(&mut self, input: &'b mut [u8]) -> Result<Decoded<'b>, ProtocolError> {
        let mut consumed = 0;
        loop {
            let rest = input.get_mut(consumed..).unwrap_or_default();
            if let Some(frame) = &mut self.frame {
                let payload = frame.take(rest);
                consumed += payload.len();
                let done = frame.left == 0;
                let last = frame.last;
                let message = self.message.get_or_insert_default();
                message.push(payload)?;
                if !done {
                    return Ok(Decoded {
                        consumed,
                        event: None,
                    });
                }
                self.frame = None;
                if last && let Some(message) = self.message.take() {
                    return Ok(Decoded {
                        consumed,
                        event: Some(Event::Message(message.finish()?)),
                    });
                }
                continue;
            }
            let mut cursor = Cursor::new(&*rest);
            let header =
                FrameHeader::parse(&mut cursor).map_err(|_| protocol_error("invalid opcode"))?;
            let Some((header, len)) = header else {
                return Ok(Decoded {
                    consumed,
                    event: None,
                });
            };
            let header_len = cursor.position() as usize;
            let mask = check(&header, len, header_len)?;
            let mut payload = Payload {
                left: len,
                last: header.is_final,
                mask,
            };
            let here = rest.len() - header_len >= len.try_into().unwrap_or(usize::MAX);
            match header.opcode {
                OpCode::Control(_) if !here => {
                    return Ok(Decoded {
                        consumed,
                        event: None,
                    });
                }
                OpCode::Control(control) => {
                    // Its end is known already, so that the borrow of the input is the last.
                    let start = consumed + header_len;
                    let rest = input.get_mut(start..).unwrap_or_default();
                    let payload = payload.take(rest);
                    return Ok(Decoded {
                        consumed: start + payload.len(),
                        event: Some(control_event(control, payload)?),
                    });
                }
                OpCode::Data(data) => {
                    self.check_data(data, len)?;
                    consumed += header_len;
                    if here && header.is_final && data != Data::Continue {
                        let rest = input.get_mut(consumed..).unwrap_or_default();
                        let payload = payload.take(rest);
                        return Ok(Decoded {
                            consumed: consumed + payload.len(),
                            event: Some(Event::Message(whole_message(data, payload)?)),
                        });
                    }
                    match data {
                        Data::Text => self.message = Some(Builder::Text(TextBuilder::default())),
                        Data::Binary => self.message = Some(Builder::Binary(Vec::new())),
                        Data::Continue | Data::Reserved(_) => {}
                    }
                    self.frame = Some(payload);
                }
            }
        }
    }

    /// Returns whether the next frame is a control frame, which is not part of a message.
    pub(super) fn expects_control(&self, input: &[u8]) -> bool {
        self.frame.is_none() && input.first().is_some_and(|first| first & 0x08 != 0)
    }

    /// Bytes that are still to come of the frame that has begun: how much it is worth to read.
    pub(super) fn wanted(&self) -> usize {
        let left = self.frame.as_ref().map_or(0, |frame| frame.left);
        usize::try_from(left).unwrap_or(usize::MAX)
    }

    fn check_data(&self, data: Data, len: u64) -> Result<(), ProtocolError> {
        match (data, &self.message) {
            (Data::Continue, None) => return Err(protocol_error("a continuation of nothing")),
            (Data::Text | Data::Binary, Some(_)) => {
                return Err(protocol_error("a message inside of another"));
            }
            _ => {}
        }
        let so_far = self.message.as_ref().map_or(0, Builder::len) as u64;
        if len > self.max_frame || len > self.max_message.saturating_sub(so_far) {
            return Err(ProtocolError {
                code: code::TOO_BIG,
                reason: "the message is too big",
            });
        }
        Ok(())
    }
}

/// A payload on its way.
#[derive(Debug)]
struct Payload {
    left: u64,
    /// Set if the frame is the last of its message.
    last: bool,
    /// The mask of the next byte, and those after it.
    mask: [u8; 4],
}

impl Payload {
    /// Returns the part of the payload in `input`, unmasked.
    fn take<'b>(&mut self, input: &'b mut [u8]) -> &'b mut [u8] {
        let here = usize::try_from(self.left).map_or(input.len(), |left| left.min(input.len()));
        let payload = input.get_mut(..here).unwrap_or_default();
        // Four by four, which compiles to vector code.
        let mut fours = payload.chunks_exact_mut(4);
        for four in &mut fours {
            for (byte, mask) in four.iter_mut().zip(self.mask) {
                *byte ^= mask;
            }
        }
        for (byte, mask) in fours.into_remainder().iter_mut().zip(self.mask) {
            *byte ^= mask;
        }
        self.mask.rotate_left(here % 4);
        self.left -= here as u64;
        payload
    }
}

/// A message on its way.
#[derive(Debug)]
enum Builder {
    Text(TextBuilder),
    Binary(Vec<u8>),
}

impl Default for Builder {
    fn default() -> Self {
        Self::Binary(Vec::new())
    }
}

impl Builder {
    fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }

    fn push(&mut self, payload: &[u8]) -> Result<(), ProtocolError> {
        match self {
            Self::Text(text) => text.push(payload).map_err(not_text),
            Self::Binary(bytes) => {
                bytes.extend_from_slice(payload);
                Ok(())
            }
        }
    }

    fn finish(self) -> Result<Message<'static>, ProtocolError> {
        Ok(match self {
            Self::Text(text) => Message::Text(Cow::Owned(text.finish().map_err(not_text)?)),
            Self::Binary(bytes) => Message::Binary(Cow::Owned(bytes)),
        })
    }
}

/// Checks a header alone, and returns its mask.
fn check(header: &FrameHeader, len: u64, header_len: usize) -> Result<[u8; 4], ProtocolError> {
    if header.rsv1 || header.rsv2 || header.rsv3 {
        return Err(protocol_error("reserved bits without an extension"));
    }
    let Some(mask) = header.mask else {
        return Err(protocol_error("a frame that isn't masked"));
    };
    if header_len != header.len(len) || len > i64::MAX as u64 {
        return Err(protocol_error("a length that is badly encoded"));
    }
    if matches!(header.opcode, OpCode::Control(_)) {
        if !header.is_final {
            return Err(protocol_error("a fragment of a control frame"));
        }
        if len > MAX_CONTROL {
            return Err(protocol_error("a control frame that is too big"));
        }
    }
    Ok(mask)
}

fn whole_message(data: Data, payload: &[u8]) -> Result<Message<'_>, ProtocolError> {
    Ok(match data {
        Data::Text => {
            let text = str::from_utf8(payload).map_err(|_| not_text(NotText))?;
            Message::Text(Cow::Borrowed(text))
        }
        _ => Message::Binary(Cow::Borrowed(payload)),
    })
}

fn control_event(control: Control, payload: &[u8]) -> Result<Event<'_>, ProtocolError> {
    Ok(match (control, payload) {
        (Control::Ping, _) => Event::Ping(payload),
        (Control::Close, []) => Event::Close {
            code: code::NO_STATUS,
            reason: "",
        },
        (Control::Close, [high, low, reason @ ..]) => {
            let code = u16::from_be_bytes([*high, *low]);
            if !code::may_be_sent(code) {
                return Err(protocol_error("a code that no close may have"));
            }
            let reason = str::from_utf8(reason).map_err(|_| not_text(NotText))?;
            Event::Close { code, reason }
        }
        (Control::Close, [_]) => return Err(protocol_error("half a code in a close")),
        (Control::Pong | Control::Reserved(_), _) => Event::Pong,
    })
}

const fn protocol_error(reason: &'static str) -> ProtocolError {
    ProtocolError {
        code: code::PROTOCOL_ERROR,
        reason,
    }
}

fn not_text(_: NotText) -> ProtocolError {
    ProtocolError {
        code: code::INVALID_DATA,
        reason: "text that is not UTF-8",
    }
}

/// Bytes of the payload of a control frame.
const MAX_CONTROL: u64 = 125;

#[cfg(test)]
mod tests;
