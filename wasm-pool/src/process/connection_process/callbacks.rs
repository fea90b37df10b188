//! A process that is entered for each thing that happens to the connection that it holds.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rusm_core::{Delivery, Frame, FrameQueueId, ProcessContext};

use crate::bindings::WebSocketFrame;
use crate::component::exports::{ConnectionEvent, ConnectionKind};
use crate::component::loaded::LoadedComponent;
use crate::process::dispatch::{self, Limit};
use crate::process::hibernation::{Hibernation, Sandbox};

/// `limit` is for the time until a response has started, where there is one.
pub(super) async fn run(
    component: &LoadedComponent,
    connection: ConnectionKind,
    me: &ProcessContext,
    mut hibernation: Hibernation<'_>,
    sandbox: &mut Sandbox,
    incoming: FrameQueueId,
    limit: Option<Duration>,
) -> wasmtime::Result<()> {
    let store = hibernation.wake(sandbox).await?;
    let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
    me.shard.set_deadline(me.pid, deadline);
    store.data_mut().deadline = deadline;
    let instance = component.instantiate(store).await?;
    if limit.is_none() {
        Limit::start(component, me, store);
    }
    let opening = component.connection_event(store, &instance, connection, ConnectionEvent::Open);
    opening.await?;
    if connection == ConnectionKind::Events && !store.data_mut().start_events()? {
        return Ok(());
    }
    Limit::end(me, store);
    let mut mail_first = false;
    loop {
        mail_first = !mail_first;
        let next = {
            let mut next = pin!(next(me, incoming, mail_first));
            match poll_fn(|cx| Poll::Ready(next.as_mut().poll(cx))).await {
                Poll::Ready(next) => next,
                Poll::Pending => {
                    hibernation.rest(sandbox).await;
                    next.await
                }
            }
        };
        if matches!(next, Next::Over) {
            return Ok(());
        }
        let store = hibernation.wake(sandbox).await?;
        let instance = component.instantiate(store).await?;
        match next {
            Next::Event(event) => {
                let is_last = matches!(event, ConnectionEvent::Close { .. });
                Limit::start(component, me, store);
                let entering = component.connection_event(store, &instance, connection, event);
                entering.await?;
                if is_last {
                    return Ok(());
                }
            }
            Next::Mail(Delivery::Call(call)) => {
                dispatch::answer(component, me, store, &instance, call).await?;
            }
            Next::Mail(mail) => {
                dispatch::take_mail(component, me, store, &instance, mail).await?;
            }
            Next::Over => return Ok(()),
        }
        Limit::end(me, store);
    }
}

enum Next {
    Event(ConnectionEvent),
    Mail(Delivery),
    /// The process has been ended.
    Over,
}

/// The next thing that happens to the process, from its client or from other processes. Where
/// both have something, `mail_first` decides: turn and turn about, so that neither side can keep
/// the process from hearing of the other.
async fn next(me: &ProcessContext, incoming: FrameQueueId, mail_first: bool) -> Next {
    let not_stream = |mail: &Delivery| !matches!(mail, Delivery::Stream { .. });
    let mut mail = pin!(me.shard.receive_where(me.pid, None, not_stream));
    poll_fn(move |cx| {
        if !mail_first && let Poll::Ready(next) = poll_frame(me, incoming, cx) {
            return Poll::Ready(next);
        }
        match mail.as_mut().poll(cx) {
            Poll::Ready(Some(mail)) => return Poll::Ready(Next::Mail(mail)),
            Poll::Ready(None) => return Poll::Ready(Next::Over),
            Poll::Pending => {}
        }
        if mail_first {
            return poll_frame(me, incoming, cx);
        }
        Poll::Pending
    })
    .await
}

fn poll_frame(me: &ProcessContext, incoming: FrameQueueId, cx: &mut Context<'_>) -> Poll<Next> {
    let gone = || ConnectionEvent::Close {
        code: GONE,
        reason: String::new(),
    };
    let received = me.shard.poll_receive_frame(me.pid, incoming, cx);
    received.map(|received| {
        Next::Event(match received.ok().flatten() {
            Some(Frame::Text(text)) => ConnectionEvent::Frame(WebSocketFrame::Text(text)),
            Some(Frame::Binary(bytes)) => ConnectionEvent::Frame(WebSocketFrame::Binary(bytes)),
            Some(Frame::Close { code, reason }) => ConnectionEvent::Close { code, reason },
            None => gone(),
        })
    })
}

/// The client is gone without a word (RFC 6455, section 7.1.5).
const GONE: u16 = 1006;
