//! A `process` component that holds a connection. Its first message is the pid of its writer, the
//! socket process; each message of the client is one more. It monitors the writer to learn
//! that the client is gone.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use rusm_core::{Frame, FrameQueueId, Pid, ProcessContext, RequestId};
use wasmtime::Store;

use crate::component::exports::ConnectionKind;
use crate::component::loaded::LoadedComponent;
use crate::state::HostState;

pub(super) async fn run(
    component: &LoadedComponent,
    connection: ConnectionKind,
    me: &ProcessContext,
    store: &mut Store<HostState>,
    socket_process: Pid,
    incoming: FrameQueueId,
) -> wasmtime::Result<()> {
    let instance = component.instantiate(store).await?;
    if connection == ConnectionKind::Events && !store.data_mut().start_events()? {
        return Ok(());
    }
    let writer = socket_process.as_raw().to_string();
    // A fresh mailbox takes it.
    let _ = me.shard.try_send(me.pid, writer.into());
    let id = store.data().context.request.clone();
    let mut run = pin!(component.run(store, &instance));
    let mut is_open = true;
    let mut has_client = true;
    poll_fn(|cx| {
        if let Poll::Ready(ended) = run.as_mut().poll(cx) {
            return Poll::Ready(ended);
        }
        is_open = is_open && pass_on(component, &id, me, incoming, cx);
        // Behind messages that wait the end of the queue is not seen; that of its writer is.
        if has_client && !(is_open && me.shard.is_alive_here(socket_process)) {
            has_client = false;
            // It has that long to notice, and to end.
            let deadline = Instant::now().checked_add(component.function_timeout);
            me.shard.set_deadline(me.pid, deadline);
        }
        Poll::Pending
    })
    .await
}

/// Put what the client has sent into the mailbox, as long as that is not crowded: the rest waits
/// in the queue, whose writer waits in turn. False when the queue has ended.
fn pass_on(
    component: &LoadedComponent,
    id: &RequestId,
    me: &ProcessContext,
    incoming: FrameQueueId,
    cx: &mut Context<'_>,
) -> bool {
    let is_crowded = || {
        let info = me.shard.info_here(me.pid);
        info.is_none_or(|info| info.mailbox_depth >= CROWDED)
    };
    while !is_crowded() {
        let frame = match me.shard.poll_receive_frame(me.pid, incoming, cx) {
            Poll::Ready(Ok(Some(frame))) => frame,
            Poll::Ready(Ok(None) | Err(_)) => return false,
            Poll::Pending => return true,
        };
        let message: Bytes = match frame {
            Frame::Text(text) => text.into(),
            Frame::Binary(bytes) => bytes.into(),
            // The end of the writer says so.
            Frame::Close { .. } => continue,
        };
        if me.shard.try_send(me.pid, message).is_err() {
            tracing::warn!(
                request_id = %id,
                component = &*component.info.name,
                pid = %me.pid,
                "a message of the client was dropped: the mailbox is full"
            );
        }
    }
    true
}

/// Messages that wait in the mailbox before more of the client's are put there.
const CROWDED: u32 = 16;
