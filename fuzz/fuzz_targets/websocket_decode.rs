//! Frames are the same messages however they are split, and those that `tungstenite` reads.

#![no_main]

use std::io::{self, Cursor, Read, Write};

use libfuzzer_sys::fuzz_target;
use rusm_uring_net::fuzzing::{Received, WebSocketDecoder};
use tungstenite::Message;
use tungstenite::error::Error;
use tungstenite::protocol::{Role, WebSocket, WebSocketConfig};

fuzz_target!(|data: &[u8]| {
    let Some((&step, input)) = data.split_first() else {
        return;
    };
    let input = masked(input, if step % 2 == 0 { [0; 4] } else { MASK });
    let whole = ours(&input, input.len().max(1));
    let step = usize::from(step).max(1);
    assert_eq!(ours(&input, step), whole, "in pieces of {step}");
    compare(whole, &input);
});

/// The same frames with their masks, which would hide from the fuzzer which of its bytes matter.
fn masked(input: &[u8], mask: [u8; 4]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = input;
    while let [first, second, after @ ..] = rest {
        let extra = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        out.extend([*first, *second]);
        let Some((length, after)) = after.split_at_checked(extra) else {
            break;
        };
        out.extend_from_slice(length);
        if second & 0x80 != 0 {
            out.extend(mask);
        }
        let wanted = match length {
            [] => u64::from(second & 0x7f),
            length => length
                .iter()
                .fold(0, |len, byte| len << 8 | u64::from(*byte)),
        };
        let here = usize::try_from(wanted)
            .unwrap_or(usize::MAX)
            .min(after.len());
        let (payload, behind) = after.split_at(here);
        let mask = if second & 0x80 != 0 { mask } else { [0; 4] };
        out.extend(payload.iter().zip(mask.iter().cycle()).map(|(a, b)| a ^ b));
        rest = behind;
    }
    out
}

/// What was received, and whether the client did wrong at last.
fn ours(input: &[u8], step: usize) -> (Vec<Received>, bool) {
    let mut decoder = WebSocketDecoder::new(MAX_MESSAGE);
    let (mut received, mut buffer) = (Vec::new(), Vec::new());
    for piece in input.chunks(step) {
        buffer.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut buffer) {
                Ok((consumed, event)) => {
                    buffer.drain(..consumed);
                    let Some(event) = event else { break };
                    let is_last = matches!(event, Received::Close(..));
                    received.push(event);
                    if is_last {
                        return (received, false);
                    }
                }
                Err(_) => return (received, true),
            }
        }
    }
    (received, false)
}

/// Reads what there is, and then says that nothing is there yet.
struct Socket(Cursor<Vec<u8>>);

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn compare((received, is_wrong): (Vec<Received>, bool), input: &[u8]) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE));
    let socket = Socket(Cursor::new(input.to_vec()));
    let mut theirs = WebSocket::from_raw_socket(socket, Role::Server, Some(config));
    for (index, event) in received.iter().enumerate() {
        let read = theirs.read();
        let same = match (&read, event) {
            (Ok(Message::Text(text)), Received::Text(ours)) => **text == *ours,
            (Ok(Message::Binary(bytes)), Received::Binary(ours)) => **bytes == *ours,
            (Ok(Message::Ping(payload)), Received::Ping(ours)) => **payload == *ours,
            (Ok(Message::Pong(_)), Received::Pong) => true,
            (Ok(Message::Close(None)), Received::Close(1005, _)) => true,
            // It changes what it takes for no code.
            (Ok(Message::Close(Some(close))), Received::Close(code, reason)) => {
                u16::from(close.code) == *code && *close.reason == **reason || *code == 1014
            }
            // 1014 is younger than its list of codes.
            (Err(_), Received::Close(1014, _)) => true,
            _ => false,
        };
        assert!(same, "{index}: {event:?}, they {read:?}");
        if matches!(event, Received::Close(..)) {
            return;
        }
    }
    if is_wrong {
        return;
    }
    // All that was received is all there was.
    match theirs.read() {
        Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
        other => panic!("we received nothing more, they {other:?}"),
    }
}

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
const MAX_MESSAGE: usize = 1000;
