//! Messages to bytes. A server's frames aren't masked, and none of ours are fragments.

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::code;

/// Appends a message of text.
pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    put(out, OpCode::Data(Data::Text), text.as_bytes());
}

/// Appends a message of bytes.
pub(super) fn put_binary(out: &mut Vec<u8>, bytes: &[u8]) {
    put(out, OpCode::Data(Data::Binary), bytes);
}

/// Appends a ping.
pub(super) fn put_ping(out: &mut Vec<u8>) {
    put(out, OpCode::Control(Control::Ping), b"");
}

/// Appends the answer to a ping.
pub(super) fn put_pong(out: &mut Vec<u8>, payload: &[u8]) {
    put(out, OpCode::Control(Control::Pong), payload);
}

/// Appends a close. Reserved codes and long reasons are changed, as [`Outgoing::Close`](super::Outgoing) says.
pub(super) fn put_close(out: &mut Vec<u8>, code: u16, reason: &str) {
    let opcode = OpCode::Control(Control::Close);
    if code == code::NO_STATUS {
        return put(out, opcode, b"");
    }
    let code = match code::may_be_sent(code) {
        true => code,
        false => code::INTERNAL_ERROR,
    };
    let reason = reason.get(..reason.floor_char_boundary(MAX_REASON));
    let reason = reason.unwrap_or_default().as_bytes();
    put(out, opcode, &[&code.to_be_bytes(), reason].concat());
}

fn put(out: &mut Vec<u8>, opcode: OpCode, payload: &[u8]) {
    let header = FrameHeader {
        opcode,
        ..FrameHeader::default()
    };
    out.reserve(header.len(payload.len() as u64) + payload.len());
    // A write to a `Vec` can't fail.
    let _ = header.format(payload.len() as u64, out);
    out.extend_from_slice(payload);
}

/// A control frame has 125 bytes of payload at most, two of which are the code.
const MAX_REASON: usize = 123;

#[cfg(test)]
mod tests {
    use super::*;

    fn close(code: u16, reason: &str) -> Vec<u8> {
        let mut out = Vec::new();
        put_close(&mut out, code, reason);
        out
    }

    #[test]
    fn frames() {
        let mut out = b"before".to_vec();
        put_text(&mut out, "Hello");
        assert_eq!(out, b"before\x81\x05Hello");
        for (len, header) in [
            (0, &b"\x82\x00"[..]),
            (125, b"\x82\x7d"),
            (126, b"\x82\x7e\x00\x7e"),
            (65535, b"\x82\x7e\xff\xff"),
            (65536, b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
        ] {
            let mut out = Vec::new();
            put_binary(&mut out, &vec![7; len]);
            assert_eq!(out.split_at(header.len()), (header, &vec![7; len][..]));
        }
        let mut out = Vec::new();
        put_ping(&mut out);
        put_pong(&mut out, b"x");
        assert_eq!(out, b"\x89\x00\x8a\x01x");
    }

    #[test]
    fn closes() {
        assert_eq!(close(1000, ""), b"\x88\x02\x03\xe8");
        assert_eq!(close(4000, "why"), b"\x88\x05\x0f\xa0why");
        assert_eq!(close(1005, "why"), b"\x88\x00");
        for registered in [1000, 1001, 1003, 1007, 1012, 1013, 1014, 3000, 4999] {
            let [high, low] = u16::to_be_bytes(registered);
            assert_eq!(close(registered, "x"), [0x88, 3, high, low, b'x']);
        }
        for reserved in [0, 999, 1004, 1006, 1015, 1016, 2999, 5000, u16::MAX] {
            assert_eq!(close(reserved, "x"), b"\x88\x03\x03\xf3x", "{reserved}");
        }
        let long = close(1000, &format!("x{}", "é".repeat(100)));
        assert_eq!(long[..4], *b"\x88\x7d\x03\xe8");
        assert_eq!(long[4..], *format!("x{}", "é".repeat(61)).as_bytes());
    }
}
