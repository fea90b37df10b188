//! A WebSocket that echoes.

use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, Frame};
use tungstenite::{Bytes, Message, Utf8Bytes};

use super::{Shared, Stub};

/// How messages are echoed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ws {
    /// Before each echo.
    pub(crate) delay: Duration,
    /// Each nth echo of a connection differs from its message in the last byte.
    pub(crate) wrong_every: Option<u64>,
    /// Send a ping before each echo.
    pub(crate) pings: bool,
    /// Echo in two fragments, with a ping between them.
    pub(crate) fragments: bool,
    /// Send a close with code 1008 instead of the nth echo.
    pub(crate) close_at: Option<u64>,
    /// Drop the connection, without a close, instead of the nth echo.
    pub(crate) drop_at: Option<u64>,
}

impl Ws {
    /// Run it.
    pub(crate) fn start(self) -> Stub {
        Stub::start(move |stream, shared| {
            // A client that goes away is no failure of the server's.
            let _ = self.serve(stream, shared);
            Ok(())
        })
    }

    fn serve(&self, stream: TcpStream, shared: &Shared) -> Result<(), Box<dyn std::error::Error>> {
        // The signature is the library's.
        #[allow(clippy::result_large_err)]
        let remember = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
            let mut head = format!("{} {} HTTP/1.1\r\n", request.method(), request.uri());
            for (name, value) in request.headers() {
                head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap_or("?")));
            }
            shared.remember(&head);
            Ok(response)
        };
        let mut socket =
            tungstenite::accept_hdr(stream, remember).map_err(|error| error.to_string())?;
        let mut count = 0;
        loop {
            let message = match socket.read()? {
                message @ (Message::Text(_) | Message::Binary(_)) => message,
                _ => continue,
            };
            count += 1;
            shared.requests.fetch_add(1, Ordering::SeqCst);
            shared.sleep(self.delay);
            if self.drop_at == Some(count) {
                return Ok(());
            }
            if self.close_at == Some(count) {
                socket.close(Some(CloseFrame {
                    code: CloseCode::Policy,
                    reason: Utf8Bytes::from_static("enough"),
                }))?;
                continue;
            }
            let text = message.is_text();
            let mut payload = message.into_data().to_vec();
            if self.wrong_every.is_some_and(|n| count.is_multiple_of(n))
                && let Some(last) = payload.last_mut()
            {
                *last ^= 1;
            }
            if self.pings {
                socket.send(Message::Ping(Bytes::from_static(b"there?")))?;
            }
            let data = if text { Data::Text } else { Data::Binary };
            if self.fragments {
                let rest = payload.split_off(payload.len() / 2);
                let first = Frame::message(payload, OpCode::Data(data), false);
                socket.send(Message::Frame(first))?;
                socket.send(Message::Ping(Bytes::new()))?;
                let last = Frame::message(rest, OpCode::Data(Data::Continue), true);
                socket.send(Message::Frame(last))?;
            } else {
                let whole = Frame::message(payload, OpCode::Data(data), true);
                socket.send(Message::Frame(whole))?;
            }
        }
    }
}
