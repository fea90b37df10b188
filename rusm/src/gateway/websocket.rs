//! A WebSocket: the process of a guest, and the socket's owner beside it.

use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use rusm_core::{Delivery, ProcessHandle, Shard, StreamError};
use rusm_uring_net::websocket::{Message, Outgoing, WebSocketHandler};
use rusm_wasm_pool::connection::{ConnectionInfo, Frame, WebSocket};
use rusm_wasm_pool::pool::semaphore::Permit;
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
    let permit = pool.acquire_connection_permit()?;
    let owner = pool.shard().start(None).ok_or_else(full)?;
    let socket = pool
        .open_websocket(component, id, info, owner.pid())
        .await?;
    Ok(Box::new(Owner {
        takes_messages,
        shard: pool.shard().clone(),
        owner,
        socket,
        writing: None,
        waker: None,
        _permit: permit,
    }))
}

/// The owner of the socket, between the client and the guest.
struct Owner {
    shard: Shard,
    owner: ProcessHandle,
    socket: WebSocket,
    /// Whether messages to the owner are for the client.
    takes_messages: bool,
    /// A message that the guest has no room for yet. There is one at the most: until it has
    /// gone, no other is read.
    writing: Option<Writing>,
    /// Of the connection's task.
    waker: Option<Waker>,
    _permit: Permit,
}

type Writing = Pin<Box<dyn Future<Output = Result<(), StreamError>>>>;

impl WebSocketHandler for Owner {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.remember(cx);
        let Some(writing) = &mut self.writing else {
            return Poll::Ready(());
        };
        // A guest that is gone takes no more, and is noticed by what it sends.
        writing.as_mut().poll(cx).map(|_| self.writing = None)
    }

    fn message(&mut self, message: Message<'_>) {
        self.write(match message {
            Message::Text(text) => Frame::Text(text.into_owned()).encode(),
            Message::Binary(bytes) => Frame::Binary(bytes.into_owned()).encode(),
        });
    }

    fn poll_outgoing(&mut self, cx: &mut Context<'_>) -> Poll<Option<Outgoing>> {
        self.remember(cx);
        let reading = self.shard.read(self.owner.pid(), self.socket.outgoing);
        let polled = pin!(reading).poll(cx);
        if polled.is_pending() && self.takes_messages {
            return self.poll_mail(cx);
        }
        polled.map(|read| match read {
            Ok(chunk) => match Frame::decode(chunk?)? {
                Frame::Text(text) => Some(Outgoing::Text(text)),
                Frame::Binary(bytes) => Some(Outgoing::Binary(bytes)),
                Frame::Close { code, reason } => Some(Outgoing::Close { code, reason }),
            },
            Err(_) => Some(Outgoing::Close {
                code: INTERNAL_ERROR,
                reason: "internal server error".into(),
            }),
        })
    }

    fn closed(&mut self, code: u16, reason: &str) {
        // Where there is no room for it, the end of the stream says as much.
        if self.writing.is_none() {
            let reason = reason.to_owned();
            self.write(Frame::Close { code, reason }.encode());
        }
        self.shard
            .close(self.owner.pid(), self.socket.incoming, Ok(()));
    }
}

impl Owner {
    fn remember(&mut self, cx: &Context<'_>) {
        match &mut self.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            waker => *waker = Some(cx.waker().clone()),
        }
    }

    /// A message that some process sent to the owner is a binary one for the client.
    fn poll_mail(&self, cx: &mut Context<'_>) -> Poll<Option<Outgoing>> {
        let is_message = |mail: &Delivery| matches!(mail, Delivery::Message(_));
        let receiving = self.shard.receive_where(self.owner.pid(), None, is_message);
        pin!(receiving).poll(cx).map(|mail| match mail {
            Some(Delivery::Message(bytes)) => Some(Outgoing::Binary(bytes.into())),
            _ => None,
        })
    }

    fn write(&mut self, chunk: Bytes) {
        let writing = self
            .shard
            .write(self.owner.pid(), self.socket.incoming, chunk);
        let mut writing: Writing = Box::pin(writing);
        let waker = self.waker.clone().unwrap_or_else(|| Waker::noop().clone());
        let polled = writing.as_mut().poll(&mut Context::from_waker(&waker));
        if polled.is_pending() {
            self.writing = Some(writing);
        }
    }
}

/// RFC 6455, section 7.4.1.
const INTERNAL_ERROR: u16 = 1011;
