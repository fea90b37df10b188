//! Identifiers of shards and processes.

use std::fmt;

/// One pinned core with its own event loop, listeners, Wasm engine and process table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShardId(u16);

impl ShardId {
    /// Creates the identifier of the shard at this position in the order of their start.
    pub const fn new(index: u16) -> Self {
        Self(index)
    }

    /// Returns the position of the shard, from 0.
    pub const fn index(self) -> u16 {
        self.0
    }
}

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A process: a shard, a slot of its process table, and the slot's generation.
///
/// A slot is reused with the next generation, so a stale pid never reaches the process that lives in
/// the slot now. The 64 bits are those of the WIT type `rusm:runtime/types.pid`: 16 of shard, 20 of
/// slot, 28 of generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pid(u64);

impl Pid {
    pub(crate) const fn new(shard: ShardId, slot: u32, generation: u32) -> Self {
        let generation = generation & Self::MAX_GENERATION;
        Self(
            ((shard.index() as u64) << (SLOT_BITS + GENERATION_BITS))
                | ((slot as u64) << GENERATION_BITS)
                | generation as u64,
        )
    }

    /// Creates the pid from the number that a guest passed back. Any number is a pid; most identify no
    /// process.
    pub const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    /// Returns the number that a guest holds.
    pub const fn as_raw(self) -> u64 {
        self.0
    }

    /// Returns the shard that the process lives on.
    pub const fn shard(self) -> ShardId {
        ShardId::new((self.0 >> (SLOT_BITS + GENERATION_BITS)) as u16)
    }

    pub(crate) const fn slot(self) -> u32 {
        (self.0 >> GENERATION_BITS) as u32 & Self::MAX_SLOT
    }

    pub(crate) const fn generation(self) -> u32 {
        self.0 as u32 & Self::MAX_GENERATION
    }

    pub(crate) const MAX_SLOT: u32 = (1 << SLOT_BITS) - 1;
    pub(crate) const MAX_GENERATION: u32 = (1 << GENERATION_BITS) - 1;
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "<{}.{}.{}>",
            self.shard(),
            self.slot(),
            self.generation()
        )
    }
}

const SLOT_BITS: u32 = 20;
const GENERATION_BITS: u32 = 28;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_survives_at_its_limits() {
        let pid = Pid::new(ShardId::new(u16::MAX), Pid::MAX_SLOT, Pid::MAX_GENERATION);
        assert_eq!(pid.as_raw(), u64::MAX);
        assert_eq!(pid.shard(), ShardId::new(u16::MAX));
        assert_eq!(pid.slot(), Pid::MAX_SLOT);
        assert_eq!(pid.generation(), Pid::MAX_GENERATION);
        assert_eq!(Pid::from_raw(pid.as_raw()), pid);
    }

    #[test]
    fn prints_as_erlang_does() {
        assert_eq!(Pid::new(ShardId::new(1), 2, 3).to_string(), "<1.2.3>");
    }
}
