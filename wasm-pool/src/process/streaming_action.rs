//! Actions that may answer by a stream.
//!
//! The request path runs an action inside the task of its connection. That is faster, but a guest
//! that has started its response and goes on must live beside the connection that reads from it.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use rusm_core::{CallContext, ExitReason, Pid, ProcessContext, RequestId};

use super::action::{OwnedRequest, Task};
use crate::component::id::ActionRef;
use crate::connection::{ConnectionInfo, ResponseStart, Streaming};
use crate::error::ProcessError;
use crate::http::Request;
use crate::pool::ShardPool;
use crate::state::client::{Client, HttpClient};

impl ShardPool {
    /// Answer `request` by a call of `action` in a fresh process, which may answer by a stream to
    /// the process `socket_process` of this shard. Its response has to start within `limit`.
    ///
    /// # Errors
    /// Whatever keeps the process from starting.
    pub async fn call_streaming(
        self: &Rc<Self>,
        action: ActionRef,
        request: &Request<'_>,
        id: &RequestId,
        info: Arc<ConnectionInfo>,
        socket_process: Pid,
        limit: Duration,
    ) -> Result<Streaming, ProcessError> {
        let started = Instant::now();
        let permit = self.acquire_permit(started).await?;
        let component = self.loaded(action.component)?;
        let (start, response) = oneshot::channel();
        let deadline = started + limit;
        let task = Task {
            component: component.clone(),
            action: action.action,
            request: OwnedRequest::of(request),
            context: CallContext::of_request(id.clone()),
            capabilities: component.capabilities.clone(),
            deadline,
            limit,
        };
        let client = Client::Http(HttpClient::new(info, socket_process, start, false));
        let pid =
            self.spawn_for_request(&component, Some(deadline), true, |pool, me| async move {
                let _permit = permit;
                pool.answer_by_stream(&me, task, client).await
            })?;
        Ok(Streaming { pid, response })
    }

    async fn answer_by_stream(
        &self,
        me: &ProcessContext,
        task: Task,
        client: Client,
    ) -> ExitReason {
        let action = task.component.full_name(task.action);
        let request = &task.request.0;
        let (method, target) = (request.method.clone(), request.target.clone());
        let id = task.context.request.clone();
        let (outcome, start) = self.act(me.pid, task, client).await;
        match (outcome, start) {
            (outcome, Some(start)) => {
                let reason = ProcessError::exit_reason_of(&outcome);
                // Who has gone doesn't want to know.
                let _ = start.send(ResponseStart::Whole(outcome));
                reason
            }
            (Ok(_), None) => ExitReason::Normal,
            (Err(ProcessError::Ended { reason }), None)
                if !matches!(reason, ExitReason::Failed(_)) =>
            {
                reason
            }
            (Err(error), None) => {
                error.count();
                let (path, query) = target_parts(&target);
                tracing::warn!(
                    request_id = %id,
                    action,
                    method,
                    path,
                    query,
                    pid = %me.pid,
                    "while streaming: {error}"
                );
                error.exit_reason()
            }
        }
    }
}

/// The path of a request's target, and its query.
fn target_parts(target: &str) -> (&str, Option<&str>) {
    match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    }
}
