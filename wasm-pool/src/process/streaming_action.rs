//! Actions in a process of their own: those that may answer by a stream, and those that a guest
//! calls.
//!
//! The request path runs an action inside the task of its connection. That is faster, but a guest
//! that has begun to answer and goes on must live beside the connection that reads from it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use rusm_config::Capabilities;
use rusm_core::{CallContext, ExitReason, Pid, ProcessRef, RequestId, SpawnOptions};

use crate::bindings::rusm::runtime::http::{Request as WitRequest, Response as WitResponse};
use crate::bindings::rusm::runtime::types::CallError as WitCallError;
use crate::component::id::{ActionRef, ComponentRef};
use crate::connection::ConnectionInfo;
use crate::connection::{Begun, Streaming};
use crate::error::{Fault, SpawnFailure};
use crate::http::{HeaderRef, Request, Response};
use crate::pool::ShardPool;
use crate::runtime::Fetch;
use crate::state::client::{Client, HttpClient};

impl ShardPool {
    /// Whether this action may answer by a stream, and so has to be called by
    /// [`ShardPool::call_streaming`].
    pub fn may_stream(&self, action: ActionRef) -> bool {
        let component = self.catalog.get(action.component);
        component.is_some_and(|component| component.may_stream)
    }

    /// Answer `request` by a call of `action` in a fresh process, which may answer by a stream to
    /// the process `owner` of this shard. Its answer has to begin within `limit`.
    ///
    /// # Errors
    /// Whatever keeps the process from starting.
    pub async fn call_streaming(
        self: &Rc<Self>,
        action: ActionRef,
        request: &Request<'_>,
        id: &RequestId,
        info: Arc<ConnectionInfo>,
        owner: Pid,
        limit: Duration,
    ) -> Result<Streaming, Fault> {
        let started = Instant::now();
        let place = self.enter_pool(started).await?;
        let Some(component) = self.catalog.get(action.component) else {
            return Err(Fault::host("no such component"));
        };
        let (begin, begun) = oneshot::channel();
        let task = Task {
            action,
            request: OwnedRequest::of(request),
            context: CallContext::of_request(id.clone()),
            capabilities: component.capabilities.clone(),
            deadline: started + limit,
            limit,
        };
        let client = Client::Http(HttpClient::new(info, owner, begin, false));
        let options = SpawnOptions {
            label: Some(component.info.name.clone()),
            mailbox: component.mailbox,
            deadline: Some(task.deadline),
            awaited: true,
            ..SpawnOptions::default()
        };
        let pool = self.clone();
        let pid = self
            .shard
            .spawn(options, move |me| async move {
                let _place = place;
                pool.answer_by_stream(&me, task, client).await
            })
            .map_err(|error| Fault::host(&error.to_string()))?;
        Ok(Streaming { pid, begun })
    }

    async fn answer_by_stream(&self, me: &ProcessRef, task: Task, client: Client) -> ExitReason {
        let component = self.catalog.get(task.action.component);
        let action = component.map(|component| component.full_name(task.action.action));
        let request = &task.request.0;
        let (method, target) = (request.method.clone(), request.target.clone());
        let id = task.context.request.clone();
        let (outcome, begin) = self.act(me, task, client).await;
        match (outcome, begin) {
            (outcome, Some(begin)) => {
                let reason = Fault::exit_reason_of(&outcome);
                // Who has gone doesn't want to know.
                let _ = begin.send(Begun::Whole(outcome));
                reason
            }
            (Ok(_), None) => ExitReason::Normal,
            (Err(Fault::Ended { reason }), None) if !matches!(reason, ExitReason::Failed(_)) => {
                reason
            }
            (Err(fault), None) => {
                let (path, query) = target_parts(&target);
                tracing::warn!(
                    request_id = %id,
                    action,
                    method,
                    path,
                    query,
                    pid = %me.pid,
                    "amid a streamed answer: {fault}"
                );
                fault.exit_reason()
            }
        }
    }

    /// Call an action in a fresh process, as a guest wants it.
    pub(crate) fn fetch_action(
        self: &Rc<Self>,
        component: ComponentRef,
        action: &str,
        fetch: Fetch,
        spawner: &Capabilities,
    ) -> Result<oneshot::Receiver<Result<WitResponse, WitCallError>>, WitCallError> {
        let Some(loaded) = self.catalog.get(component) else {
            return Err(WitCallError::NoProcess);
        };
        let Some(index) = loaded.action(action) else {
            return Err(WitCallError::NoFunction(loaded.action_names()));
        };
        let failed = |error: SpawnFailure| WitCallError::Failed(error.to_string());
        let places = self.places_for_guest().map_err(failed)?;
        let Fetch {
            request,
            limit,
            context,
        } = fetch;
        let deadline = Instant::now() + limit;
        let task = Task {
            action: ActionRef {
                component,
                action: index,
            },
            request: OwnedRequest(request),
            context,
            capabilities: Arc::new(loaded.capabilities.within(spawner)),
            deadline,
            limit,
        };
        let options = SpawnOptions {
            label: Some(loaded.info.name.clone()),
            deadline: Some(deadline),
            ..SpawnOptions::default()
        };
        let (mut answer, answered) = oneshot::channel();
        let pool = self.clone();
        let spawned = self.shard.spawn(options, move |me| async move {
            let _places = places;
            let mut acting = pin!(pool.act(&me, task, Client::None));
            // Whoever asked may be gone, and then nobody wants the answer.
            let outcome = poll_fn(|cx| match answer.poll_canceled(cx) {
                Poll::Ready(()) => Poll::Ready(None),
                Poll::Pending => acting.as_mut().poll(cx).map(Some),
            })
            .await;
            let Some((outcome, _)) = outcome else {
                return ExitReason::Killed;
            };
            let reason = Fault::exit_reason_of(&outcome);
            let _ = answer.send(match outcome {
                Ok(response) => Ok(WitResponse {
                    status: response.status,
                    headers: response.headers,
                    body: response.body,
                }),
                Err(Fault::Timeout { .. }) => Err(WitCallError::Timeout),
                Err(fault) => Err(WitCallError::Died(fault.to_string())),
            });
            reason
        });
        spawned.map_err(|error| failed(error.into()))?;
        Ok(answered)
    }

    /// Call the action, as the process `me`. What it returned, and whom to tell if it has not
    /// begun to answer.
    async fn act(
        &self,
        me: &ProcessRef,
        task: Task,
        client: Client,
    ) -> (Result<Response, Fault>, Option<oneshot::Sender<Begun>>) {
        let Some(component) = self.catalog.get(task.action.component) else {
            return (Err(Fault::host("no such component")), client.into_begin());
        };
        let component = &*component;
        let store = self.new_store(component, me.pid, Some(task.deadline), &task.capabilities);
        let mut store = match store {
            Ok(store) => store,
            Err(fault) => return (Err(fault), client.into_begin()),
        };
        store.data_mut().client = client;
        store.data_mut().works_on(task.context);
        let request = &task.request.0;
        let headers: Vec<HeaderRef<'_>> = request
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_slice()))
            .collect();
        let params: Vec<_> = request
            .params
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let request = Request {
            method: &request.method,
            target: &request.target,
            headers: &headers,
            params: &params,
            body: &request.body,
        };
        let outcome = {
            let mut call = pin!(component.answer(&mut store, task.action.action, &request));
            poll_fn(|cx| self.poll_guest(component, || call.as_mut().poll(cx))).await
        };
        let outcome = outcome.map_err(|error| store.data().fault(&error, task.limit));
        let client = std::mem::take(&mut store.data_mut().client);
        (outcome, client.into_begin())
    }
}

/// The path of a request's target, and its query.
fn target_parts(target: &str) -> (&str, Option<&str>) {
    match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    }
}

/// A call of an action, on its way to a process.
struct Task {
    action: ActionRef,
    request: OwnedRequest,
    context: CallContext,
    capabilities: Arc<Capabilities>,
    deadline: Instant,
    limit: Duration,
}

/// A request apart from the buffer that it was read into.
struct OwnedRequest(WitRequest);

impl OwnedRequest {
    fn of(request: &Request<'_>) -> Self {
        let headers = request.headers.iter();
        let params = request.params.iter();
        Self(WitRequest {
            method: request.method.to_owned(),
            target: request.target.to_owned(),
            headers: headers
                .map(|(name, value)| ((*name).to_owned(), value.to_vec()))
                .collect(),
            params: params
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: request.body.to_vec(),
        })
    }
}
