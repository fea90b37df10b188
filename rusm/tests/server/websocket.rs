//! A client of WebSockets that sends whole messages, masked with zeros (RFC 6455, section 5.2).

use crate::client::Client;
use crate::server::Server;

/// A connection after its handshake.
pub(crate) struct Socket(Client);

/// A message, or a control frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) opcode: u8,
    pub(crate) payload: Vec<u8>,
}

pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;

impl Socket {
    #[track_caller]
    pub(crate) fn open(server: &Server, target: &str) -> Self {
        Self::over(server.connect(), target)
    }

    /// The same on a connection that is there.
    #[track_caller]
    pub(crate) fn over(mut client: Client, target: &str) -> Self {
        client.send(format!(
            "GET {target} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        ));
        assert_eq!(client.head().status, 101);
        Self(client)
    }

    pub(crate) fn send(&mut self, opcode: u8, payload: &[u8]) -> &mut Self {
        let mut frame = vec![0x80 | opcode];
        match payload.len() {
            len @ 0..126 => frame.push(0x80 | len as u8),
            len @ 126..65_536 => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&(len as u16).to_be_bytes());
            }
            len => {
                frame.push(0x80 | 127);
                frame.extend_from_slice(&(len as u64).to_be_bytes());
            }
        }
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(payload);
        self.0.send(frame);
        self
    }

    /// The next frame. The server does not fragment.
    #[track_caller]
    pub(crate) fn receive(&mut self) -> Frame {
        let head = self.0.take(2, "the head of a frame");
        assert_eq!(head[0] & 0x80, 0x80, "whole");
        let len = match head[1] {
            126 => self.0.take(2, "a length").iter().fold(0, shifted),
            127 => self.0.take(8, "a length").iter().fold(0, shifted),
            len => usize::from(len),
        };
        Frame {
            opcode: head[0] & 0x0f,
            payload: self.0.take(len, "a payload"),
        }
    }

    /// A text, and that of the answer.
    #[track_caller]
    pub(crate) fn ask(&mut self, text: &str) -> String {
        let Frame { opcode, payload } = self.send(TEXT, text.as_bytes()).receive();
        let payload = String::from_utf8_lossy(&payload).into_owned();
        assert_eq!(opcode, TEXT, "{payload}");
        payload
    }
}

fn shifted(number: usize, byte: &u8) -> usize {
    number << 8 | usize::from(*byte)
}
