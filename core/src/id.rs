//! Numbers that name what a shard has, and that can't be mistaken for one another.

use std::fmt;

use rustc_hash::FxHashMap;

use crate::pid::{Pid, ShardId};

macro_rules! ids {
    ($($(#[$docs:meta])* $name:ident;)*) => {$(
        $(#[$docs])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(u64);

        impl $name {
            /// What a guest passed back as a number. Most numbers name nothing.
            pub const fn from_raw(raw: u64) -> Self {
                Self(raw)
            }

            /// The number that a guest holds; never 0.
            pub const fn as_raw(self) -> u64 {
                self.0
            }

            /// The shard that made it.
            pub const fn shard(self) -> ShardId {
                Pid::from_raw(self.0).shard()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:x}", self.0)
            }
        }
    )*};
}

ids! {
    /// A call that waits for its answer. Made by the caller's shard.
    CallId;
    /// A monitor. Made by the watcher's shard.
    MonitorRef;
    /// A byte stream between two processes. Made by the shard of the process that opened it.
    StreamId;
    /// A timer. Made by the shard that keeps it.
    TimerRef;
}

/// What a shard keeps by number. It counts them itself, so that nobody can choose numbers that
/// collide, and a hash that is made for that would only take its time.
pub(crate) type IdMap<K, V> = FxHashMap<K, V>;

/// The next number of a shard: 16 bits of shard, and then a count that begins at 1.
#[derive(Debug)]
pub(crate) struct Counter(u64);

impl Counter {
    pub(crate) fn new(shard: ShardId) -> Self {
        Self((shard.index() as u64) << 48)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }
}
