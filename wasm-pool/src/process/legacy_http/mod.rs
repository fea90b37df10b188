//! Requests to a `process` component: a fresh process, one message, and one in answer.

mod envelope;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rusm_core::{ExitReason, Mail, ProcessRef, RequestId, SpawnOptions};

use crate::component::id::ComponentRef;
use crate::component::loaded::Loaded;
use crate::error::Fault;
use crate::http::{Request, Response};
use crate::pool::ShardPool;
use envelope::EnvelopeError;

impl ShardPool {
    /// Answer `request` by what the `run` of a component says to a message with it.
    ///
    /// # Errors
    /// Whatever keeps the guest from answering within `limit`; see [`Fault`].
    pub async fn call_by_mail(
        self: &Rc<Self>,
        component: ComponentRef,
        action: &str,
        request: &Request<'_>,
        id: &RequestId,
        limit: Duration,
    ) -> Result<Response, Fault> {
        let started = Instant::now();
        let deadline = started + limit;
        let place = self.enter_pool(started).await?;
        let Some(loaded) = self.catalog.get(component) else {
            return Err(Fault::host("no such component"));
        };
        let full = || Fault::host("the process table is full");
        let asker = self.shard.start(None).ok_or_else(full)?;
        let options = SpawnOptions {
            label: Some(loaded.info.name.clone()),
            mailbox: loaded.mailbox,
            deadline: Some(deadline),
            ..SpawnOptions::default()
        };
        let (tell, faulted) = futures_channel::oneshot::channel();
        let (pool, id) = (self.clone(), id.clone());
        let spawned = self.shard.spawn(options, move |me| async move {
            let _place = place;
            let Some(loaded) = pool.catalog.get(component) else {
                return ExitReason::NoProcess;
            };
            let running = pool.run_for_request(&loaded, &me, id, deadline, limit);
            match running.await {
                Ok(()) => ExitReason::Normal,
                Err(fault) => {
                    let reason = fault.exit_reason();
                    let _ = tell.send(fault);
                    reason
                }
            }
        });
        let pid = spawned.map_err(|error| Fault::host(&error.to_string()))?;
        let watched = self.shard.monitor(asker.pid(), pid);
        watched.map_err(|error| Fault::host(&error.to_string()))?;
        let message = envelope::encode(action, request, asker.pid());
        // A fresh mailbox refuses only what is larger than it may ever hold.
        if self.shard.try_send(pid, message.into()).is_err() {
            drop(self.shard.kill(pid));
            return Err(Fault::host("its mailbox is too small for this request"));
        }
        loop {
            match self.shard.receive(asker.pid(), Some(deadline)).await {
                Some(Mail::Message(message)) => match envelope::decode(&message) {
                    Some(Ok(response)) => return Ok(response),
                    Some(Err(error)) => return Err(failed(&error)),
                    None => {}
                },
                Some(Mail::Down { .. }) => {
                    return Err(match faulted.await {
                        Ok(fault) => fault,
                        Err(_) if started.elapsed() >= limit => Fault::Timeout { limit },
                        Err(_) => self.unanswered(),
                    });
                }
                Some(_) => {}
                None => {
                    drop(self.shard.kill(pid));
                    return Err(Fault::Timeout { limit });
                }
            }
        }
    }

    async fn run_for_request(
        &self,
        component: &Loaded,
        me: &ProcessRef,
        id: RequestId,
        deadline: Instant,
        limit: Duration,
    ) -> Result<(), Fault> {
        let mut store =
            self.new_store(component, me.pid, Some(deadline), &component.capabilities)?;
        store.data_mut().answers(id);
        let lived = {
            let store = &mut store;
            let mut life = pin!(async move {
                let instance = component.instantiate(store).await?;
                component.run(store, &instance).await
            });
            poll_fn(|cx| self.poll_guest(component, || life.as_mut().poll(cx))).await
        };
        lived.map_err(|error| store.data().fault(&error, limit))
    }
}

fn failed(error: &EnvelopeError) -> Fault {
    Fault::Answer {
        reason: error.to_string(),
    }
}
