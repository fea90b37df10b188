//! Stock `wasi:http` components: `wasi:http/incoming-handler@0.2`, and what they send out.
//!
//! - `incoming`: requests of clients
//! - `body`: the bodies of a request and its response, piece by piece
//! - `fields`: header fields that are for one connection alone
//! - `outbound`: requests of guests to other servers, and who may send them

mod body;
mod fields;
mod incoming;
pub(crate) mod outbound;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use rusm_core::{ExitReason, Pid, ProcessRef, RequestId, Shard, SpawnOptions};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

pub(crate) use body::abort_unfinished;
pub use body::{BodyFailure, Frame, RequestBody, RequestBodySender, ResponseBody};
pub use incoming::{IncomingRequest, InvalidRequest};

use crate::catalog::Loaded;
use crate::component::id::ComponentRef;
use crate::error::Fault;
use crate::pool::ShardPool;

/// A request to a stock component, under way.
pub struct Handling {
    /// The process that handles it.
    pub pid: Pid,
    /// How it is answered.
    pub answered: oneshot::Receiver<Result<OutgoingResponse, Fault>>,
}

/// What a guest has set its `response-outparam` to. Its body may still be written to.
pub struct OutgoingResponse {
    /// Its status.
    pub status: u16,
    /// Names, in lower case, and values.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Its content.
    pub body: ResponseBody,
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
        let outparam = Arc::new(Outparam {
            id: id.clone(),
            tell: Mutex::new(Some(tell)),
            is_set: AtomicBool::new(false),
        });
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
            Err(fault) => return outparam.fail(component, me, fault),
        };
        store.data_mut().answered = Some(outparam.clone());
        store.data_mut().answers(outparam.id.clone());
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
                component,
                me,
                Fault::Answer {
                    reason: "it returned and had not set its response-outparam".into(),
                },
            ),
            Err(error) => {
                let fault = store.data().fault(&error, limit);
                outparam.fail(component, me, fault)
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

/// Who waits for the guest to set its `response-outparam`.
pub(crate) struct Outparam {
    /// Of the request.
    id: RequestId,
    /// Taken when it is set.
    tell: Mutex<Option<oneshot::Sender<Result<OutgoingResponse, Fault>>>>,
    is_set: AtomicBool,
}

impl Outparam {
    /// Whether an answer has begun. From then on the guest may take as long as its client stays.
    pub(crate) fn is_set(&self) -> bool {
        self.is_set.load(Ordering::Relaxed)
    }

    fn set(&self, pid: Pid, set: Result<http::Response<HyperOutgoingBody>, ErrorCode>) {
        let Some(tell) = self.take() else {
            return;
        };
        self.is_set.store(true, Ordering::Relaxed);
        if let Some(shard) = Shard::current() {
            shard.set_deadline(pid, None);
        }
        // Who has gone doesn't want to know.
        let _ = tell.send(match set {
            Ok(response) => Ok(OutgoingResponse::from(response)),
            Err(code) => Err(Fault::Answer {
                reason: format!("it set its response-outparam to the error {code:?}"),
            }),
        });
    }

    /// The guest has ended; if it has not answered, it won't.
    fn fail(&self, component: &Loaded, me: &ProcessRef, fault: Fault) -> ExitReason {
        let reason = fault.exit_reason();
        match self.take() {
            Some(tell) => {
                let _ = tell.send(Err(fault));
                reason
            }
            // It has answered: that it then returned is all right.
            None if matches!(fault, Fault::Answer { .. }) => ExitReason::Normal,
            None => {
                if !matches!(fault, Fault::Ended { .. }) {
                    let name = &*component.info.name;
                    tracing::warn!(
                        request_id = %self.id,
                        component = name,
                        pid = %me.pid,
                        "after its answer had begun: {fault}"
                    );
                }
                reason
            }
        }
    }

    fn take(&self) -> Option<oneshot::Sender<Result<OutgoingResponse, Fault>>> {
        let mut tell = self.tell.lock().unwrap_or_else(PoisonError::into_inner);
        tell.take()
    }
}

impl From<http::Response<HyperOutgoingBody>> for OutgoingResponse {
    fn from(response: http::Response<HyperOutgoingBody>) -> Self {
        let (parts, body) = response.into_parts();
        let headers = parts.headers.iter();
        Self {
            status: parts.status.as_u16(),
            headers: headers
                .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
                .collect(),
            body: ResponseBody::new(body),
        }
    }
}
