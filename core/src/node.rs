//! The node: everything that the shards of one server share.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::bus::Inbox;
use crate::group::Groups;
use crate::pid::{Pid, ShardId};
use crate::registry::{RegisterError, Registry, ReservedName};
use crate::shard::Shard;

/// The shards of one server, and what they share: names, groups, and the inbox of each shard.
#[derive(Clone)]
pub struct Node {
    inner: Arc<Inner>,
}

impl Node {
    /// Creates a node with this number of shards.
    pub fn new(shards: u16) -> Self {
        let count = usize::from(shards);
        Self {
            inner: Arc::new(Inner {
                registry: Registry::default(),
                groups: Groups::default(),
                inboxes: (0..count).map(|_| Inbox::new(count)).collect(),
            }),
        }
    }

    /// Returns the number of shards.
    pub fn shards(&self) -> u16 {
        self.inner.inboxes.len() as u16
    }

    /// Creates a shard; call it once for each id, on the thread that runs the shard. `spawner` starts a
    /// task on this thread's executor.
    pub fn shard(
        &self,
        id: ShardId,
        spawner: impl Fn(Pin<Box<dyn Future<Output = ()>>>) + 'static,
    ) -> Shard {
        Shard::new(self.clone(), id, Box::new(spawner))
    }

    /// Reserves a name, for as long as the node lives, for processes that are spawned with the result
    /// as their [`SpawnOptions::reserved_name`](crate::SpawnOptions::reserved_name).
    ///
    /// # Errors
    /// When the name is already reserved, a process has it, or it is too long.
    pub fn reserve(&self, name: &str) -> Result<ReservedName, RegisterError> {
        self.inner.registry.reserve(name)
    }

    /// Returns the process that has this name. Any thread may call this.
    pub fn whereis(&self, name: &str) -> Option<Pid> {
        self.inner.registry.get(name)
    }

    /// Returns the number of names, and that of groups.
    pub fn names_and_groups(&self) -> (usize, usize) {
        (self.inner.registry.len(), self.inner.groups.len())
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.inner.registry
    }

    pub(crate) fn groups(&self) -> &Groups {
        &self.inner.groups
    }

    /// Returns the inbox of a shard; `None` if there is no such shard, as in a pid that a guest made up.
    pub(crate) fn inbox(&self, shard: ShardId) -> Option<&Inbox> {
        self.inner.inboxes.get(usize::from(shard.index()))
    }
}

struct Inner {
    registry: Registry,
    groups: Groups,
    inboxes: Box<[Inbox]>,
}
