//! Actions that guests call: `fetch` of `rusm:runtime/actor`.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use futures_channel::oneshot;
use rusm_config::Capabilities;
use rusm_core::{ExitReason, SpawnOptions};

use super::action::{OwnedRequest, Task};
use crate::bindings::rusm::runtime::http::Response as WitResponse;
use crate::bindings::rusm::runtime::types::CallError as WitCallError;
use crate::component::id::ComponentRef;
use crate::error::{ProcessError, SpawnFailure};
use crate::pool::ShardPool;
use crate::runtime::Fetch;
use crate::state::client::Client;

impl ShardPool {
    /// Call an action in a fresh process, as a guest wants it.
    pub(super) fn fetch_action(
        self: &Rc<Self>,
        component: ComponentRef,
        action: &str,
        fetch: Fetch,
        spawner: &Capabilities,
    ) -> Result<oneshot::Receiver<Result<WitResponse, WitCallError>>, WitCallError> {
        let Some(component) = self.registry.get(component) else {
            return Err(WitCallError::NoProcess);
        };
        let Some(action) = component.action(action) else {
            return Err(WitCallError::NoFunction(component.action_names()));
        };
        let failed = |error: SpawnFailure| WitCallError::Failed(error.to_string());
        let permits = self.permits_for_guest().map_err(failed)?;
        let Fetch {
            request,
            limit,
            context,
        } = fetch;
        let deadline = Instant::now() + limit;
        let options = SpawnOptions {
            label: Some(component.info.name.clone()),
            deadline: Some(deadline),
            ..SpawnOptions::default()
        };
        let task = Task {
            capabilities: Arc::new(component.capabilities.within(spawner)),
            component,
            action,
            request: OwnedRequest(request),
            context,
            deadline,
            limit,
        };
        let (mut answer, answered) = oneshot::channel();
        let pool = self.clone();
        let spawned = self.shard.spawn(options, move |me| async move {
            let _permits = permits;
            let mut acting = pin!(pool.act(me.pid, task, Client::None));
            // Whoever asked may be gone, and then nobody wants the answer.
            let outcome = poll_fn(|cx| match answer.poll_canceled(cx) {
                Poll::Ready(()) => Poll::Ready(None),
                Poll::Pending => acting.as_mut().poll(cx).map(Some),
            })
            .await;
            let Some((outcome, _)) = outcome else {
                return ExitReason::Killed;
            };
            let reason = ProcessError::exit_reason_of(&outcome);
            if let Err(error) = &outcome {
                error.count();
            }
            let _ = answer.send(match outcome {
                Ok(response) => Ok(WitResponse {
                    status: response.status,
                    headers: response.headers,
                    body: response.body,
                }),
                Err(ProcessError::Timeout { .. }) => Err(WitCallError::Timeout),
                Err(error) => Err(WitCallError::Died(error.to_string())),
            });
            reason
        });
        spawned.map_err(|error| failed(error.into()))?;
        Ok(answered)
    }
}
