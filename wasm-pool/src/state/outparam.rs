//! The `response-outparam` of a stock `wasi:http` component.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use futures_channel::oneshot;
use rusm_core::{ExitReason, Pid, RequestId, Shard};
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

use crate::error::ProcessError;
use crate::wasi_http::body::ResponseBody;

/// Who waits for the guest to set its `response-outparam`.
pub(crate) struct Outparam {
    /// Of the request.
    id: RequestId,
    /// Taken when it is set.
    sender: Mutex<Option<oneshot::Sender<Result<OutgoingResponse, ProcessError>>>>,
    is_set: AtomicBool,
}

impl Outparam {
    pub(crate) fn new(
        id: RequestId,
        sender: oneshot::Sender<Result<OutgoingResponse, ProcessError>>,
    ) -> Self {
        Self {
            id,
            sender: Mutex::new(Some(sender)),
            is_set: AtomicBool::new(false),
        }
    }

    /// The request.
    pub(crate) fn id(&self) -> &RequestId {
        &self.id
    }

    /// Whether an answer has begun. From then on the guest may take as long as its client stays.
    pub(crate) fn is_set(&self) -> bool {
        self.is_set.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, pid: Pid, set: Result<http::Response<HyperOutgoingBody>, ErrorCode>) {
        let Some(sender) = self.take() else {
            return;
        };
        self.is_set.store(true, Ordering::Relaxed);
        if let Some(shard) = Shard::current() {
            shard.set_deadline(pid, None);
        }
        // Who has gone doesn't want to know.
        let _ = sender.send(match set {
            Ok(response) => Ok(OutgoingResponse::from(response)),
            Err(code) => Err(ProcessError::Answer {
                reason: format!("it set its response-outparam to the error {code:?}"),
            }),
        });
    }

    /// The guest has ended; if it has not answered, it won't.
    pub(crate) fn fail(&self, component: &str, pid: Pid, error: ProcessError) -> ExitReason {
        let reason = error.exit_reason();
        match self.take() {
            Some(sender) => {
                let _ = sender.send(Err(error));
                reason
            }
            // It has answered: that it then returned is all right.
            None if matches!(error, ProcessError::Answer { .. }) => ExitReason::Normal,
            None => {
                if !matches!(error, ProcessError::Ended { .. }) {
                    error.count();
                    tracing::warn!(
                        request_id = %self.id,
                        component,
                        %pid,
                        "after its answer had begun: {error}"
                    );
                }
                reason
            }
        }
    }

    fn take(&self) -> Option<oneshot::Sender<Result<OutgoingResponse, ProcessError>>> {
        let mut sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        sender.take()
    }
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
