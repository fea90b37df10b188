//! The start and end of processes, and queries about them.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use futures_channel::oneshot;
use pin_project_lite::pin_project;
use thiserror::Error;

use super::Shard;
use crate::bus::Signal;
use crate::exit::{End, ExitReason};
use crate::message::{CallError, Delivery};
use crate::pid::{Pid, ShardId};
use crate::process::{Process, ProcessInfo, ProcessState, SpawnOptions, deadline_exceeded};
use crate::quota::{MAX_NAME, QuotaUsage};
use crate::registry::RegisterError;

/// The reason why a process was not spawned.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// The shard has 2^20 processes.
    #[error("the process table of this core is full")]
    TableFull,
    /// Its name could not be registered.
    #[error("the name `{0}` can't be had: {1}")]
    Name(Arc<str>, #[source] RegisterError),
}

/// The argument of a spawned process's body.
#[derive(Clone)]
pub struct ProcessContext {
    /// Its own pid.
    pub pid: Pid,
    /// Its shard.
    pub shard: Shard,
}

impl Shard {
    /// Starts a process that the caller runs, as a connection runs those of its requests. It ends when
    /// the handle is dropped: normally, unless another reason was set.
    ///
    /// Returns `None` when the process table is full, with 2^20 processes.
    pub fn start(&self, deadline: Option<Instant>) -> Option<ProcessHandle> {
        let pid = self.core.table.borrow_mut().insert(deadline, false)?;
        tracing::trace!(%pid, "process started, run by its caller");
        Some(ProcessHandle {
            shard: self.clone(),
            pid,
            reason: ExitReason::Normal,
        })
    }

    /// Spawns a process in a new task. A panic of its body is a failure of the process.
    ///
    /// # Errors
    /// When the process table is full, or the name is taken.
    pub fn spawn<F>(
        &self,
        options: SpawnOptions,
        body: impl FnOnce(ProcessContext) -> F + 'static,
    ) -> Result<Pid, SpawnError>
    where
        F: Future<Output = ExitReason> + 'static,
    {
        let pid = {
            let mut table = self.core.table.borrow_mut();
            let pid = table
                .insert(options.deadline, true)
                .ok_or(SpawnError::TableFull)?;
            if options.need_state()
                && let Some(process) = table.get_mut(pid)
            {
                process.state = Some(Box::new(ProcessState::new(&options)));
            }
            pid
        };
        tracing::trace!(%pid, label = options.label.as_deref(), "process spawned");
        let refused = |name: Arc<str>, error| {
            // If it should have two names, the one that it got is free again.
            self.exit(pid, ExitReason::Killed);
            SpawnError::Name(name, error)
        };
        if let Some(name) = options.reserved_name {
            self.register_reserved(pid, &name)
                .map_err(|error| refused(name.shared().clone(), error))?;
        }
        if let Some(name) = options.name {
            self.register(pid, &name)
                .map_err(|error| refused(name, error))?;
        }
        if let Some(other) = options.link {
            // It is its first link, so it is within the quota.
            let _ = self.link(pid, other);
        }
        let me = ProcessContext {
            pid,
            shard: self.clone(),
        };
        (self.core.spawner)(Box::pin(Spawned {
            shard: self.clone(),
            pid,
            body: Some(body(me)),
        }));
        Ok(pid)
    }

    /// Returns whether `pid` is a live process of this shard.
    pub fn is_alive_here(&self, pid: Pid) -> bool {
        self.core.table.borrow().get(pid).is_some()
    }

    /// Returns the number of processes of this shard.
    pub fn len(&self) -> usize {
        self.core.table.borrow().len()
    }

    /// Returns whether this shard has no processes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lists the processes of this shard.
    pub fn list_here(&self) -> Vec<Pid> {
        self.core.table.borrow().pids()
    }

    /// Returns a snapshot of a process of this shard.
    pub fn info_here(&self, pid: Pid) -> Option<ProcessInfo> {
        let table = self.core.table.borrow();
        let state = table.get(pid)?.state.as_deref();
        let count = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        Some(ProcessInfo {
            pid,
            links: state.map_or(0, |state| count(state.links.len())),
            monitors: state.map_or(0, |state| count(state.watchers.len())),
            names: state.map_or_else(Vec::new, |state| state.names.to_vec()),
            label: state.and_then(|state| state.label.clone()),
            mailbox_depth: state.map_or(0, |state| count(state.mailbox.len())),
            dropped: state.map_or(0, |state| state.dropped),
            trap_exit: state.is_some_and(|state| state.trap_exit),
        })
    }

    /// Returns the resources that a process of this shard holds.
    pub fn quota_usage_here(&self, pid: Pid) -> Option<QuotaUsage> {
        let table = self.core.table.borrow();
        let Some(state) = table.get(pid)?.state.as_deref() else {
            return Some(QuotaUsage::default());
        };
        let (messages, message_bytes) = state.mailbox.load();
        let (timers, timer_bytes, left_timers) = self.core.timers.borrow().usage_of(pid);
        Some(QuotaUsage {
            names: state.names.len(),
            groups: state.groups.len(),
            links: state.links.len(),
            monitors: state.watching.len(),
            unread_signals: state.mailbox.signals(),
            messages,
            message_bytes,
            streams: state.streams.len(),
            waiting_streams: state.mailbox.streams(),
            stream_bytes: state.stream_bytes,
            timers,
            timer_bytes,
            left_timers,
        })
    }

    /// Runs `f` on a shard, at once if it is this one. Completes with `None` if there is no such shard.
    pub fn ask<T: Send + 'static>(
        &self,
        shard: ShardId,
        f: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> impl Future<Output = Option<T>> + Send + 'static {
        let (answer, answered) = oneshot::channel();
        if shard == self.core.id {
            let _ = answer.send(f(self));
        } else {
            let run = move |shard: &Self| {
                // The future may have been dropped.
                let _ = answer.send(f(shard));
            };
            self.dispatch(shard, Signal::Run(Box::new(run)));
        }
        async move { answered.await.ok() }
    }

    /// Completes with whether a process of any shard is alive.
    pub fn is_alive(&self, pid: Pid) -> impl Future<Output = bool> + Send + 'static {
        let asked = self.ask(pid.shard(), move |shard| shard.is_alive_here(pid));
        async move { asked.await.unwrap_or(false) }
    }

    /// Completes with a snapshot of a process of any shard.
    pub fn info(&self, pid: Pid) -> impl Future<Output = Option<ProcessInfo>> + Send + 'static {
        let asked = self.ask(pid.shard(), move |shard| shard.info_here(pid));
        async move { asked.await.flatten() }
    }

    /// Completes with the processes of all shards.
    pub fn list(&self) -> impl Future<Output = Vec<Pid>> + Send + 'static {
        let shards = (0..self.core.node.shards()).map(ShardId::new);
        let asked: Vec<_> = shards
            .map(|shard| self.ask(shard, Self::list_here))
            .collect();
        async move {
            let mut pids = Vec::new();
            for asked in asked {
                pids.extend(asked.await.unwrap_or_default());
            }
            pids
        }
    }

    /// Kills a process, which can't trap that. Completes with false if it had ended. The kill is done, or
    /// on its way, when this returns; the future need not be polled.
    pub fn kill(&self, pid: Pid) -> impl Future<Output = bool> + Send + 'static {
        let asked = self.ask(pid.shard(), move |shard| shard.end(pid, ExitReason::Killed));
        async move { asked.await.unwrap_or(false) }
    }

    /// Ends all processes of this shard.
    pub fn end_all(&self, reason: ExitReason) {
        for pid in self.list_here() {
            self.end(pid, reason.clone());
        }
    }

    /// Sets a process's label for people, of which [`MAX_NAME`] bytes are kept.
    pub fn set_label(&self, me: Pid, label: &str) {
        let label = &label[..label.floor_char_boundary(MAX_NAME)];
        if let Some(process) = self.core.table.borrow_mut().get_mut(me) {
            process.state().label = Some(label.into());
        }
    }

    /// Sets or removes the deadline of a process.
    pub fn set_deadline(&self, me: Pid, deadline: Option<Instant>) {
        self.core.table.borrow_mut().set_deadline(me, deadline);
    }

    /// Ends the processes whose deadline has passed. Call this periodically: deadlines have no timers.
    /// Returns those that were spawned and are not awaited, with the labels that they were spawned
    /// with; the others' runners or waiting processes learn of it.
    pub fn expire(&self, now: Instant) -> Vec<(Pid, Option<Arc<str>>)> {
        let expired = self.core.table.borrow_mut().expired(now);
        let mut ended = Vec::new();
        for pid in expired {
            let table = self.core.table.borrow();
            let Some(process) = table.get(pid) else {
                continue;
            };
            let spawned = process.spawned;
            let state = process.state.as_deref();
            let label = state.and_then(|state| state.origin.clone());
            let awaited = state.is_some_and(|state| state.awaited);
            drop(table);
            if spawned {
                self.end(pid, deadline_exceeded());
                if !awaited {
                    ended.push((pid, label));
                }
            } else {
                self.wake(pid);
            }
        }
        ended
    }

    /// Ends a process of this shard: at once if it was spawned, else by notifying its runner. Returns
    /// false if it had ended.
    pub(super) fn end(&self, pid: Pid, reason: ExitReason) -> bool {
        let mut table = self.core.table.borrow_mut();
        let Some(process) = table.get_mut(pid) else {
            return false;
        };
        if process.spawned {
            drop(table);
            self.exit(pid, reason);
            return true;
        }
        process.end.get_or_insert(End::Killed(reason));
        drop(table);
        self.wake(pid);
        true
    }

    /// Removes a process, and notifies its links, monitors, callers and streams.
    pub(super) fn exit(&self, pid: Pid, reason: ExitReason) {
        let removed = self.core.table.borrow_mut().remove(pid);
        let Some(Process { waker, state, .. }) = removed else {
            return;
        };
        tracing::trace!(%pid, %reason, "process ended");
        if let Some(state) = state {
            self.leave_all(pid, *state, &reason);
        }
        // Its task finds the process removed, and drops the body.
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn leave_all(&self, pid: Pid, state: ProcessState, reason: &ExitReason) {
        for name in state.names {
            self.core.node.registry().remove(&name, pid);
        }
        for group in state.groups {
            self.core.node.groups().leave(&group, pid);
        }
        if state.has_timers {
            let lost = self.core.timers.borrow_mut().process_ended(pid);
            self.count_lost_timers(lost);
        }
        for shard in state.remote_timers {
            self.dispatch(shard, Signal::TimersVoid(pid));
        }
        for call in state.pending_calls {
            self.core.calls.borrow_mut().remove(&call);
        }
        for call in state.pending_replies {
            self.answer(call, Err(CallError::Died(reason.clone())));
        }
        for delivery in state.mailbox.into_deliveries() {
            if let Delivery::Call(call) = delivery {
                let not_begun = CallError::NotBegun(reason.clone());
                self.answer(call.pending_reply(), Err(not_begun));
            }
        }
        for stream in state.streams {
            self.drop_stream(pid, stream, reason);
        }
        for queue in state.frame_queues {
            self.drop_frames(pid, queue, reason);
        }
        for (monitor, target) in state.watching {
            self.dispatch(target.shard(), Signal::Demonitor { monitor, target });
        }
        for (monitor, watcher) in state.watchers {
            let down = Signal::Down {
                monitor,
                watcher,
                target: pid,
                reason: reason.clone(),
            };
            self.dispatch(watcher.shard(), down);
        }
        for to in state.links {
            let exit = Signal::Exit {
                from: pid,
                to,
                reason: reason.clone(),
                linked: true,
            };
            self.dispatch(to.shard(), exit);
        }
    }

    /// Stores the waker with which a process is about to be polled. Returns false if it has ended.
    fn attach(&self, pid: Pid, waker: &Waker) -> bool {
        let mut table = self.core.table.borrow_mut();
        let process = table.get_mut(pid);
        process.map(|process| process.wait(waker)).is_some()
    }
}

/// A process that the holder of this handle runs.
pub struct ProcessHandle {
    shard: Shard,
    pid: Pid,
    reason: ExitReason,
}

impl ProcessHandle {
    /// Returns the pid of the process.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Parks the process: `waker` is woken when something happens to it. Returns the reason if it must
    /// end instead.
    pub fn park(&self, waker: &Waker) -> Option<End> {
        let mut table = self.shard.core.table.borrow_mut();
        match table.get_mut(self.pid) {
            Some(process) => {
                process.wait(waker);
                process.end.clone()
            }
            None => Some(End::Killed(ExitReason::NoProcess)),
        }
    }

    /// Returns the reason if the process must end.
    pub fn ended(&self) -> Option<End> {
        let table = self.shard.core.table.borrow();
        table.get(self.pid).and_then(|process| process.end.clone())
    }

    /// Sets the reason with which the process ends when this handle is dropped.
    pub fn set_exit_reason(&mut self, reason: ExitReason) {
        self.reason = reason;
    }

    /// Ends the process with this reason.
    pub fn exit(mut self, reason: ExitReason) {
        self.set_exit_reason(reason);
    }
}

impl Drop for ProcessHandle {
    fn drop(&mut self) {
        let reason = std::mem::replace(&mut self.reason, ExitReason::Normal);
        self.shard.exit(self.pid, reason);
    }
}

pin_project! {
    /// The task of a process.
    struct Spawned<F> {
        shard: Shard,
        pid: Pid,
        // Dropped as soon as the process has ended.
        #[pin]
        body: Option<F>,
    }

    impl<F> PinnedDrop for Spawned<F> {
        fn drop(this: Pin<&mut Self>) {
            // The executor dropped the task before its end.
            this.shard.exit(this.pid, ExitReason::Killed);
        }
    }
}

impl<F: Future<Output = ExitReason>> Future for Spawned<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        if !this.shard.attach(*this.pid, cx.waker()) {
            this.body.set(None);
            return Poll::Ready(());
        }
        let Some(body) = this.body.as_mut().as_pin_mut() else {
            return Poll::Ready(());
        };
        let polled = catch_unwind(AssertUnwindSafe(|| body.poll(cx)));
        let reason = match polled {
            Ok(Poll::Ready(reason)) => reason,
            Ok(Poll::Pending) if this.shard.is_alive_here(*this.pid) => return Poll::Pending,
            // It was ended while it was polled, by itself or through another process.
            Ok(Poll::Pending) => ExitReason::Killed,
            Err(panic) => ExitReason::Failed(panicked(&*panic).into()),
        };
        this.body.set(None);
        this.shard.exit(*this.pid, reason);
        Poll::Ready(())
    }
}

fn panicked(panic: &(dyn Any + Send)) -> String {
    let said = panic
        .downcast_ref::<&str>()
        .map(|said| (*said).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    format!("panicked: {}", said.unwrap_or_default())
}
