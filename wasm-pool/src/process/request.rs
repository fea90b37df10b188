//! Actions that answer with what they return: a process within the task of the connection.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rusm_core::{End, ExitReason, ProcessHandle, RequestId};
use wasmtime::Store;

use crate::component::id::ActionRef;
use crate::component::loaded::LoadedComponent;
use crate::error::ProcessError;
use crate::http::{Request, Response};
use crate::pool::ShardPool;
use crate::state::HostState;

impl ShardPool {
    /// Answer `request` by a call of `action` in a fresh instance. `id` is for the log.
    ///
    /// # Errors
    /// Whatever keeps the guest from answering within `limit`; see [`ProcessError`].
    pub async fn call(
        &self,
        action: ActionRef,
        request: &Request<'_>,
        id: &RequestId,
        limit: Duration,
    ) -> Result<Response, ProcessError> {
        self.serve(action, limit, async |component, store| {
            store.data_mut().answers(id.clone());
            component.answer(store, action.action, request).await
        })
        .await
    }

    /// Start a process that could run `action`, and end it: what a call costs without the call.
    ///
    /// # Errors
    /// Whatever keeps it from starting.
    pub async fn start(&self, action: ActionRef, limit: Duration) -> Result<(), ProcessError> {
        self.serve(action, limit, async |component, store| {
            component.instantiate(store).await.map(drop)
        })
        .await
    }

    async fn serve<T>(
        &self,
        action: ActionRef,
        limit: Duration,
        body: impl AsyncFnOnce(&LoadedComponent, &mut Store<HostState>) -> wasmtime::Result<T>,
    ) -> Result<T, ProcessError> {
        let component = &*self.loaded(action.component)?;
        let started = Instant::now();
        let _permit = self.acquire_permit(started).await?;
        let deadline = Some(started + limit);
        let Some(mut process) = self.shard.start(deadline) else {
            return Err(ProcessError::host("the process table is full"));
        };
        // Should nobody want the answer any more, before there is one.
        process.set_exit_reason(ExitReason::Killed);
        let mut store =
            self.new_store(component, process.pid(), deadline, &component.capabilities)?;
        let outcome = {
            let mut call = pin!(body(component, &mut store));
            until_ended(&process, |cx| {
                self.poll_guest(component, || call.as_mut().poll(cx))
            })
            .await
        };
        let outcome = match outcome {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(error)) => Err(store.data().process_error(&error, limit)),
            Err(End::Deadline) => Err(ProcessError::Timeout { limit }),
            Err(End::Killed(_)) if self.is_stopping() => Err(ProcessError::Stopping),
            Err(End::Killed(reason)) => Err(ProcessError::Ended { reason }),
        };
        process.exit(ProcessError::exit_reason_of(&outcome));
        if outcome.is_ok() {
            self.recycle(component, store).await;
        }
        outcome
    }
}

/// Poll a call until it ends, or until its process has to end while it waits. Dropping the call
/// then unwinds the guest's fiber.
async fn until_ended<T>(
    process: &ProcessHandle,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Result<T, End> {
    poll_fn(|cx| match poll(cx) {
        Poll::Ready(output) => Poll::Ready(Ok(output)),
        Poll::Pending => match process.park(cx.waker()) {
            Some(end) => Poll::Ready(Err(end)),
            None => Poll::Pending,
        },
    })
    .await
}
