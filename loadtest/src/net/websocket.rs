//! The client's side of WebSocket (RFC 6455): the opening handshake, and encoding and decoding of
//! messages. Pure over bytes; no extension is offered.

use std::io::Cursor;

use thiserror::Error;
use tungstenite::handshake::client::generate_key;
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use crate::net::http1::with_head;

/// An opening handshake (RFC 6455 section 4.1): the request, and the check of its response.
#[derive(Clone, Debug)]
pub struct Handshake {
    request: Vec<u8>,
    accept: String,
}

impl Handshake {
    /// Creates a handshake with a random key. `authority` is the value of `Host`, `target` the
    /// request's target, as `/chat?a=b`; `headers` are complete lines, each with its CRLF, or
    /// empty.
    pub fn new(authority: &str, target: &str, headers: &str) -> Self {
        let key = generate_key();
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: {authority}\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\
             {headers}\r\n"
        );
        Self {
            request: request.into_bytes(),
            accept: derive_accept_key(key.as_bytes()),
        }
    }

    /// Returns the request.
    pub fn request(&self) -> &[u8] {
        &self.request
    }

    /// Checks the response at the front of `input`. Returns the length of its head, if it is
    /// complete.
    ///
    /// # Errors
    /// The first violation (RFC 6455 section 4.1, the list after "validate the server's response").
    pub fn check(&self, input: &[u8]) -> Result<Option<usize>, HandshakeError> {
        with_head(input, |parsed, response| {
            self.check_head(input, parsed, response)
        })
    }

    fn check_head(
        &self,
        input: &[u8],
        parsed: Result<httparse::Status<usize>, httparse::Error>,
        response: &httparse::Response<'_, '_>,
    ) -> Result<Option<usize>, HandshakeError> {
        let httparse::Status::Complete(len) = parsed? else {
            return if input.len() > MAX_HEAD {
                Err(HandshakeError::TooLong)
            } else {
                Ok(None)
            };
        };
        let status = response.code.unwrap_or_default();
        if status != 101 {
            return Err(HandshakeError::Status(status));
        }
        let values = |name: &'static str| {
            let headers = response.headers.iter();
            let named = headers.filter(move |header| header.name.eq_ignore_ascii_case(name));
            named.map(|header| header.value.trim_ascii())
        };
        let lists = |name, element: &str| {
            values(name)
                .flat_map(|value| value.split(|byte| *byte == b','))
                .any(|other| other.trim_ascii().eq_ignore_ascii_case(element.as_bytes()))
        };
        if !lists("upgrade", "websocket") {
            return Err(HandshakeError::Header("Upgrade: websocket"));
        }
        if !lists("connection", "upgrade") {
            return Err(HandshakeError::Header("Connection: Upgrade"));
        }
        if !values("sec-websocket-accept").eq([self.accept.as_bytes()]) {
            return Err(HandshakeError::Accept);
        }
        if values("sec-websocket-extensions").any(|value| !value.is_empty()) {
            return Err(HandshakeError::Extension);
        }
        if values("sec-websocket-protocol").any(|_| !self.offers("sec-websocket-protocol")) {
            return Err(HandshakeError::Protocol);
        }
        Ok(Some(len))
    }

    fn offers(&self, name: &str) -> bool {
        self.request.split(|byte| *byte == b'\n').any(|line| {
            let head = line.get(..name.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(name.as_bytes()))
        })
    }
}

/// The reason why there is no WebSocket.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum HandshakeError {
    /// The status is not 101.
    #[error("the handshake was answered with status {0} instead of 101")]
    Status(u16),
    /// The bytes are not a response.
    #[error("the handshake's response is malformed: {0}")]
    Malformed(#[from] httparse::Error),
    /// The head does not end within `MAX_HEAD` bytes.
    #[error("the handshake's response has no end after {MAX_HEAD} bytes")]
    TooLong,
    /// A header of the response is missing or has another value.
    #[error("the handshake's response lacks `{0}`")]
    Header(&'static str),
    /// `Sec-WebSocket-Accept` does not fit the key.
    #[error("the handshake's response has no Sec-WebSocket-Accept that fits the key")]
    Accept,
    /// The server chose an extension that was not offered.
    #[error("the handshake's response has an extension that was not offered")]
    Extension,
    /// The server chose a subprotocol that was not offered.
    #[error("the handshake's response has a subprotocol that was not offered")]
    Protocol,
}

/// The kind of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8.
    Text,
    /// Bytes.
    Binary,
}

/// Appends a message to `output`, as one frame, masked with `mask` (RFC 6455 section 5.3).
pub fn encode(kind: Kind, payload: &[u8], mask: [u8; 4], output: &mut Vec<u8>) {
    let opcode = match kind {
        Kind::Text => OpCode::Data(Data::Text),
        Kind::Binary => OpCode::Data(Data::Binary),
    };
    frame(opcode, payload, mask, output);
}

/// Appends the answer to a ping, with the ping's payload.
pub fn encode_pong(payload: &[u8], mask: [u8; 4], output: &mut Vec<u8>) {
    frame(OpCode::Control(Control::Pong), payload, mask, output);
}

/// Appends a close with `code` (RFC 6455 section 7.4) and without a reason.
pub fn encode_close(code: u16, mask: [u8; 4], output: &mut Vec<u8>) {
    let payload = code.to_be_bytes();
    frame(OpCode::Control(Control::Close), &payload, mask, output);
}

/// Decodes the frames of a server, and assembles its messages.
///
/// Text is not checked to be UTF-8: the caller compares it with the expected bytes.
#[derive(Debug)]
pub struct Decoder {
    max_message: usize,
    /// The message whose fragments are arriving.
    message: Option<(Kind, Vec<u8>)>,
    /// True if it is complete and was the last event: the next message replaces it.
    delivered: bool,
}

/// An event from the server.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'b> {
    /// A whole message.
    Message(Kind, &'b [u8]),
    /// A fragment other than the last.
    Fragment,
    /// A ping, to be answered with [`encode_pong`].
    Ping(&'b [u8]),
    /// The answer to a ping, or an unsolicited one.
    Pong,
    /// A close; 1005 without a code.
    Close(u16),
}

/// A violation by the server.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the server broke the WebSocket protocol: {0}")]
pub struct ProtocolError(&'static str);

impl Decoder {
    /// Creates a decoder. Messages of more than `max_message` bytes are a violation.
    pub fn new(max_message: usize) -> Self {
        Self {
            max_message,
            message: None,
            delivered: false,
        }
    }

    /// Decodes the event at the front of `input`. Returns the number of consumed bytes, which must
    /// not be passed again, and the event. `None` if it is incomplete: pass the same bytes again,
    /// followed by more.
    ///
    /// # Errors
    /// The input is invalid; close the connection.
    pub fn decode<'b>(
        &'b mut self,
        input: &'b [u8],
    ) -> Result<Option<(usize, Event<'b>)>, ProtocolError> {
        if std::mem::take(&mut self.delivered) {
            self.message = None;
        }
        let Some(frame) = Frame::parse(input, self.max_message)? else {
            return Ok(None);
        };
        let (consumed, payload) = (frame.len, frame.payload);
        let data = match frame.opcode {
            OpCode::Control(control) => {
                return Ok(Some((consumed, control_event(control, payload)?)));
            }
            OpCode::Data(data) => data,
        };
        let kind = match data {
            Data::Text => Some(Kind::Text),
            Data::Binary => Some(Kind::Binary),
            Data::Continue | Data::Reserved(_) => None,
        };
        let message = match (kind, &mut self.message) {
            (Some(_), Some(_)) => return Err(ProtocolError("a message inside of another")),
            (None, None) => return Err(ProtocolError("a continuation of nothing")),
            (Some(kind), None) if frame.is_final => {
                return Ok(Some((consumed, Event::Message(kind, payload))));
            }
            (Some(kind), none) => none.insert((kind, payload.to_vec())),
            (None, Some(message)) => {
                if payload.len() > self.max_message.saturating_sub(message.1.len()) {
                    return Err(TOO_LONG);
                }
                message.1.extend_from_slice(payload);
                message
            }
        };
        let event = if frame.is_final {
            self.delivered = true;
            Event::Message(message.0, &message.1)
        } else {
            Event::Fragment
        };
        Ok(Some((consumed, event)))
    }
}

/// A complete frame at the front of the input.
struct Frame<'b> {
    /// The length with its header.
    len: usize,
    opcode: OpCode,
    is_final: bool,
    payload: &'b [u8],
}

impl<'b> Frame<'b> {
    fn parse(input: &'b [u8], max_message: usize) -> Result<Option<Self>, ProtocolError> {
        let mut cursor = Cursor::new(input);
        let parsed =
            FrameHeader::parse(&mut cursor).map_err(|_| ProtocolError("invalid opcode"))?;
        let Some((header, len)) = parsed else {
            return Ok(None);
        };
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return Err(ProtocolError("reserved bits without an extension"));
        }
        if header.mask.is_some() {
            return Err(ProtocolError("a masked frame"));
        }
        let start = usize::try_from(cursor.position()).map_err(|_| TOO_LONG)?;
        if start != header.len(len) {
            return Err(ProtocolError("a length that is badly encoded"));
        }
        let is_control = matches!(header.opcode, OpCode::Control(_));
        if is_control && (len > MAX_CONTROL || !header.is_final) {
            return Err(ProtocolError(
                "a control frame that is too big, or in fragments",
            ));
        }
        let len = usize::try_from(len).map_err(|_| TOO_LONG)?;
        if !is_control && len > max_message {
            return Err(TOO_LONG);
        }
        let end = start.checked_add(len).ok_or(TOO_LONG)?;
        Ok(input.get(start..end).map(|payload| Self {
            len: end,
            opcode: header.opcode,
            is_final: header.is_final,
            payload,
        }))
    }
}

fn control_event(control: Control, payload: &[u8]) -> Result<Event<'_>, ProtocolError> {
    Ok(match (control, payload) {
        (Control::Ping, _) => Event::Ping(payload),
        (Control::Close, []) => Event::Close(NO_STATUS),
        (Control::Close, [high, low, ..]) => Event::Close(u16::from_be_bytes([*high, *low])),
        (Control::Close, [_]) => return Err(ProtocolError("half a code in a close")),
        (Control::Pong | Control::Reserved(_), _) => Event::Pong,
    })
}

fn frame(opcode: OpCode, payload: &[u8], mask: [u8; 4], output: &mut Vec<u8>) {
    let header = FrameHeader {
        opcode,
        mask: Some(mask),
        ..FrameHeader::default()
    };
    // Writing to a vector does not fail.
    let _ = header.format(payload.len() as u64, output);
    let start = output.len();
    output.extend_from_slice(payload);
    let masked = output.get_mut(start..).unwrap_or_default();
    // Four by four, which compiles to vector code.
    let mut fours = masked.chunks_exact_mut(4);
    for four in &mut fours {
        for (byte, mask) in four.iter_mut().zip(mask) {
            *byte ^= mask;
        }
    }
    for (byte, mask) in fours.into_remainder().iter_mut().zip(mask) {
        *byte ^= mask;
    }
}

/// The code of a close without one (RFC 6455 section 7.1.5).
pub const NO_STATUS: u16 = 1005;
/// The code of a normal close (RFC 6455 section 7.4.1).
pub const NORMAL: u16 = 1000;
const MAX_HEAD: usize = 64 * 1024;
/// Maximum payload of a control frame, in bytes.
const MAX_CONTROL: u64 = 125;
const TOO_LONG: ProtocolError = ProtocolError("a message that is longer than expected");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The key and the answer of RFC 6455 section 1.3.
    fn example() -> Handshake {
        Handshake {
            accept: derive_accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="),
            ..Handshake::new("a", "/", "")
        }
    }

    const RESPONSE: [&str; 4] = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    ];

    fn check(lines: &[&str]) -> Result<Option<usize>, HandshakeError> {
        example().check(format!("{}\r\n\r\n\x01", lines.join("\r\n")).as_bytes())
    }

    #[test]
    fn the_request_is_whole_and_its_key_another_each_time() {
        let handshake = Handshake::new("a:80", "/b?c", "X-Y: z\r\n");
        let mut headers = [httparse::EMPTY_HEADER; 9];
        let mut request = httparse::Request::new(&mut headers);
        let parsed = request.parse(handshake.request()).unwrap();
        assert_eq!(parsed.unwrap(), handshake.request().len());
        assert_eq!((request.method, request.path), (Some("GET"), Some("/b?c")));
        let value = |name: &str| {
            let mut headers = request.headers.iter();
            let header = headers.find(|header| header.name == name);
            str::from_utf8(header.unwrap().value).unwrap()
        };
        assert_eq!((value("Host"), value("X-Y")), ("a:80", "z"));
        assert_eq!(value("Sec-WebSocket-Version"), "13");
        let key = value("Sec-WebSocket-Key");
        assert_eq!(handshake.accept, derive_accept_key(key.as_bytes()));
        assert_ne!(handshake.accept, Handshake::new("a", "/", "").accept);
    }

    #[test]
    fn responses() {
        let len = RESPONSE.join("\r\n").len() + 4;
        assert_eq!(check(&RESPONSE), Ok(Some(len)));
        for (index, line, error) in [
            (0, "HTTP/1.1 404 Not Found", HandshakeError::Status(404)),
            (0, "HTTP/1.1 200 OK", HandshakeError::Status(200)),
            (
                1,
                "Upgrade: h2c",
                HandshakeError::Header("Upgrade: websocket"),
            ),
            (2, "X: y", HandshakeError::Header("Connection: Upgrade")),
            (3, "X: y", HandshakeError::Accept),
            (
                3,
                "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
                HandshakeError::Accept,
            ),
        ] {
            let mut lines = RESPONSE;
            lines[index] = line;
            assert_eq!(check(&lines), Err(error), "{line}");
        }
        let and = |line| check(&[&RESPONSE[..], &[line]].concat());
        assert_eq!(and(RESPONSE[3]), Err(HandshakeError::Accept));
        let extension = and("Sec-WebSocket-Extensions: permessage-deflate");
        assert_eq!(extension, Err(HandshakeError::Extension));
        let protocol = and("Sec-WebSocket-Protocol: v1");
        assert_eq!(protocol, Err(HandshakeError::Protocol));
        let malformed = example().check(b"SSH-2.0-OpenSSH\r\n");
        assert!(matches!(malformed, Err(HandshakeError::Malformed(_))));
        let endless = format!("HTTP/1.1 101 X\r\nA: {}", "b".repeat(MAX_HEAD));
        let endless = example().check(endless.as_bytes());
        assert_eq!(endless, Err(HandshakeError::TooLong));
    }

    #[test]
    fn a_head_that_is_not_whole() {
        let response = format!("{}\r\n\r\n", RESPONSE.join("\r\n"));
        for len in 0..response.len() {
            assert_eq!(example().check(&response.as_bytes()[..len]), Ok(None));
        }
    }

    #[test]
    fn a_masked_frame_of_the_rfc() {
        let mut output = Vec::new();
        encode(Kind::Text, b"Hello", [0x37, 0xfa, 0x21, 0x3d], &mut output);
        let expected = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
        assert_eq!(output, expected);
    }

    #[test]
    fn violations() {
        for bytes in [
            &b"\x83\x00"[..],                            // a reserved opcode
            b"\xc1\x00",                                 // a reserved bit
            b"\x81\x80\0\0\0\0",                         // masked
            b"\x81\x7e\x00\x01a",                        // a length in too many bytes
            b"\x80\x00",                                 // a continuation of nothing
            b"\x01\x00\x81\x00",                         // a message inside of another
            b"\x09\x00",                                 // a fragment of a control frame
            b"\x89\x7e\x00\x80",                         // a long control frame
            b"\x88\x01a",                                // half a code
            b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", // longer than expected
            b"\x02\x05abcde\x80\x06fghijk",              // longer, in fragments
        ] {
            assert!(
                read(&mut Decoder::new(10), &mut bytes.to_vec()).is_err(),
                "{bytes:x?}"
            );
        }
    }

    #[derive(Clone, Debug, PartialEq)]
    enum OwnedEvent {
        Message(Kind, Vec<u8>),
        Ping(Vec<u8>),
        Pong,
        Close(u16),
    }

    /// Decodes everything that is complete.
    fn read(decoder: &mut Decoder, input: &mut Vec<u8>) -> Result<Vec<OwnedEvent>, ProtocolError> {
        let mut events = Vec::new();
        while let Some((consumed, event)) = decoder.decode(input)? {
            events.extend(match event {
                Event::Message(kind, payload) => Some(OwnedEvent::Message(kind, payload.into())),
                Event::Fragment => None,
                Event::Ping(payload) => Some(OwnedEvent::Ping(payload.into())),
                Event::Pong => Some(OwnedEvent::Pong),
                Event::Close(code) => Some(OwnedEvent::Close(code)),
            });
            input.drain(..consumed);
        }
        Ok(events)
    }

    /// Encodes an event as a server does, with a ping between two fragments if `at` is given.
    fn server_frame(event: &OwnedEvent, at: Option<usize>) -> Vec<u8> {
        let mut output = Vec::new();
        let mut push = |opcode, is_final, payload: &[u8]| {
            let header = FrameHeader {
                is_final,
                opcode,
                ..FrameHeader::default()
            };
            header.format(payload.len() as u64, &mut output).unwrap();
            output.extend_from_slice(payload);
        };
        match event {
            OwnedEvent::Message(kind, payload) => {
                let data = match kind {
                    Kind::Text => Data::Text,
                    Kind::Binary => Data::Binary,
                };
                match at {
                    Some(at) => {
                        let (a, b) = payload.split_at(at.min(payload.len()));
                        push(OpCode::Data(data), false, a);
                        push(OpCode::Data(Data::Continue), true, b);
                    }
                    None => push(OpCode::Data(data), true, payload),
                }
            }
            OwnedEvent::Ping(payload) => push(OpCode::Control(Control::Ping), true, payload),
            OwnedEvent::Pong => push(OpCode::Control(Control::Pong), true, b""),
            OwnedEvent::Close(code) => {
                push(OpCode::Control(Control::Close), true, &code.to_be_bytes());
            }
        }
        output
    }

    fn event() -> impl Strategy<Value = OwnedEvent> {
        let kind = prop_oneof![Just(Kind::Text), Just(Kind::Binary)];
        let payload = prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            Just(vec![b'x'; 125]),
            Just(vec![b'x'; 126]),
            Just(vec![b'x'; 65535]),
            Just(vec![b'x'; 65536]),
        ];
        prop_oneof![
            (kind, payload).prop_map(|(kind, payload)| OwnedEvent::Message(kind, payload)),
            prop::collection::vec(any::<u8>(), 0..=125).prop_map(OwnedEvent::Ping),
            Just(OwnedEvent::Pong),
            (1000u16..5000).prop_map(OwnedEvent::Close),
        ]
    }

    proptest! {
        #[test]
        fn split_anywhere_it_says_the_same(
            events in prop::collection::vec((event(), prop::option::of(0usize..300)), 0..6),
            cut in prop::collection::vec(1usize..5000, 1..20),
        ) {
            let bytes: Vec<_> = events.iter().flat_map(|(event, at)| server_frame(event, *at)).collect();
            let mut decoder = Decoder::new(1 << 17);
            let (mut input, mut received, mut rest) = (Vec::new(), Vec::new(), &bytes[..]);
            for cut in cut.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                input.extend_from_slice(now);
                received.extend(read(&mut decoder, &mut input).unwrap());
                rest = later;
            }
            prop_assert!(input.is_empty());
            let events: Vec<_> = events.into_iter().map(|(event, _)| event).collect();
            prop_assert_eq!(received, events);
        }

        #[test]
        fn what_is_encoded_is_what_a_server_reads(
            text in any::<bool>(),
            payload in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..300),
                Just(vec![7; 65535]),
                Just(vec![7; 65536]),
            ],
            mask in any::<[u8; 4]>(),
        ) {
            let kind = if text { Kind::Text } else { Kind::Binary };
            let mut output = Vec::new();
            encode(kind, &payload, mask, &mut output);
            let mut cursor = Cursor::new(&output);
            let (header, len) = FrameHeader::parse(&mut cursor).unwrap().unwrap();
            prop_assert_eq!(header.mask, Some(mask));
            let data = if text { Data::Text } else { Data::Binary };
            prop_assert_eq!(header.opcode, OpCode::Data(data));
            let body = &output[cursor.position() as usize..];
            prop_assert_eq!(body.len() as u64, len);
            let unmasked = body.iter().zip(mask.iter().cycle()).map(|(a, b)| a ^ b);
            prop_assert_eq!(unmasked.collect::<Vec<_>>(), payload);
        }

        #[test]
        fn whatever_comes_does_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = read(&mut Decoder::new(50), &mut bytes.clone());
            let _ = example().check(&bytes);
        }
    }
}
