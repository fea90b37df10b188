//! Bytes to messages (RFC 6455 section 5).

use std::borrow::Cow;
use std::io::Cursor;

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::text::{NotText, TextBuilder};
use super::{Message, Settings, code};

/// Takes the frames of a client apart, and puts its messages together.
#[derive(Debug)]
pub(super) struct Decoder {
    max_message: u64,
    max_frame: u64,
    /// The frame of a message whose payload is arriving.
    frame: Option<Payload>,
    /// The message whose frames are arriving.
    message: Option<Builder>,
}

/// What a client has said.
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

/// What of the input was used, and what for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decoded<'b> {
    /// Bytes that must not be passed again.
    pub(super) consumed: usize,
    /// `None`: more input is needed.
    pub(super) event: Option<Event<'b>>,
}

/// What a client may not say: the connection has failed, to be closed with this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Violation {
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

    /// Take what the input begins with. Payloads are unmasked in the input itself, so what isn't
    /// consumed has to be passed again as it is.
    pub(super) fn decode<'b>(&mut self, input: &'b mut [u8]) -> Result<Decoded<'b>, Violation> {
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
                FrameHeader::parse(&mut cursor).map_err(|_| violation("invalid opcode"))?;
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

    /// Whether what comes next is a control frame, which is no part of a message.
    pub(super) fn expects_control(&self, input: &[u8]) -> bool {
        self.frame.is_none() && input.first().is_some_and(|first| first & 0x08 != 0)
    }

    /// Bytes that are still to come of the frame that has begun: how much it is worth to read.
    pub(super) fn wanted(&self) -> usize {
        let left = self.frame.as_ref().map_or(0, |frame| frame.left);
        usize::try_from(left).unwrap_or(usize::MAX)
    }

    fn check_data(&self, data: Data, len: u64) -> Result<(), Violation> {
        match (data, &self.message) {
            (Data::Continue, None) => return Err(violation("a continuation of nothing")),
            (Data::Text | Data::Binary, Some(_)) => {
                return Err(violation("a message inside of another"));
            }
            _ => {}
        }
        let so_far = self.message.as_ref().map_or(0, Builder::len) as u64;
        if len > self.max_frame || len > self.max_message.saturating_sub(so_far) {
            return Err(Violation {
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
    /// Whether the frame is the last of its message.
    last: bool,
    /// Of the next byte, and those after it.
    mask: [u8; 4],
}

impl Payload {
    /// What of the payload is in `input`, unmasked.
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

    fn push(&mut self, payload: &[u8]) -> Result<(), Violation> {
        match self {
            Self::Text(text) => text.push(payload).map_err(not_text),
            Self::Binary(bytes) => {
                bytes.extend_from_slice(payload);
                Ok(())
            }
        }
    }

    fn finish(self) -> Result<Message<'static>, Violation> {
        Ok(match self {
            Self::Text(text) => Message::Text(Cow::Owned(text.finish().map_err(not_text)?)),
            Self::Binary(bytes) => Message::Binary(Cow::Owned(bytes)),
        })
    }
}

/// What can be wrong with a header alone; its mask, if nothing is.
fn check(header: &FrameHeader, len: u64, header_len: usize) -> Result<[u8; 4], Violation> {
    if header.rsv1 || header.rsv2 || header.rsv3 {
        return Err(violation("reserved bits without an extension"));
    }
    let Some(mask) = header.mask else {
        return Err(violation("a frame that isn't masked"));
    };
    if header_len != header.len(len) || len > i64::MAX as u64 {
        return Err(violation("a length that is badly encoded"));
    }
    if matches!(header.opcode, OpCode::Control(_)) {
        if !header.is_final {
            return Err(violation("a fragment of a control frame"));
        }
        if len > MAX_CONTROL {
            return Err(violation("a control frame that is too big"));
        }
    }
    Ok(mask)
}

fn whole_message(data: Data, payload: &[u8]) -> Result<Message<'_>, Violation> {
    Ok(match data {
        Data::Text => {
            let text = str::from_utf8(payload).map_err(|_| not_text(NotText))?;
            Message::Text(Cow::Borrowed(text))
        }
        _ => Message::Binary(Cow::Borrowed(payload)),
    })
}

fn control_event(control: Control, payload: &[u8]) -> Result<Event<'_>, Violation> {
    Ok(match (control, payload) {
        (Control::Ping, _) => Event::Ping(payload),
        (Control::Close, []) => Event::Close {
            code: code::NO_STATUS,
            reason: "",
        },
        (Control::Close, [high, low, reason @ ..]) => {
            let code = u16::from_be_bytes([*high, *low]);
            if !code::may_be_sent(code) {
                return Err(violation("a code that no close may have"));
            }
            let reason = str::from_utf8(reason).map_err(|_| not_text(NotText))?;
            Event::Close { code, reason }
        }
        (Control::Close, [_]) => return Err(violation("half a code in a close")),
        (Control::Pong | Control::Reserved(_), _) => Event::Pong,
    })
}

const fn violation(reason: &'static str) -> Violation {
    Violation {
        code: code::PROTOCOL_ERROR,
        reason,
    }
}

fn not_text(_: NotText) -> Violation {
    Violation {
        code: code::INVALID_DATA,
        reason: "text that is not UTF-8",
    }
}

/// Bytes of the payload of a control frame.
const MAX_CONTROL: u64 = 125;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: u8 = 0x1;
    const BINARY: u8 = 0x2;
    const CONTINUATION: u8 = 0x0;
    const CLOSE: u8 = 0x8;
    const PING: u8 = 0x9;
    const FIN: u8 = 0x80;

    /// A frame of a client's.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [0x37, 0xfa, 0x21, 0x3d];
        let mut frame = vec![first];
        match payload.len() {
            len @ ..126 => frame.push(0x80 | len as u8),
            len @ ..65536 => {
                frame.push(0x80 | 126);
                frame.extend((len as u16).to_be_bytes());
            }
            len => {
                frame.push(0x80 | 127);
                frame.extend((len as u64).to_be_bytes());
            }
        }
        frame.extend(mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(a, b)| a ^ b));
        frame
    }

    fn decoder() -> Decoder {
        Decoder::new(&Settings {
            max_message: 1000,
            max_frame: 600,
            ..Settings::default()
        })
    }

    fn say(event: &Event<'_>) -> String {
        match event {
            Event::Message(Message::Text(text)) => format!("text {text}"),
            Event::Message(Message::Binary(bytes)) => format!("binary {}", bytes.escape_ascii()),
            Event::Ping(payload) => format!("ping {}", payload.escape_ascii()),
            Event::Pong => "pong".into(),
            Event::Close { code, reason } => format!("close {code} {reason}"),
        }
    }

    /// What was said in `input`, fed in pieces of `step` bytes, and what was wrong at last.
    fn decode_by(step: usize, input: &[u8]) -> (Vec<String>, Option<u16>) {
        let mut decoder = decoder();
        let mut said = Vec::new();
        let mut buffer = Vec::new();
        for piece in input.chunks(step) {
            buffer.extend_from_slice(piece);
            loop {
                let Decoded { consumed, event } = match decoder.decode(&mut buffer) {
                    Ok(decoded) => decoded,
                    Err(violation) => return (said, Some(violation.code)),
                };
                let more = event.is_some();
                said.extend(event.as_ref().map(say));
                buffer.drain(..consumed);
                if !more {
                    break;
                }
            }
            assert!(buffer.len() < 14 + 125, "little is left over");
        }
        (said, None)
    }

    /// All at once and in pieces, which must agree.
    fn decode(input: &[u8]) -> (Vec<String>, Option<u16>) {
        let whole = decode_by(input.len(), input);
        for step in [1, 2, 3, 5, 7] {
            assert_eq!(decode_by(step, input), whole, "by {step}");
        }
        whole
    }

    #[test]
    fn messages_in_one_piece_are_borrowed() {
        let mut input = frame(FIN | TEXT, b"Hello");
        let decoded = decoder().decode(&mut input).unwrap();
        let borrowed = Event::Message(Message::Text(Cow::Borrowed("Hello")));
        assert_eq!((decoded.consumed, decoded.event), (11, Some(borrowed)));
    }

    #[test]
    fn what_a_client_may_say() {
        let long = [b'x'; 600];
        for (input, said) in [
            (frame(FIN | TEXT, b""), "text "),
            (frame(FIN | BINARY, b"\0\xff"), "binary \\x00\\xff"),
            (
                frame(FIN | PING, &long[..125]),
                &format!("ping {}", "x".repeat(125)),
            ),
            (frame(FIN | 0xa, b"whatever"), "pong"),
            (frame(FIN | CLOSE, b""), "close 1005 "),
            (frame(FIN | CLOSE, b"\x03\xe8bye"), "close 1000 bye"),
            (frame(FIN | CLOSE, b"\x0f\xa0"), "close 4000 "),
            (frame(FIN | CLOSE, b"\x03\xf4"), "close 1012 "),
            (
                frame(FIN | CLOSE, b"\x03\xf6bad gateway"),
                "close 1014 bad gateway",
            ),
            (
                frame(FIN | BINARY, &long),
                &format!("binary {}", "x".repeat(600)),
            ),
            (
                [
                    frame(TEXT, b"a\xc3"),
                    frame(FIN | PING, b"in between"),
                    frame(CONTINUATION, b""),
                    frame(FIN | CONTINUATION, b"\xa9b"),
                ]
                .concat(),
                "ping in between, text aéb",
            ),
            (
                [
                    frame(BINARY, &long[..500]),
                    frame(FIN | CONTINUATION, &long[..500]),
                    frame(FIN | TEXT, b"next"),
                ]
                .concat(),
                &format!("binary {}, text next", "x".repeat(1000)),
            ),
        ] {
            let (decoded, violation) = decode(&input);
            assert_eq!((decoded.join(", ").as_str(), violation), (said, None));
        }
    }

    #[test]
    fn what_it_may_not() {
        let long = [b'x'; 601];
        let mut unmasked = frame(FIN | TEXT, b"a");
        unmasked[1] &= 0x7f;
        // A length of 5 in 16 bits, and one of 126 in 64; one that is negative.
        let padded_16 = b"\x81\xfe\x00\x05\x00\x00\x00\x00Hello".to_vec();
        let padded_64 = b"\x82\xff\x00\x00\x00\x00\x00\x00\x00\x7e\x00\x00\x00\x00".to_vec();
        let negative = b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00".to_vec();
        for (input, code) in [
            (unmasked, 1002),
            (padded_16, 1002),
            (padded_64, 1002),
            (negative, 1002),
            (frame(FIN | 0x40 | TEXT, b"a"), 1002),
            (frame(FIN | 0x20 | TEXT, b"a"), 1002),
            (frame(FIN | 0x10 | PING, b"a"), 1002),
            (frame(FIN | 0x3, b"a"), 1002),
            (frame(FIN | 0xb, b"a"), 1002),
            (frame(PING, b"a"), 1002),
            (frame(FIN | PING, &long[..126]), 1002),
            (frame(FIN | CONTINUATION, b"a"), 1002),
            ([frame(TEXT, b"a"), frame(FIN | TEXT, b"b")].concat(), 1002),
            (frame(FIN | CLOSE, b"\x03"), 1002),
            (frame(FIN | CLOSE, b"\x03\xe7"), 1002),
            (frame(FIN | CLOSE, b"\x03\xed"), 1002),
            (frame(FIN | CLOSE, b"\x03\xf7"), 1002),
            (frame(FIN | CLOSE, b"\x0b\xb7"), 1002),
            (frame(FIN | CLOSE, b"\x13\x88"), 1002),
            (frame(FIN | CLOSE, b"\x03\xe8\xff"), 1007),
            (frame(FIN | TEXT, b"a\xff"), 1007),
            (frame(FIN | TEXT, b"a\xc3"), 1007),
            (frame(TEXT, b"a\xff"), 1007),
            (
                [frame(TEXT, b"\xc3"), frame(FIN | CONTINUATION, b"")].concat(),
                1007,
            ),
            (frame(FIN | BINARY, &long), 1009),
            (frame(BINARY, &long), 1009),
            (
                [
                    frame(BINARY, &long[..600]),
                    frame(CONTINUATION, &long[..401]),
                ]
                .concat(),
                1009,
            ),
        ] {
            assert_eq!(
                decode(&input),
                (vec![], Some(code)),
                "{}",
                input.escape_ascii()
            );
        }
    }

    #[test]
    fn what_is_too_big_is_found_before_it_comes() {
        let mut header = frame(FIN | BINARY, &[0; 601]);
        header.truncate(8);
        assert_eq!(decode(&header), (vec![], Some(1009)));
    }

    #[test]
    fn text_fails_within_a_frame_that_has_not_ended() {
        let mut input = frame(FIN | TEXT, b"\xce\xba\xf4\x90 and so on");
        input.truncate(6 + 4);
        assert_eq!(decode(&input), (vec![], Some(1007)));
        input.truncate(6 + 3);
        assert_eq!(decode(&input), (vec![], None));
    }

    proptest! {
        #[test]
        fn anything_is_decoded_alike_in_pieces(
            frames in prop::collection::vec(
                (any::<u8>(), prop::collection::vec(any::<u8>(), 0..140)), 1..4
            ),
            step in 1..40_usize,
        ) {
            let mut input = Vec::new();
            for (first, payload) in &frames {
                // Mostly without reserved bits, else nothing gets further than those.
                input.extend(frame(first & if step % 4 == 0 { 0xff } else { 0x8f }, payload));
            }
            prop_assert_eq!(decode_by(step, &input), decode_by(input.len(), &input));
        }

        #[test]
        fn a_message_is_what_its_fragments_were(
            text in "[aé€😀]{0,100}",
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
            step in 1..40_usize,
        ) {
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
            cuts.sort_unstable();
            cuts.push(text.len());
            let (mut input, mut from, mut opcode) = (Vec::new(), 0, TEXT);
            for (index, cut) in cuts.iter().enumerate() {
                let fin = if index + 1 == cuts.len() { FIN } else { 0 };
                input.extend(frame(fin | opcode, &text.as_bytes()[from..*cut]));
                (from, opcode) = (*cut, CONTINUATION);
            }
            prop_assert_eq!(decode_by(step, &input), (vec![format!("text {text}")], None));
        }
    }
}
