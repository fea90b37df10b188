//! Typed identifiers of calls, monitors, streams, frame queues and timers.

use std::fmt;

use rustc_hash::FxHashMap;

use crate::pid::{Pid, ShardId};

macro_rules! ids {
    ($($(#[$docs:meta])* $name:ident;)*) => {$(
        $(#[$docs])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(u64);

        impl $name {
            /// Creates the identifier from the number that a guest passed back. Any number is
            /// valid; most identify nothing.
            pub const fn from_raw(raw: u64) -> Self {
                Self(raw)
            }

            /// Returns the number that a guest holds; never 0.
            pub const fn as_raw(self) -> u64 {
                self.0
            }

            /// Returns the shard that issued it.
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
    /// A call that waits for its answer. Issued by the caller's shard.
    CallId;
    /// A monitor. Issued by the watcher's shard.
    MonitorRef;
    /// A byte stream between two processes. Issued by the shard of the process that opened it.
    StreamId;
    /// A queue of frames between two processes of the shard that issued it.
    FrameQueueId;
    /// A timer. Issued by the shard that keeps it.
    TimerRef;
}

/// A map by identifier. Shards count identifiers up themselves, so guests can't choose colliding
/// ones, and a fast hash without protection against that is enough.
pub(crate) type IdMap<K, V> = FxHashMap<K, V>;

/// The source of a shard's identifiers: 16 bits of shard, then a count from 1.
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
