//! `rusm:runtime/actor@0.1.0`: processes, as a guest sees them.

use std::rc::Rc;
use std::time::{Duration, Instant};

use rusm_core::{
    CallError, Caller, Delivery, ExitReason, Pid, SendError, Shard, SpawnOptions, StreamId,
    TimerRef,
};

use super::mail::{as_bytes, into_wit};
use super::shard::{bus_capacity, process_gone, shard, shard_gone};
use crate::bindings::rusm::runtime::actor::{
    Host, Mail, Pid as RawPid, ProcessInfo, Request, Response, SuperviseStrategy,
};
use crate::bindings::rusm::runtime::http;
use crate::bindings::rusm::runtime::types::{self, CallError as WitCallError};
use crate::error::Exit;
use crate::runtime::{self, Fetch};
use crate::state::HostState;

impl types::Host for HostState {}
impl http::Host for HostState {}

impl Host for HostState {
    fn own_pid(&mut self) -> wasmtime::Result<RawPid> {
        Ok(self.pid.as_raw())
    }

    async fn spawn(&mut self, component: String) -> wasmtime::Result<Result<RawPid, String>> {
        Ok(self.spawn_child(&component).map(Pid::as_raw))
    }

    async fn spawn_from(
        &mut self,
        component: String,
        _source: String,
    ) -> wasmtime::Result<Result<RawPid, String>> {
        Ok(Err(format!(
            "`{component}` can't be spawned from a source: this host has no such components"
        )))
    }

    async fn monitor(&mut self, target: RawPid) -> wasmtime::Result<()> {
        let target = Pid::from_raw(target);
        bus_capacity(target).await?;
        if !self.actor.monitors.contains_key(&target) {
            // The guest could not tell a process that lives from one that it does not watch.
            let monitor = shard()?.monitor(self.pid, target)?;
            self.actor.monitors.insert(target, monitor);
        }
        Ok(())
    }

    async fn demonitor(&mut self, target: RawPid) -> wasmtime::Result<()> {
        bus_capacity(Pid::from_raw(target)).await?;
        if let Some(monitor) = self.actor.monitors.remove(&Pid::from_raw(target)) {
            shard()?.demonitor(self.pid, monitor);
        }
        Ok(())
    }

    async fn link(&mut self, other: RawPid) -> wasmtime::Result<Result<(), String>> {
        let other = Pid::from_raw(other);
        if !self.controls(other) {
            return Ok(Err(self.lacks("allow-process-control")));
        }
        bus_capacity(other).await?;
        Ok(shard()?
            .link(self.pid, other)
            .map_err(|error| error.to_string()))
    }

    async fn unlink(&mut self, other: RawPid) -> wasmtime::Result<()> {
        bus_capacity(Pid::from_raw(other)).await?;
        shard()?.unlink(self.pid, Pid::from_raw(other));
        Ok(())
    }

    fn trap_exit(&mut self, on: bool) -> wasmtime::Result<()> {
        shard()?.set_trap_exit(self.pid, on);
        Ok(())
    }

    fn exit(&mut self, reason: Option<String>) -> wasmtime::Result<()> {
        let reason = match reason {
            None => ExitReason::Normal,
            Some(mut reason) => {
                // Everybody who is told of it keeps it.
                reason.truncate(reason.floor_char_boundary(MAX_REASON));
                ExitReason::Failed(reason.into())
            }
        };
        Err(wasmtime::Error::new(Exit(reason)))
    }

    async fn send(&mut self, to: RawPid, mut message: Vec<u8>) -> wasmtime::Result<()> {
        let to = Pid::from_raw(to);
        if self
            .send_to_socket_process(to, &mut message)
            .await?
            .is_some()
        {
            return Ok(());
        }
        let sending = shard()?.send(to, message.into());
        // Dropped without a word if nobody gets it, as Erlang does; the receiver counts it.
        let _ = sending.await;
        Ok(())
    }

    async fn receive(&mut self) -> wasmtime::Result<Vec<u8>> {
        let received = self.receive_within(None).await?;
        received.map(as_bytes).ok_or_else(process_gone)
    }

    async fn receive_timeout(&mut self, timeout_ms: u64) -> wasmtime::Result<Option<Vec<u8>>> {
        Ok(self.receive_within(Some(timeout_ms)).await?.map(as_bytes))
    }

    async fn receive_mail(&mut self, timeout_ms: Option<u64>) -> wasmtime::Result<Option<Mail>> {
        Ok(self.receive_within(timeout_ms).await?.and_then(into_wit))
    }

    fn stash(&mut self, _message: Vec<u8>) -> wasmtime::Result<()> {
        // The bytes are the guest's own copy of what it received last. What it did not receive, or
        // has set aside already, it can't: there would be no end to it.
        if let Some(delivery) = self.actor.last.take() {
            shard()?.stash(self.pid, delivery);
        }
        Ok(())
    }

    fn unstash(&mut self) -> wasmtime::Result<()> {
        shard()?.unstash(self.pid);
        Ok(())
    }

    async fn call(
        &mut self,
        to: RawPid,
        function: String,
        args: Vec<u8>,
        timeout_ms: u64,
    ) -> wasmtime::Result<Result<Vec<u8>, WitCallError>> {
        let to = Pid::from_raw(to);
        let deadline = deadline_in(timeout_ms);
        let calling = shard()?.call(self.as_caller(), to, function.into(), args.into(), deadline);
        Ok(calling.await.map(Vec::from).map_err(call_error))
    }

    async fn cast(
        &mut self,
        to: RawPid,
        function: String,
        args: Vec<u8>,
    ) -> wasmtime::Result<Result<(), WitCallError>> {
        let (to, request) = (Pid::from_raw(to), &self.context.request);
        let casting = shard()?.cast(request, to, function.into(), args.into());
        Ok(casting.await.map_err(|error| match error {
            SendError::NoProcess => WitCallError::NoProcess,
            SendError::MailboxFull | SendError::BusFull => WitCallError::MailboxFull,
            error => WitCallError::Failed(error.to_string()),
        }))
    }

    async fn call_stream(
        &mut self,
        to: RawPid,
        function: String,
        args: Vec<u8>,
    ) -> wasmtime::Result<u64> {
        let to = Pid::from_raw(to);
        let capacity = shard()?.bus_capacity(to.shard());
        capacity.await;
        let stream = shard()?.call_stream(self.as_caller(), to, function.into(), args.into());
        Ok(stream.as_raw())
    }

    async fn run(
        &mut self,
        component: String,
        function: String,
        args: Vec<u8>,
        timeout_ms: u64,
    ) -> wasmtime::Result<Result<Vec<u8>, WitCallError>> {
        let deadline = deadline_in(timeout_ms);
        if !self.capabilities.spawn {
            return Ok(Err(WitCallError::Denied(self.lacks("allow-spawn"))));
        }
        let child = match self.spawn_child(&component) {
            Ok(pid) => EndOnDrop(pid),
            Err(error) => return Ok(Err(WitCallError::Failed(error))),
        };
        let calling = shard()?.call(
            self.as_caller(),
            child.0,
            function.into(),
            args.into(),
            deadline,
        );
        Ok(calling.await.map(Vec::from).map_err(call_error))
    }

    async fn fetch(
        &mut self,
        component: String,
        action: String,
        request: Request,
        timeout_ms: u64,
    ) -> wasmtime::Result<Result<Response, WitCallError>> {
        if !self.capabilities.spawn {
            return Ok(Err(WitCallError::Denied(self.lacks("allow-spawn"))));
        }
        let limit = Duration::from_millis(timeout_ms.min(MAX_TIMEOUT_MS));
        let deadline = Instant::now() + limit;
        let (context, _waiting) = shard()?.wait_for(&self.as_caller(), deadline);
        let fetched = {
            let runtime = runtime::current().ok_or_else(shard_gone)?;
            match runtime.component(&component) {
                Some(target) => {
                    let fetch = Fetch {
                        request,
                        limit,
                        context,
                    };
                    runtime.fetch(target, &action, fetch, &self.capabilities)
                }
                None => Err(WitCallError::NoProcess),
            }
        };
        let fetched = match fetched {
            Ok(fetched) => fetched,
            Err(error) => return Ok(Err(error)),
        };
        Ok(fetched.await.unwrap_or(Err(WitCallError::NoProcess)))
    }

    fn caller(&mut self) -> wasmtime::Result<Option<RawPid>> {
        let answering = self.actor.answering.as_ref();
        Ok(answering.and_then(|call| call.caller).map(Pid::as_raw))
    }

    fn reply_stream(&mut self) -> wasmtime::Result<Option<u64>> {
        let answering = self.actor.answering.as_ref();
        Ok(answering.and_then(|call| call.stream).map(StreamId::as_raw))
    }

    async fn list_processes(&mut self) -> wasmtime::Result<Vec<RawPid>> {
        let listing = shard()?.list();
        let mut pids = listing.await;
        if !self.capabilities.process_control {
            pids.retain(|pid| *pid == self.pid || self.actor.children.contains(pid));
        }
        Ok(pids.into_iter().map(Pid::as_raw).collect())
    }

    async fn info(&mut self, target: RawPid) -> wasmtime::Result<Option<ProcessInfo>> {
        let target = Pid::from_raw(target);
        if target != self.pid && !self.controls(target) {
            return Ok(None);
        }
        let asking = shard()?.info(target);
        Ok(asking.await.map(|info| ProcessInfo {
            pid: info.pid.as_raw(),
            links: info.links,
            monitors: info.monitors,
            names: info.names.iter().map(|name| name.to_string()).collect(),
            label: info.label.map(|label| label.to_string()),
            mailbox_depth: info.mailbox_depth,
            trap_exit: info.trap_exit,
        }))
    }

    async fn is_alive(&mut self, target: RawPid) -> wasmtime::Result<bool> {
        let asking = shard()?.is_alive(Pid::from_raw(target));
        Ok(asking.await)
    }

    async fn kill(&mut self, target: RawPid) -> wasmtime::Result<bool> {
        let target = Pid::from_raw(target);
        if target != self.pid && !self.controls(target) {
            self.log_denied("kill", "allow-process-control");
            return Ok(false);
        }
        let killing = shard()?.kill(target);
        Ok(killing.await)
    }

    fn register(&mut self, name: String) -> wasmtime::Result<bool> {
        match shard()?.register(self.pid, &name) {
            Ok(()) => Ok(true),
            Err(error) => {
                tracing::debug!(component = &*self.component.name, pid = %self.pid, name, "{error}");
                Ok(false)
            }
        }
    }

    fn whereis(&mut self, name: String) -> wasmtime::Result<Option<RawPid>> {
        Ok(shard()?.whereis(&name).map(Pid::as_raw))
    }

    fn unregister(&mut self, name: String) -> wasmtime::Result<bool> {
        Ok(shard()?.unregister(self.pid, &name))
    }

    fn set_label(&mut self, label: String) -> wasmtime::Result<()> {
        shard()?.set_label(self.pid, &label);
        Ok(())
    }

    async fn supervise(
        &mut self,
        strategy: SuperviseStrategy,
        children: Vec<String>,
        max_restarts: u32,
        within_ms: u32,
    ) -> wasmtime::Result<Result<RawPid, String>> {
        Ok(self.start_supervisor(strategy, children, max_restarts, within_ms))
    }

    async fn send_after(
        &mut self,
        to: RawPid,
        delay_ms: u64,
        message: Vec<u8>,
    ) -> wasmtime::Result<u64> {
        let (to, delay) = (Pid::from_raw(to), Duration::from_millis(delay_ms));
        // The shard of the process is told of the timer.
        bus_capacity(to).await?;
        match shard()?.send_after(self.pid, to, delay, message.into()) {
            Ok(timer) => Ok(timer.as_raw()),
            Err(error) => {
                self.log_once("send-after", &error);
                Ok(0)
            }
        }
    }

    fn cancel_timer(&mut self, timer_ref: u64) -> wasmtime::Result<bool> {
        Ok(shard()?.cancel_timer(self.pid, TimerRef::from_raw(timer_ref)))
    }
}

impl HostState {
    /// Itself, as those that it calls know it.
    fn as_caller(&self) -> Caller {
        Caller {
            pid: self.pid,
            context: self.context.clone(),
        }
    }

    /// Whether it may link, look into or end `other`.
    fn controls(&self, other: Pid) -> bool {
        self.capabilities.process_control || self.actor.children.contains(&other)
    }

    /// The error of a guest that wants more than it may.
    pub(super) fn lacks(&self, grant: &str) -> String {
        format!(
            "component `{}` may not: its capability profile `{}` lacks `{grant} = true`",
            self.component.name, self.capabilities.profile
        )
    }

    pub(super) fn log_denied(&mut self, what: &'static str, grant: &str) {
        let why = self.lacks(grant);
        self.log_once(what, &why);
    }

    /// Tell the operator why `what` did nothing, which the guest does not learn: once in the life of
    /// the process, which may try it over and over.
    pub(super) fn log_once(&mut self, what: &'static str, why: &dyn std::fmt::Display) {
        if self.actor.warned.contains(&what) {
            return;
        }
        self.actor.warned.push(what);
        tracing::warn!(
            component = &*self.component.name,
            pid = %self.pid,
            "`{what}` did nothing: {why} (told once for each process)"
        );
    }

    fn spawn_child(&mut self, component: &str) -> Result<Pid, String> {
        if !self.capabilities.spawn {
            return Err(self.lacks("allow-spawn"));
        }
        let runtime = runtime::current().ok_or("the shard is gone")?;
        let target = runtime
            .component(component)
            .ok_or_else(|| format!("there is no component `{component}`"))?;
        let child = runtime
            .spawn_for_guest(
                target,
                &self.capabilities,
                SpawnOptions::default(),
                Rc::default(),
            )
            .map_err(|error| error.to_string())?;
        self.remember(child);
        Ok(child)
    }

    pub(super) fn remember(&mut self, child: Pid) {
        let children = &mut self.actor.children;
        // Those that have ended are forgotten whenever the list would grow.
        if children.len() == children.capacity()
            && let Some(shard) = Shard::current()
        {
            children.retain(|pid| shard.is_alive_here(*pid));
        }
        children.push(child);
    }

    async fn receive_within(
        &mut self,
        timeout_ms: Option<u64>,
    ) -> wasmtime::Result<Option<Delivery>> {
        let deadline = timeout_ms.map(deadline_in);
        let receiving = shard()?.receive_where(self.pid, deadline, |delivery| {
            matches!(
                delivery,
                Delivery::Message(_) | Delivery::Down { .. } | Delivery::Exit { .. }
            )
        });
        let received = receiving.await;
        if let Some(delivery) = &received {
            self.received(delivery);
            self.actor.last = Some(delivery.clone());
        }
        Ok(received)
    }

    /// Keep what is known of others up to date with a mail that the guest gets.
    pub(crate) fn received(&mut self, delivery: &Delivery) {
        if let Delivery::Down { pid, .. } = delivery {
            self.actor.monitors.remove(pid);
        }
    }
}

/// Why a call failed, for the guest that made it.
pub(crate) fn call_error(error: CallError) -> WitCallError {
    match error {
        // Gone before it began: the caller may call the next life.
        CallError::NoProcess | CallError::NotBegun(_) => WitCallError::NoProcess,
        CallError::MailboxFull => WitCallError::MailboxFull,
        CallError::Died(reason) => WitCallError::Died(reason.to_string()),
        CallError::Timeout => WitCallError::Timeout,
        CallError::Failed(text) => WitCallError::Failed(text.to_string()),
        CallError::NoFunction(names) => WitCallError::NoFunction(names.to_string()),
        CallError::Cycle(pids) => WitCallError::Failed(cycle(&pids)),
        // The host's own words: the call was not made.
        error => WitCallError::Failed(error.to_string()),
    }
}

/// What the author of a cycle of calls is told, who knows the processes by their names.
fn cycle(pids: &[Pid]) -> String {
    let shard = Shard::current();
    let name = |pid: &Pid| {
        let name = shard.as_ref().and_then(|shard| shard.name_of(*pid));
        name.map_or_else(|| pid.to_string(), |name| format!("`{name}`"))
    };
    let names: Vec<_> = pids.iter().chain(pids.first()).map(name).collect();
    format!(
        "a cycle of calls, in which each would wait for the next: {}",
        names.join(" -> ")
    )
}

/// Ends a process when whoever wanted it is done with it, or gone.
struct EndOnDrop(Pid);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        if let Some(shard) = Shard::current() {
            // It takes effect at once: the process is this shard's.
            drop(shard.kill(self.0));
        }
    }
}

fn deadline_in(timeout_ms: u64) -> Instant {
    // Somebody who means for ever.
    Instant::now() + Duration::from_millis(timeout_ms.min(MAX_TIMEOUT_MS))
}

/// Bytes of the reason for which a guest ends itself.
const MAX_REASON: usize = 1024;
/// A year.
const MAX_TIMEOUT_MS: u64 = 365 * 24 * 3600 * 1000;
