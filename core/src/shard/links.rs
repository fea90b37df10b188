//! Links, monitors and exit signals.

use super::Shard;
use crate::bus::Signal;
use crate::exit::ExitReason;
use crate::id::MonitorRef;
use crate::message::Delivery;
use crate::pid::Pid;
use crate::process::take_first;
use crate::quota::{MAX_LINKS, MAX_MONITORS, QuotaError};

impl Shard {
    /// Links `me`, a process of this shard, and another: when either ends other than normally, so does
    /// the other, unless it traps exits. A process that has already ended counts as ended with
    /// [`ExitReason::NoProcess`].
    ///
    /// # Errors
    /// When `me` has [`MAX_LINKS`].
    pub fn link(&self, me: Pid, other: Pid) -> Result<(), QuotaError> {
        if me == other || !self.is_alive_here(me) {
            return Ok(());
        }
        if !self.add_link(me, other) {
            return Err(QuotaError::Links);
        }
        self.dispatch(
            other.shard(),
            Signal::Link {
                from: me,
                to: other,
            },
        );
        // A shard that does not exist never answers.
        if self.core.node.inbox(other.shard()).is_none() {
            self.handle_exit(other, me, ExitReason::NoProcess, true);
        }
        Ok(())
    }

    /// Removes a link.
    pub fn unlink(&self, me: Pid, other: Pid) {
        if self.remove_link(me, other) {
            self.dispatch(
                other.shard(),
                Signal::Unlink {
                    from: me,
                    to: other,
                },
            );
        }
    }

    /// Sets whether `me` traps exits: receives the exits of linked processes instead of ending with them.
    pub fn set_trap_exit(&self, me: Pid, on: bool) {
        if let Some(process) = self.core.table.borrow_mut().get_mut(me) {
            process.state().trap_exit = on;
        }
    }

    /// Sends an exit signal to a process, which ends it unless it traps exits or the reason is normal.
    /// [`ExitReason::Killed`] can't be trapped.
    pub fn exit_signal(&self, from: Pid, to: Pid, reason: ExitReason) {
        let exit = Signal::Exit {
            from,
            to,
            reason,
            linked: false,
        };
        self.dispatch(to.shard(), exit);
    }

    /// Monitors `target`: `me` receives a [`Delivery::Down`] when it ends, or at once if it has ended.
    ///
    /// # Errors
    /// When `me` has [`MAX_MONITORS`].
    pub fn monitor(&self, me: Pid, target: Pid) -> Result<MonitorRef, QuotaError> {
        let monitor = MonitorRef::from_raw(self.next_id());
        let mut table = self.core.table.borrow_mut();
        if let Some(process) = table.get_mut(me) {
            let state = process.state();
            if state.watching.len() + state.mailbox.signals() >= MAX_MONITORS {
                return Err(QuotaError::Monitors);
            }
            state.watching.push((monitor, target));
        }
        drop(table);
        let signal = Signal::Monitor {
            monitor,
            watcher: me,
            target,
        };
        self.dispatch(target.shard(), signal);
        if self.core.node.inbox(target.shard()).is_none() {
            self.handle_down(monitor, me, target, ExitReason::NoProcess);
        }
        Ok(monitor)
    }

    /// Removes a monitor. A [`Delivery::Down`] that was already delivered stays in the mailbox.
    pub fn demonitor(&self, me: Pid, monitor: MonitorRef) {
        if let Some(target) = self.forget_watching(me, monitor) {
            self.dispatch(target.shard(), Signal::Demonitor { monitor, target });
        }
    }

    pub(super) fn handle_link(&self, from: Pid, to: Pid) {
        if self.add_link(to, from) {
            return;
        }
        let gone = Signal::Exit {
            from: to,
            to: from,
            reason: ExitReason::NoProcess,
            linked: true,
        };
        self.dispatch(from.shard(), gone);
    }

    pub(super) fn handle_unlink(&self, from: Pid, to: Pid) {
        self.remove_link(to, from);
    }

    pub(super) fn handle_exit(&self, from: Pid, to: Pid, reason: ExitReason, linked: bool) {
        // The link was removed in the meantime.
        if linked && !self.remove_link(to, from) {
            return;
        }
        let table = self.core.table.borrow();
        let Some(process) = table.get(to) else { return };
        let traps = process
            .state
            .as_deref()
            .is_some_and(|state| state.trap_exit);
        drop(table);
        let unstoppable = !linked && reason == ExitReason::Killed;
        if traps && !unstoppable {
            tracing::debug!(pid = %to, %from, %reason, "exit trapped");
            // Exits are never refused.
            let _ = self.deliver(to, Delivery::Exit { from, reason });
        } else if !reason.is_normal() {
            tracing::debug!(pid = %to, %from, %reason, "exit signal ends the process");
            self.end(to, reason);
        }
    }

    pub(super) fn handle_monitor(&self, monitor: MonitorRef, watcher: Pid, target: Pid) {
        let mut table = self.core.table.borrow_mut();
        if let Some(process) = table.get_mut(target) {
            process.state().watchers.push((monitor, watcher));
            return;
        }
        drop(table);
        let down = Signal::Down {
            monitor,
            watcher,
            target,
            reason: ExitReason::NoProcess,
        };
        self.dispatch(watcher.shard(), down);
    }

    pub(super) fn handle_demonitor(&self, monitor: MonitorRef, target: Pid) {
        let mut table = self.core.table.borrow_mut();
        let state = table
            .get_mut(target)
            .and_then(|process| process.state.as_deref_mut());
        if let Some(state) = state {
            take_first(&mut state.watchers, |(own, _)| *own == monitor);
        }
    }

    pub(super) fn handle_down(
        &self,
        monitor: MonitorRef,
        watcher: Pid,
        target: Pid,
        reason: ExitReason,
    ) {
        // Otherwise the monitor was removed in the meantime.
        if self.forget_watching(watcher, monitor).is_some() {
            tracing::debug!(pid = %watcher, %target, %reason, "monitor fired");
            let down = Delivery::Down {
                monitor,
                pid: target,
                reason,
            };
            let _ = self.deliver(watcher, down);
        }
    }

    fn forget_watching(&self, watcher: Pid, monitor: MonitorRef) -> Option<Pid> {
        let mut table = self.core.table.borrow_mut();
        let state = table.get_mut(watcher)?.state.as_deref_mut()?;
        take_first(&mut state.watching, |(own, _)| *own == monitor).map(|(_, target)| target)
    }

    /// Adds a link. Returns false if `me` has ended, or has too many.
    fn add_link(&self, me: Pid, other: Pid) -> bool {
        let mut table = self.core.table.borrow_mut();
        let Some(process) = table.get_mut(me) else {
            return false;
        };
        let state = process.state();
        if state.links.contains(&other) {
            return true;
        }
        if state.links.len() + state.mailbox.signals() >= MAX_LINKS {
            return false;
        }
        state.links.push(other);
        true
    }

    fn remove_link(&self, me: Pid, other: Pid) -> bool {
        let mut table = self.core.table.borrow_mut();
        let state = table
            .get_mut(me)
            .and_then(|process| process.state.as_deref_mut());
        state.is_some_and(|state| take_first(&mut state.links, |pid| *pid == other).is_some())
    }
}
