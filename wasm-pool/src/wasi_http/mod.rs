//! Stock `wasi:http` components: `wasi:http/incoming-handler@0.2`, and what they send out.
//!
//! - `incoming`: requests of clients
//! - `body`: the bodies of a request and its response, piece by piece
//! - `fields`: header fields that are for one connection alone
//! - `outbound`: requests of guests to other servers, and who may send them

pub(crate) mod body;
mod fields;
mod incoming;
pub(crate) mod outbound;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use rusm_core::{ExitReason, Pid, ProcessRef, RequestId, SpawnOptions};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;

pub use body::{BodyFailure, Frame, RequestBody, RequestBodySender, ResponseBody};
pub use incoming::{IncomingRequest, InvalidRequest};

pub use crate::state::outparam::OutgoingResponse;

use crate::component::id::ComponentRef;
use crate::component::loaded::Loaded;
use crate::error::Fault;
use crate::pool::ShardPool;
use crate::state::outparam::Outparam;

/// A request to a stock component, under way.
pub struct Handling {
    /// The process that handles it.
    pub pid: Pid,
    /// How it is answered.
    pub answered: oneshot::Receiver<Result<OutgoingResponse, Fault>>,
}

impl ShardPool {
    /// Whether a component exports `wasi:http/incoming-handler`.
    pub fn is_http_handler(&self, component: ComponentRef) -> bool {
        let component = self.catalog.get(component);
        component.is_some_and(|component| component.http.is_some())
    }

    /// Let a component handle `request` in a fresh process. Its answer has to begin within
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
    ) -> Result<Handling, Fault> {
        let IncomingRequest(request) = request;
        let started = Instant::now();
        let deadline = started.checked_add(limit);
        let place = self.enter_pool(started).await?;
        let Some(loaded) = self.catalog.get(component) else {
            return Err(Fault::host("no such component"));
        };
        let options = SpawnOptions {
            label: Some(loaded.info.name.clone()),
            mailbox: loaded.mailbox,
            deadline,
            awaited: true,
            ..SpawnOptions::default()
        };
        let (tell, answered) = oneshot::channel();
        let outparam = Arc::new(Outparam::new(id.clone(), tell));
        let pool = self.clone();
        let spawned = self.shard.spawn(options, move |me| async move {
            let _place = place;
            let Some(component) = pool.catalog.get(component) else {
                return ExitReason::NoProcess;
            };
            let task = Task {
                request,
                outparam,
                deadline,
                limit,
            };
            pool.handle(&component, &me, task).await
        });
        let pid = spawned.map_err(|error| Fault::host(&error.to_string()))?;
        Ok(Handling { pid, answered })
    }

    async fn handle(&self, component: &Loaded, me: &ProcessRef, task: Task) -> ExitReason {
        let Task {
            request,
            outparam,
            deadline,
            limit,
        } = task;
        let store = self.new_store(component, me.pid, deadline, &component.capabilities);
        let mut store = match store {
            Ok(store) => store,
            Err(fault) => return outparam.fail(&component.info.name, me.pid, fault),
        };
        store.data_mut().answered = Some(outparam.clone());
        store.data_mut().answers(outparam.id().clone());
        let handled = {
            let store = &mut store;
            let outparam = outparam.clone();
            let pid = me.pid;
            let mut handling = pin!(async move {
                let Some(pre) = &component.http else {
                    return Ok(());
                };
                let proxy = component.instantiate_http(pre, store).await?;
                let mut http = store.data_mut().http();
                let request = http.new_incoming_request(Scheme::Http, request)?;
                let response =
                    http.new_response_outparam_from_callback(move |set| outparam.set(pid, set))?;
                let handler = proxy.wasi_http_incoming_handler();
                handler.call_handle(store, request, response).await
            });
            poll_fn(|cx| self.poll_guest(component, || handling.as_mut().poll(cx))).await
        };
        match handled {
            Ok(()) => outparam.fail(
                &component.info.name,
                me.pid,
                Fault::Answer {
                    reason: "it returned and had not set its response-outparam".into(),
                },
            ),
            Err(error) => {
                let fault = store.data().fault(&error, limit);
                outparam.fail(&component.info.name, me.pid, fault)
            }
        }
    }
}

struct Task {
    request: http::Request<RequestBody>,
    outparam: Arc<Outparam>,
    deadline: Option<Instant>,
    limit: Duration,
}
