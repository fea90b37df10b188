//! Processes that hold a connection: a WebSocket, or a stream of Server-Sent Events.
//!
//! - [`callbacks`]: a component that exports what such a connection needs is called for each thing
//!   that happens to it, and has no stack in between.
//! - [`message_loop`]: the `run` of a `process` component takes what happens from its mailbox.

mod callbacks;
mod message_loop;

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use rusm_core::{ExitReason, FrameQueueId, Pid, ProcessContext, RequestId};

use super::hibernation::{Hibernation, Permits};
use super::run_guest::{Guest, Ran};
use crate::component::exports::ConnectionKind;
use crate::component::id::ComponentRef;
use crate::component::loaded::LoadedComponent;
use crate::connection::{ConnectionInfo, EventStream, ResponseStart, WebSocket};
use crate::error::{Exit, ProcessError};
use crate::http::Response;
use crate::pool::ShardPool;
use crate::pool::semaphore::Permit;
use crate::state::HostState;
use crate::state::client::{Client, HttpClient};

impl ShardPool {
    /// Start the process of a WebSocket. `socket_process` is the host process of this shard that owns
    /// the socket: it sends the client's messages to `incoming` and receives those of `outgoing`. The
    /// process ends when `incoming` does.
    ///
    /// # Errors
    /// Whatever keeps the process from starting.
    pub async fn open_websocket(
        self: &Rc<Self>,
        component: ComponentRef,
        id: &RequestId,
        info: Arc<ConnectionInfo>,
        socket_process: Pid,
    ) -> Result<WebSocket, ProcessError> {
        let (pid, setup) = self
            .spawn_connection(component, ConnectionKind::WebSocket)
            .await?;
        let incoming = self
            .shard
            .open_frames(socket_process, pid)
            .ok_or_else(gone)?;
        let outgoing = self
            .shard
            .open_frames(pid, socket_process)
            .ok_or_else(gone)?;
        let client = Client::WebSocket {
            info,
            socket_process,
            outgoing,
        };
        let _ = setup.send(ConnectionSetup {
            id: id.clone(),
            client,
            socket_process,
            incoming,
            limit: None,
        });
        Ok(WebSocket {
            pid,
            incoming,
            outgoing,
        })
    }

    /// Start the process of a stream of Server-Sent Events. `socket_process` is the host process of
    /// this shard that owns the socket. The response has to start within `limit`; the process ends when
    /// `socket_process` closes its end of `leaving`, to which no frame is sent.
    ///
    /// # Errors
    /// Whatever keeps the process from starting.
    pub async fn open_events(
        self: &Rc<Self>,
        component: ComponentRef,
        id: &RequestId,
        info: Arc<ConnectionInfo>,
        socket_process: Pid,
        limit: Duration,
    ) -> Result<EventStream, ProcessError> {
        let (pid, setup) = self
            .spawn_connection(component, ConnectionKind::Events)
            .await?;
        let leaving = self
            .shard
            .open_frames(socket_process, pid)
            .ok_or_else(gone)?;
        let (start, response) = oneshot::channel();
        let has_callbacks = !self.kind(component).is_run;
        let client = HttpClient::new(info, socket_process, start, has_callbacks);
        let _ = setup.send(ConnectionSetup {
            id: id.clone(),
            client: Client::Http(client),
            socket_process,
            incoming: leaving,
            limit: Some(limit),
        });
        Ok(EventStream {
            pid,
            leaving,
            response,
        })
    }

    async fn spawn_connection(
        self: &Rc<Self>,
        component: ComponentRef,
        connection: ConnectionKind,
    ) -> Result<(Pid, oneshot::Sender<ConnectionSetup>), ProcessError> {
        let component = self.loaded(component)?;
        let kept = self.admit(&component)?;
        let instance = self.acquire_permit(Instant::now()).await?;
        let permits = Permits { instance, kept };
        let (send_setup, setup) = oneshot::channel();
        let guest = component.clone();
        let awaited = connection == ConnectionKind::Events;
        let pid =
            self.spawn_for_request(&component, None, awaited, move |pool, me| async move {
                match setup.await {
                    Ok(setup) => {
                        let running = pool.run_connection(&guest, connection, &me, setup, permits);
                        running.await
                    }
                    Err(_) => ExitReason::Killed,
                }
            })?;
        Ok((pid, send_setup))
    }

    /// Lets a connection in: its permit to keep an instance while it waits, if it needs or gets one.
    fn admit(&self, component: &LoadedComponent) -> Result<Option<Permit>, ProcessError> {
        if !component.can_hibernate() {
            return self.acquire_connection_permit().map(Some);
        }
        let kept = self.connections.try_acquire_spare();
        if kept.is_some() {
            return Ok(kept);
        }
        if self.waiting.overdrawn.get() > 0 {
            return self.acquire_connection_permit().map(Some);
        }
        if self.waiting.bytes.get() >= self.process_memory {
            return Err(ProcessError::ProcessMemoryFull);
        }
        Ok(None)
    }

    /// The life of a process that holds a connection, and why it ended.
    async fn run_connection(
        &self,
        component: &LoadedComponent,
        connection: ConnectionKind,
        me: &ProcessContext,
        setup: ConnectionSetup,
        permits: Permits,
    ) -> ExitReason {
        let ConnectionSetup {
            id,
            mut client,
            socket_process,
            incoming,
            limit,
        } = setup;
        let guest = Guest {
            component,
            pid: me.pid,
            deadline: None,
            capabilities: &component.capabilities,
        };
        let prepare = |state: &mut HostState| {
            state.client = std::mem::take(&mut client);
            state.answers(id.clone());
        };
        let ran = if component.kind.is_run {
            let _permits = permits;
            let run = async |store: &mut _| {
                message_loop::run(component, connection, me, store, socket_process, incoming).await
            };
            self.run_guest(guest, prepare, run).await
        } else {
            let hibernation = Hibernation::new(self, component, permits);
            let run = async |sandbox: &mut _| {
                callbacks::run(
                    component,
                    connection,
                    me,
                    hibernation,
                    sandbox,
                    incoming,
                    limit,
                )
                .await
            };
            self.run_waiting_guest(guest, prepare, run).await
        };
        let mut ran = match ran {
            Ok(ran) => ran,
            Err(error) => {
                let reason = error.exit_reason();
                if let Some(start) = client.into_start() {
                    let _ = start.send(ResponseStart::Whole(Err(error)));
                }
                return reason;
            }
        };
        let client = std::mem::take(&mut ran.sandbox.state_mut().client);
        match client.into_start() {
            Some(start) => {
                let limit = limit.unwrap_or(component.function_timeout);
                let (outcome, reason) = missing_response(&ran, limit);
                // Who has gone doesn't want to know.
                let _ = start.send(ResponseStart::Whole(outcome));
                reason
            }
            None => {
                if let Err(error) = &ran.outcome
                    && let Some(Exit(ExitReason::Failed(reason))) = error.downcast_ref()
                {
                    // Whoever is linked to it learns why; the client is told no reason.
                    let name = &*component.info.name;
                    tracing::warn!(
                        request_id = %id,
                        component = name,
                        pid = %me.pid,
                        "ended its connection: {reason}"
                    );
                }
                self.report_exit(component, me, ran)
            }
        }
    }
}

/// What the process that holds a connection needs, once it is there.
struct ConnectionSetup {
    id: RequestId,
    client: Client,
    socket_process: Pid,
    /// From the socket process, which closes it when the client is gone.
    incoming: FrameQueueId,
    /// Until a response has started.
    limit: Option<Duration>,
}

/// The response of a process that ended before it started one. If it did so on purpose there are no
/// events for this client, and 204 tells it not to come again (WHATWG HTML, section 9.2.3).
fn missing_response(
    ran: &Ran<()>,
    limit: Duration,
) -> (Result<Response, ProcessError>, ExitReason) {
    let is_meant = match &ran.outcome {
        Ok(()) => true,
        Err(error) => matches!(error.downcast_ref(), Some(Exit(ExitReason::Normal))),
    };
    match &ran.outcome {
        Err(error) if !is_meant => {
            let error = ran.sandbox.state().process_error(error, limit);
            let reason = error.exit_reason();
            (Err(error), reason)
        }
        _ => {
            let nothing = Response {
                status: 204,
                headers: Vec::new(),
                body: Vec::new(),
            };
            (Ok(nothing), ExitReason::Normal)
        }
    }
}

fn gone() -> ProcessError {
    ProcessError::host("the process is gone")
}
