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
                Err(error) => return (said, Some(error.code)),
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
