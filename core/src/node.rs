//! What the shards of one server share.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::bus::Inbox;
use crate::group::Groups;
use crate::pid::{Pid, ShardId};
use crate::registry::{RegisterError, Registry, ReservedName};
use crate::shard::Shard;

/// What the shards of one server share: names, groups, and the way to each of them.
#[derive(Clone)]
pub struct Node {
    inner: Arc<Inner>,
}

impl Node {
    /// A node of so many shards.
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

    /// How many shards it has.
    pub fn shards(&self) -> u16 {
        self.inner.inboxes.len() as u16
    }

    /// The shard's own side; to be made once for each id, on the thread that runs it. `spawner`
    /// starts a task on this thread's executor.
    pub fn shard(
        &self,
        id: ShardId,
        spawner: impl Fn(Pin<Box<dyn Future<Output = ()>>>) + 'static,
    ) -> Shard {
        Shard::new(self.clone(), id, Box::new(spawner))
    }

    /// Keep a name for processes that are spawned with what this returns, for as long as the node
    /// lives.
    ///
    /// # Errors
    /// When it is reserved already, a process has it, or it is too long.
    pub fn reserve(&self, name: &str) -> Result<ReservedName, RegisterError> {
        self.inner.registry.reserve(name)
    }

    /// Who has this name, asked from any thread.
    pub fn whereis(&self, name: &str) -> Option<Pid> {
        self.inner.registry.get(name)
    }

    /// How many names and groups there are.
    pub fn names_and_groups(&self) -> (usize, usize) {
        (self.inner.registry.len(), self.inner.groups.len())
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.inner.registry
    }

    pub(crate) fn groups(&self) -> &Groups {
        &self.inner.groups
    }

    /// `None` for a pid that a guest made up.
    pub(crate) fn inbox(&self, shard: ShardId) -> Option<&Inbox> {
        self.inner.inboxes.get(usize::from(shard.index()))
    }
}

struct Inner {
    registry: Registry,
    groups: Groups,
    inboxes: Box<[Inbox]>,
}
