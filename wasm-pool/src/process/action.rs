//! A call of an action in a process with a task of its own.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use rusm_config::Capabilities;
use rusm_core::{CallContext, Pid};

use super::run_guest::Guest;
use crate::bindings::rusm::runtime::http::Request as WitRequest;
use crate::component::loaded::LoadedComponent;
use crate::connection::ResponseStart;
use crate::error::ProcessError;
use crate::http::{HeaderRef, Request, Response};
use crate::pool::ShardPool;
use crate::state::HostState;
use crate::state::client::Client;

/// A call of an action, on its way to a process.
pub(super) struct Task {
    pub(super) component: Rc<LoadedComponent>,
    /// By its position among those of the component.
    pub(super) action: u16,
    pub(super) request: OwnedRequest,
    pub(super) context: CallContext,
    pub(super) capabilities: Arc<Capabilities>,
    pub(super) deadline: Instant,
    pub(super) limit: Duration,
}

impl ShardPool {
    /// Call the action, as the process `pid`. What it returned, and whom to tell if it has not
    /// started its response.
    pub(super) async fn act(
        &self,
        pid: Pid,
        task: Task,
        mut client: Client,
    ) -> (
        Result<Response, ProcessError>,
        Option<oneshot::Sender<ResponseStart>>,
    ) {
        let component = &*task.component;
        let guest = Guest {
            component,
            pid,
            deadline: Some(task.deadline),
            capabilities: &task.capabilities,
        };
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
        let prepare = |state: &mut HostState| {
            state.client = std::mem::take(&mut client);
            state.works_on(task.context);
        };
        let ran = self.run_guest(guest, prepare, async |store| {
            component.answer(store, task.action, &request).await
        });
        match ran.await {
            Ok(mut ran) => {
                let client = std::mem::take(&mut ran.sandbox.state_mut().client);
                let outcome = ran.recycled(self, component, task.limit).await;
                (outcome, client.into_start())
            }
            Err(error) => (Err(error), client.into_start()),
        }
    }
}

/// A request apart from the buffer that it was read into.
pub(super) struct OwnedRequest(pub(super) WitRequest);

impl OwnedRequest {
    pub(super) fn of(request: &Request<'_>) -> Self {
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
