//! The numbers of a pool.

use std::cell::Cell;

use super::ShardPool;

/// The numbers of a pool at one moment, and what it has counted since it was created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolStats {
    /// Permits: the instances that there may be at once.
    pub permits: u32,
    /// Permits that are taken.
    pub taken: u32,
    /// Processes that wait for a permit.
    pub waiting: usize,
    /// Instances that were put back, and wait for a process.
    pub kept: usize,
    /// Permits for processes that guests spawn, and those of them that are taken.
    pub spawned: (u32, u32),
    /// Permits for processes that hold a connection, and those of them that are taken.
    pub connections: (u32, u32),
    /// Instances that were made.
    pub made: u64,
    /// Instances that were put back after a process.
    pub put_back: u64,
    /// Processes that got an instance which was put back.
    pub reused: u64,
}

/// The counts of a pool.
#[derive(Default)]
pub(super) struct PoolCounts {
    pub(super) made: Cell<u64>,
    pub(super) put_back: Cell<u64>,
    pub(super) reused: Cell<u64>,
}

pub(super) fn count(counter: &Cell<u64>) {
    counter.set(counter.get() + 1);
}

impl ShardPool {
    /// Returns its numbers.
    pub fn stats(&self) -> PoolStats {
        let Self {
            instances,
            spawned,
            connections,
            counts,
            ..
        } = self;
        PoolStats {
            permits: instances.permits(),
            taken: instances.taken(),
            waiting: instances.waiting(),
            kept: self.registry.warm(),
            spawned: (spawned.permits(), spawned.taken()),
            connections: (connections.permits(), connections.taken()),
            made: counts.made.get(),
            put_back: counts.put_back.get(),
            reused: counts.reused.get(),
        }
    }
}
