//! Requests to a `process` component: a fresh process, one message, and one in answer.

mod envelope;

use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use rusm_core::{Delivery, ProcessContext, RequestId};

use envelope::EnvelopeError;

use super::run_guest::Guest;
use crate::component::id::ComponentRef;
use crate::component::loaded::LoadedComponent;
use crate::error::ProcessError;
use crate::http::{Request, Response};
use crate::pool::ShardPool;
use crate::state::HostState;

impl ShardPool {
    /// Answer `request` by what the `run` of a component says to a message with it.
    ///
    /// # Errors
    /// Whatever keeps the guest from answering within `limit`; see [`ProcessError`].
    pub async fn call_legacy_http(
        self: &Rc<Self>,
        component: ComponentRef,
        action: &str,
        request: &Request<'_>,
        id: &RequestId,
        limit: Duration,
    ) -> Result<Response, ProcessError> {
        let started = Instant::now();
        let deadline = started + limit;
        let permit = self.acquire_permit(started).await?;
        let component = self.loaded(component)?;
        let full = || ProcessError::host("the process table is full");
        let asker = self.shard.start(None).ok_or_else(full)?;
        let (sender, faulted) = oneshot::channel();
        let (guest, id) = (component.clone(), id.clone());
        let pid = self.spawn_for_request(
            &component,
            Some(deadline),
            false,
            move |pool, me| async move {
                let _permit = permit;
                let ran = pool.run_for_request(&guest, &me, id, deadline, limit).await;
                let reason = ProcessError::exit_reason_of(&ran);
                if let Err(error) = ran {
                    let _ = sender.send(error);
                }
                reason
            },
        )?;
        let watched = self.shard.monitor(asker.pid(), pid);
        watched.map_err(|error| ProcessError::host(&error.to_string()))?;
        let message = envelope::encode(action, request, asker.pid());
        // A fresh mailbox refuses only what is larger than it may ever hold.
        if self.shard.try_send(pid, message.into()).is_err() {
            drop(self.shard.kill(pid));
            return Err(ProcessError::host(
                "its mailbox is too small for this request",
            ));
        }
        loop {
            match self.shard.receive(asker.pid(), Some(deadline)).await {
                Some(Delivery::Message(message)) => match envelope::decode(&message) {
                    Some(Ok(response)) => return Ok(response),
                    Some(Err(error)) => return Err(failed(&error)),
                    None => {}
                },
                Some(Delivery::Down { .. }) => {
                    return Err(match faulted.await {
                        Ok(error) => error,
                        Err(_) if started.elapsed() >= limit => ProcessError::Timeout { limit },
                        Err(_) => self.unanswered(),
                    });
                }
                Some(_) => {}
                None => {
                    drop(self.shard.kill(pid));
                    return Err(ProcessError::Timeout { limit });
                }
            }
        }
    }

    async fn run_for_request(
        &self,
        component: &LoadedComponent,
        me: &ProcessContext,
        id: RequestId,
        deadline: Instant,
        limit: Duration,
    ) -> Result<(), ProcessError> {
        let guest = Guest {
            component,
            pid: me.pid,
            deadline: Some(deadline),
            capabilities: &component.capabilities,
        };
        let prepare = |state: &mut HostState| state.answers(id);
        let ran = self.run_guest(guest, prepare, async |store| {
            let instance = component.instantiate(store).await?;
            component.run(store, &instance).await
        });
        ran.await?.within(limit)
    }
}

fn failed(error: &EnvelopeError) -> ProcessError {
    ProcessError::Answer {
        reason: error.to_string(),
    }
}
