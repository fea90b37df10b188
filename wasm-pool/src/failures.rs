//! Counts of failed processes, by kind: those of this thread, and so of its shard.

use std::cell::Cell;

use crate::error::ProcessError;

/// The kind of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FailureKind {
    /// The guest trapped.
    Trap,
    /// The guest used up its stack, and trapped on it.
    Stack,
    /// The guest wanted more memory than it may have, and trapped on it.
    Memory,
    /// The guest took too long.
    Timeout,
    /// The guest gave no response, or an invalid one.
    Response,
    /// The process was ended by another, or by itself.
    Ended,
    /// The host could not start the process.
    Host,
    /// No instance came free.
    PoolFull,
    /// As many connections were held as may be.
    HeldLimit,
    /// Processes that wait took as much memory as they may.
    ProcessMemory,
    /// The server stopped.
    Stopping,
}

impl FailureKind {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 11] = [
        Self::Trap,
        Self::Stack,
        Self::Memory,
        Self::Timeout,
        Self::Response,
        Self::Ended,
        Self::Host,
        Self::PoolFull,
        Self::HeldLimit,
        Self::ProcessMemory,
        Self::Stopping,
    ];

    /// Counts a failure of this kind.
    pub fn count(self) {
        COUNTS.with(|counts| {
            if let Some(count) = counts.get(self as usize) {
                count.set(count.get() + 1);
            }
        });
    }

    /// Returns whether no process was started: the request was refused.
    pub fn is_refusal(self) -> bool {
        matches!(
            self,
            Self::PoolFull | Self::HeldLimit | Self::ProcessMemory | Self::Stopping
        )
    }
}

impl ProcessError {
    /// Counts it. This is called where a failure ends, once for each process that failed: where it is logged, or handed
    /// to the guest that waits.
    pub fn count(&self) {
        self.kind().count();
    }

    /// Returns its kind.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Trap { .. } => FailureKind::Trap,
            Self::Stack { .. } | Self::CallStack { .. } => FailureKind::Stack,
            Self::MemoryLimit { .. } => FailureKind::Memory,
            Self::Timeout { .. } => FailureKind::Timeout,
            Self::Answer { .. } => FailureKind::Response,
            Self::Ended { .. } => FailureKind::Ended,
            Self::Host { .. } => FailureKind::Host,
            Self::PoolFull { .. } => FailureKind::PoolFull,
            Self::ConnectionLimitReached => FailureKind::HeldLimit,
            Self::ProcessMemoryFull => FailureKind::ProcessMemory,
            Self::Stopping => FailureKind::Stopping,
        }
    }
}

/// Returns how often each kind was counted on this thread.
pub fn failures() -> [(FailureKind, u64); FailureKind::ALL.len()] {
    COUNTS.with(|counts| {
        FailureKind::ALL.map(|kind| (kind, counts.get(kind as usize).map_or(0, Cell::get)))
    })
}

thread_local! {
    static COUNTS: [Cell<u64>; FailureKind::ALL.len()] = const { [const { Cell::new(0) }; FailureKind::ALL.len()] };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_own_count() {
        for (number, kind) in FailureKind::ALL.into_iter().enumerate() {
            for _ in 0..number {
                kind.count();
            }
        }
        for (number, (kind, count)) in failures().into_iter().enumerate() {
            assert_eq!((kind as usize, count), (number, number as u64));
        }
    }
}
