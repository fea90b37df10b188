//! The process of a WebSocket: entered for each message, and without a stack in between.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use bytes::Bytes;
use rusm_core::{ExitReason, Mail, Pid, ProcessRef, SpawnOptions, StreamError, StreamId};
use wasmtime::Store;
use wasmtime::component::Instance;

use crate::catalog::{ComponentRef, Loaded, WebSocketEvent};
use crate::connection::{Frame, WebSocket};
use crate::fault::Fault;
use crate::host::{Client, ConnectionInfo, WebSocketFrame};
use crate::pool::ShardPool;
use crate::process::{self, Limit};
use crate::sandbox::HostState;

impl ShardPool {
    /// Whether a component can serve WebSockets.
    pub fn is_websocket(&self, component: ComponentRef) -> bool {
        let component = self.catalog.get(component);
        component.is_some_and(Loaded::is_websocket)
    }

    /// Start the process of a WebSocket. `owner` is the host process of this shard that owns the
    /// socket: it writes the client's messages to `incoming` and reads `outgoing`, each a
    /// [`Frame`]. The process ends when `incoming` does.
    ///
    /// # Errors
    /// Whatever keeps the process from starting.
    pub async fn open_websocket(
        self: &Rc<Self>,
        component: ComponentRef,
        info: Arc<ConnectionInfo>,
        owner: Pid,
    ) -> Result<WebSocket, Fault> {
        let place = self.enter_pool(Instant::now()).await?;
        let Some(loaded) = self.catalog.get(component) else {
            return Err(Fault::host("no such component"));
        };
        let options = SpawnOptions {
            label: Some(loaded.name.clone()),
            mailbox: loaded.mailbox,
            ..SpawnOptions::default()
        };
        let (begin, begun) = futures_channel::oneshot::channel::<(StreamId, StreamId)>();
        let pool = self.clone();
        let pid = self
            .shard
            .spawn(options, move |me| async move {
                let _place = place;
                match begun.await {
                    Ok((incoming, outgoing)) => {
                        let client = Client::WebSocket { info, outgoing };
                        pool.serve_websocket(component, &me, client, incoming).await
                    }
                    Err(_) => ExitReason::Killed,
                }
            })
            .map_err(|error| Fault::host(&error.to_string()))?;
        let gone = || Fault::host("the process is gone");
        let incoming = self.shard.open_stream(owner, pid).ok_or_else(gone)?;
        let outgoing = self.shard.open_stream(pid, owner).ok_or_else(gone)?;
        let _ = begin.send((incoming, outgoing));
        Ok(WebSocket {
            pid,
            incoming,
            outgoing,
        })
    }

    async fn serve_websocket(
        &self,
        component: ComponentRef,
        me: &ProcessRef,
        client: Client,
        incoming: StreamId,
    ) -> ExitReason {
        let Some(component) = self.catalog.get(component) else {
            return ExitReason::NoProcess;
        };
        let store = self.new_store(component, me.pid, None, &component.capabilities);
        let mut store = match store {
            Ok(store) => store,
            Err(fault) => return ExitReason::Failed(fault.to_string().into()),
        };
        store.data_mut().client = client;
        let lived = {
            let mut life = pin!(live(component, me, &mut store, incoming));
            poll_fn(|cx| self.poll_guest(component, || life.as_mut().poll(cx))).await
        };
        self.ended(component, me, &store, lived)
    }
}

async fn live(
    component: &Loaded,
    me: &ProcessRef,
    store: &mut Store<HostState>,
    incoming: StreamId,
) -> wasmtime::Result<()> {
    let instance = component.instantiate(store).await?;
    let mut event = Some(WebSocketEvent::Open);
    let mut mail_first = false;
    loop {
        if let Some(event) = event.take() {
            let last = matches!(event, WebSocketEvent::Close { .. });
            enter(component, me, store, &instance, event).await?;
            if last {
                return Ok(());
            }
        }
        mail_first = !mail_first;
        match next(me, incoming, mail_first).await {
            Next::Frame(frame) => event = Some(frame),
            Next::Mail(Mail::Call(call)) => {
                process::answer(component, me, store, &instance, call).await?;
            }
            Next::Mail(mail) => {
                process::take_mail(component, me, store, &instance, mail).await?;
            }
            Next::Over => return Ok(()),
        }
        Limit::end(me, store);
    }
}

async fn enter(
    component: &Loaded,
    me: &ProcessRef,
    store: &mut Store<HostState>,
    instance: &Instance,
    event: WebSocketEvent,
) -> wasmtime::Result<()> {
    Limit::start(component, me, store);
    component.websocket_event(store, instance, event).await?;
    Limit::end(me, store);
    Ok(())
}

enum Next {
    Frame(WebSocketEvent),
    Mail(Mail),
    Over,
}

/// The next thing that happens to the process, from its client or from other processes. Where
/// both have something, `mail_first` decides: turn and turn about, so that neither side can keep
/// the process from hearing of the other.
async fn next(me: &ProcessRef, incoming: StreamId, mail_first: bool) -> Next {
    let not_stream = |mail: &Mail| !matches!(mail, Mail::Stream { .. });
    let mut mail = pin!(me.shard.receive_where(me.pid, None, not_stream));
    let mut chunk = pin!(me.shard.read(me.pid, incoming));
    poll_fn(move |cx| {
        if !mail_first && let Poll::Ready(next) = poll_chunk(chunk.as_mut(), cx) {
            return Poll::Ready(next);
        }
        match mail.as_mut().poll(cx) {
            Poll::Ready(Some(mail)) => return Poll::Ready(Next::Mail(mail)),
            Poll::Ready(None) => return Poll::Ready(Next::Over),
            Poll::Pending => {}
        }
        if mail_first {
            return poll_chunk(chunk.as_mut(), cx);
        }
        Poll::Pending
    })
    .await
}

fn poll_chunk(
    chunk: Pin<&mut impl Future<Output = Result<Option<Bytes>, StreamError>>>,
    cx: &mut std::task::Context<'_>,
) -> Poll<Next> {
    chunk.poll(cx).map(|read| match read {
        Ok(Some(chunk)) => match Frame::decode(chunk) {
            Some(Frame::Text(text)) => {
                Next::Frame(WebSocketEvent::Frame(WebSocketFrame::Text(text)))
            }
            Some(Frame::Binary(bytes)) => {
                Next::Frame(WebSocketEvent::Frame(WebSocketFrame::Binary(bytes)))
            }
            Some(Frame::Close { code, reason }) => {
                Next::Frame(WebSocketEvent::Close { code, reason })
            }
            None => Next::Over,
        },
        Ok(None) | Err(_) => Next::Over,
    })
}
