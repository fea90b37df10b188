//! Names and groups of processes.

use std::sync::Arc;

use bytes::Bytes;
use smallvec::SmallVec;

use super::Shard;
use crate::bus::Signal;
use crate::pid::{Pid, ShardId};
use crate::process::{ProcessState, take_first};
use crate::quota::{MAX_GROUPS, MAX_NAME, MAX_NAMES};
use crate::registry::{RegisterError, ReservedName};

impl Shard {
    /// Registers a process of this shard under a name, until it ends.
    ///
    /// # Errors
    /// See [`RegisterError`].
    pub fn register(&self, me: Pid, name: &str) -> Result<(), RegisterError> {
        let mut table = self.core.table.borrow_mut();
        let process = table.get_mut(me).ok_or(RegisterError::NoProcess)?;
        let names = &mut process.state().names;
        add(names, name, MAX_NAMES, |name| {
            self.core.node.registry().insert(name, me)?;
            tracing::debug!(pid = %me, name = &**name, "name registered");
            Ok(())
        })
    }

    pub(super) fn register_reserved(
        &self,
        me: Pid,
        name: &ReservedName,
    ) -> Result<(), RegisterError> {
        let mut table = self.core.table.borrow_mut();
        let process = table.get_mut(me).ok_or(RegisterError::NoProcess)?;
        self.core.node.registry().insert_reserved(name, me)?;
        process.state().names.push(name.shared().clone());
        tracing::debug!(pid = %me, name = &**name.shared(), "reserved name registered");
        Ok(())
    }

    /// Unregisters a name of a process. Returns false if the process does not have it, or the name is
    /// reserved, and so kept until the process ends.
    pub fn unregister(&self, me: Pid, name: &str) -> bool {
        if self.core.node.registry().is_reserved(name) {
            return false;
        }
        self.forget(me, name, |state| &mut state.names)
            && self.core.node.registry().remove(name, me)
    }

    /// Returns the process that has this name. A look-up costs an atomic load while no name changes.
    pub fn whereis(&self, name: &str) -> Option<Pid> {
        let registry = self.core.node.registry();
        self.core.names.borrow_mut().get(name, registry)
    }

    /// Returns a name of a process of any shard, for people: it searches all names.
    pub fn name_of(&self, pid: Pid) -> Option<Arc<str>> {
        self.core.node.registry().name_of(pid)
    }

    /// Adds a process of this shard to a group, until it ends.
    ///
    /// # Errors
    /// When it is in [`MAX_GROUPS`] groups, or the name is too long.
    pub fn join(&self, me: Pid, group: &str) -> Result<(), RegisterError> {
        let mut table = self.core.table.borrow_mut();
        let process = table.get_mut(me).ok_or(RegisterError::NoProcess)?;
        let groups = &mut process.state().groups;
        add(groups, group, MAX_GROUPS, |group| {
            self.core.node.groups().join(group, me);
            Ok(())
        })
    }

    /// Removes a process from a group. Returns false if it was not a member.
    pub fn leave(&self, me: Pid, group: &str) -> bool {
        self.forget(me, group, |state| &mut state.groups)
            && self.core.node.groups().leave(group, me)
    }

    /// Returns the members of a group, on all shards.
    pub fn members(&self, group: &str) -> Arc<[Pid]> {
        self.core.node.groups().members(group)
    }

    /// Sends a message to all members of a group, and returns their number. The members on another shard
    /// get it by one signal, which is dropped if that shard's inbox is full: see
    /// [`Shard::bus_capacity`].
    pub fn publish(&self, group: &str, message: Bytes) -> usize {
        let members = self.members(group);
        let mut remote: Vec<Vec<Pid>> = Vec::new();
        for pid in members.iter() {
            if pid.shard() == self.core.id {
                self.deliver_message(*pid, message.clone());
                continue;
            }
            let shard = usize::from(pid.shard().index());
            if remote.len() <= shard {
                remote.resize_with(shard + 1, Vec::new);
            }
            remote[shard].push(*pid);
        }
        for (shard, pids) in remote.into_iter().enumerate() {
            if !pids.is_empty() {
                let signal = Signal::Publish(pids.into(), message.clone());
                // Dropped if the inbox is full: otherwise a process that publishes without end would
                // fill the outbox.
                let _ = self.try_send_signal(ShardId::new(shard as u16), signal);
            }
        }
        members.len()
    }

    fn forget(
        &self,
        me: Pid,
        name: &str,
        list: impl FnOnce(&mut ProcessState) -> &mut SmallVec<[Arc<str>; 1]>,
    ) -> bool {
        let mut table = self.core.table.borrow_mut();
        let state = table
            .get_mut(me)
            .and_then(|process| process.state.as_deref_mut());
        state.is_some_and(|state| take_first(list(state), |own| **own == *name).is_some())
    }
}

fn add(
    list: &mut SmallVec<[Arc<str>; 1]>,
    name: &str,
    most: usize,
    insert: impl FnOnce(&Arc<str>) -> Result<(), RegisterError>,
) -> Result<(), RegisterError> {
    if list.iter().any(|own| **own == *name) {
        return Ok(());
    }
    if name.len() > MAX_NAME {
        return Err(RegisterError::TooLong);
    }
    if list.len() >= most {
        return Err(RegisterError::TooMany);
    }
    let name: Arc<str> = name.into();
    insert(&name)?;
    list.push(name);
    Ok(())
}
