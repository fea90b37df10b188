//! Stock `wasi:http` components: a fresh process for each request.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use rusm_core::{ExitReason, Pid, RequestId};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;

use super::run_guest::{Guest, Ran};
use crate::component::id::ComponentRef;
use crate::component::loaded::LoadedComponent;
use crate::error::ProcessError;
use crate::pool::ShardPool;
use crate::state::HostState;
use crate::state::outparam::{OutgoingResponse, Outparam};
use crate::wasi_http::body::RequestBody;
use crate::wasi_http::incoming::IncomingRequest;

/// A request to a stock component, under way.
pub struct Handling {
    /// The process that handles it.
    pub pid: Pid,
    /// How it is answered.
    pub answered: oneshot::Receiver<Result<OutgoingResponse, ProcessError>>,
}

impl ShardPool {
    /// Let a component handle `request` in a fresh process. Its response has to start within
    /// `limit`.
    ///
    /// # Errors
    /// Whatever keeps the process from starting.
    pub async fn handle_http(
        self: &Rc<Self>,
        component: ComponentRef,
        request: IncomingRequest,
        id: &RequestId,
        limit: Duration,
    ) -> Result<Handling, ProcessError> {
        let IncomingRequest {
            request,
            is_over_tls,
        } = request;
        let scheme = match is_over_tls {
            true => Scheme::Https,
            false => Scheme::Http,
        };
        let started = Instant::now();
        let deadline = started.checked_add(limit);
        let permit = self.acquire_permit(started).await?;
        let component = self.loaded(component)?;
        let (sender, answered) = oneshot::channel();
        let outparam = Arc::new(Outparam::new(id.clone(), sender));
        let guest = component.clone();
        let pid =
            self.spawn_for_request(&component, deadline, true, move |pool, me| async move {
                let _permit = permit;
                let task = Task {
                    request,
                    scheme,
                    outparam,
                    deadline,
                    limit,
                };
                pool.handle(&guest, me.pid, task).await
            })?;
        Ok(Handling { pid, answered })
    }

    async fn handle(&self, component: &LoadedComponent, pid: Pid, task: Task) -> ExitReason {
        let Task {
            request,
            scheme,
            outparam,
            deadline,
            limit,
        } = task;
        let guest = Guest {
            component,
            pid,
            deadline,
            capabilities: &component.capabilities,
        };
        let prepare = |state: &mut HostState| {
            state.answered = Some(outparam.clone());
            state.answers(outparam.id().clone());
        };
        let answer = outparam.clone();
        let ran = self.run_guest(guest, prepare, async move |store| {
            let Some(pre) = &component.http else {
                return Ok(());
            };
            let proxy = component.instantiate_http(pre, store).await?;
            let mut http = store.data_mut().http();
            let request = http.new_incoming_request(scheme, request)?;
            let response =
                http.new_response_outparam_from_callback(move |set| answer.set(pid, set))?;
            let handler = proxy.wasi_http_incoming_handler();
            handler.call_handle(store, request, response).await
        });
        let Ran { outcome, sandbox } = match ran.await {
            Ok(ran) => ran,
            Err(error) => return outparam.fail(&component.info.name, pid, error),
        };
        let error = match outcome {
            Ok(()) => ProcessError::Answer {
                reason: "it returned and had not set its response-outparam".into(),
            },
            Err(error) => sandbox.state().process_error(&error, limit),
        };
        outparam.fail(&component.info.name, pid, error)
    }
}

struct Task {
    request: http::Request<RequestBody>,
    scheme: Scheme,
    outparam: Arc<Outparam>,
    deadline: Option<Instant>,
    limit: Duration,
}
