//! A WebSocket: the process of a guest, and the socket's owner beside it.

use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use rusm_core::{Delivery, Frame, ProcessHandle, Shard};
use rusm_uring_net::websocket::{Message, Outgoing, WebSocketHandler};
use rusm_wasm_pool::connection::{ConnectionInfo, WebSocket};
use rusm_wasm_pool::{ProcessError, RequestId, ShardPool};

use super::target::ConnectionProcess;

/// Start the process that serves a WebSocket.
pub(super) async fn open(
    pool: &Rc<ShardPool>,
    ConnectionProcess {
        component,
        takes_messages,
    }: ConnectionProcess,
    id: &RequestId,
    info: Arc<ConnectionInfo>,
) -> Result<Box<dyn WebSocketHandler>, ProcessError> {
    let full = || ProcessError::Host {
        reason: "the process table is full".into(),
    };
    let process = pool.shard().start(None).ok_or_else(full)?;
    let socket = pool
        .open_websocket(component, id, info, process.pid())
        .await?;
    Ok(Box::new(SocketHandler {
        takes_messages,
        shard: pool.shard().clone(),
        process,
        socket,
        unsent: None,
    }))
}

/// The owner of the socket, between the client and the guest.
struct SocketHandler {
    shard: Shard,
    process: ProcessHandle,
    socket: WebSocket,
    /// Whether messages to the owner are for the client.
    takes_messages: bool,
    /// A message that the guest has no room for yet. There is one at the most: until it has
    /// gone, no other is read.
    unsent: Option<Frame>,
}

impl WebSocketHandler for SocketHandler {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.unsent.is_none() {
            return Poll::Ready(());
        }
        let (me, queue) = (self.process.pid(), self.socket.incoming);
        let sending = self.shard.poll_send_frame(me, queue, &mut self.unsent, cx);
        // A guest that is gone takes no more, and is noticed by what it sends.
        sending.map(|_| self.unsent = None)
    }

    fn message(&mut self, message: Message<'_>) {
        self.unsent = Some(match message {
            Message::Text(text) => Frame::Text(text.into_owned()),
            Message::Binary(bytes) => Frame::Binary(bytes.into_owned()),
        });
        self.try_send();
    }

    fn poll_outgoing(&mut self, cx: &mut Context<'_>) -> Poll<Option<Outgoing>> {
        // The process has made room, and there may be no more input that would ask for it.
        self.try_send();
        let (me, queue) = (self.process.pid(), self.socket.outgoing);
        let received = self.shard.poll_receive_frame(me, queue, cx);
        if received.is_pending() && self.takes_messages {
            return self.poll_message(cx);
        }
        received.map(|received| match received {
            Ok(frame) => frame.map(|frame| match frame {
                Frame::Text(text) => Outgoing::Text(text),
                Frame::Binary(bytes) => Outgoing::Binary(bytes),
                Frame::Close { code, reason } => Outgoing::Close { code, reason },
            }),
            Err(_) => Some(Outgoing::Close {
                code: INTERNAL_ERROR,
                reason: "internal server error".into(),
            }),
        })
    }

    fn closed(&mut self, code: u16, reason: &str) {
        self.try_send();
        // Where there is no room for it, the end of the queue says as much.
        if self.unsent.is_none() {
            let reason = reason.to_owned();
            self.unsent = Some(Frame::Close { code, reason });
            self.try_send();
        }
        self.shard
            .close_frames(self.process.pid(), self.socket.incoming, Ok(()));
    }
}

impl SocketHandler {
    /// Sends the frame that waits, if there is room for it now.
    fn try_send(&mut self) {
        if self.unsent.is_none() {
            return;
        }
        let (me, queue) = (self.process.pid(), self.socket.incoming);
        if let Err(_gone) = self.shard.try_send_frame(me, queue, &mut self.unsent) {
            self.unsent = None;
        }
    }

    /// A message that some process sent to the owner is a binary one for the client.
    fn poll_message(&self, cx: &mut Context<'_>) -> Poll<Option<Outgoing>> {
        let is_message = |delivery: &Delivery| matches!(delivery, Delivery::Message(_));
        let receiving = self
            .shard
            .receive_where(self.process.pid(), None, is_message);
        pin!(receiving).poll(cx).map(|delivery| match delivery {
            Some(Delivery::Message(bytes)) => Some(Outgoing::Binary(bytes.into())),
            _ => None,
        })
    }
}

/// RFC 6455, section 7.4.1.
const INTERNAL_ERROR: u16 = 1011;
