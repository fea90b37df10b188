//! The processes alive on one shard.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::Waker;
use std::time::Instant;

use slab::Slab;

use crate::pid::{Pid, ShardId};

/// The processes alive on one shard, by slot.
///
/// A deadline costs a running process nothing but the two words in which it stands: nobody
/// sets a timer for it. A process that computes looks at its own deadline when it is
/// preempted, and [`ProcessTable::expire`], called now and then, wakes those that wait.
#[derive(Clone)]
pub struct ProcessTable {
    inner: Rc<RefCell<Inner>>,
}

impl ProcessTable {
    /// An empty table for the processes of `shard`.
    pub fn new(shard: ShardId) -> Self {
        Self {
            inner: Rc::new(RefCell::new(Inner {
                shard,
                processes: Slab::new(),
                generations: Vec::new(),
            })),
        }
    }

    /// Start a process that has to end by `deadline`. It ends when the handle is dropped.
    ///
    /// `None` when the shard already has as many processes as a pid can tell apart (2^20).
    pub fn start(&self, deadline: Instant) -> Option<ProcessHandle> {
        let mut inner = self.inner.borrow_mut();
        let slot = inner.processes.vacant_key();
        let slot_number = u32::try_from(slot)
            .ok()
            .filter(|slot| *slot <= Pid::MAX_SLOT)?;
        if slot == inner.generations.len() {
            inner.generations.push(0);
        }
        inner.generations[slot] = (inner.generations[slot] + 1) & Pid::MAX_GENERATION;
        let pid = Pid::new(inner.shard, slot_number, inner.generations[slot]);
        inner.processes.insert(Process {
            deadline,
            expired: false,
            parked: None,
        });
        Some(ProcessHandle {
            table: self.clone(),
            pid,
        })
    }

    /// Whether `pid` names a process that is alive on this shard.
    pub fn is_alive(&self, pid: Pid) -> bool {
        let inner = self.inner.borrow();
        pid.shard() == inner.shard
            && inner.processes.contains(pid.slot() as usize)
            && inner.generations.get(pid.slot() as usize) == Some(&pid.generation())
    }

    /// How many processes are alive.
    pub fn len(&self) -> usize {
        self.inner.borrow().processes.len()
    }

    /// Whether no process is alive.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Mark every process whose deadline is not after `now`, and wake those that are parked.
    pub fn expire(&self, now: Instant) {
        // Wakers run code of the executor, which may come back to this table.
        let overdue: Vec<Waker> = {
            let mut inner = self.inner.borrow_mut();
            let late = inner.processes.iter_mut().filter_map(|(_, process)| {
                if process.expired || process.deadline > now {
                    return None;
                }
                process.expired = true;
                process.parked.take()
            });
            late.collect()
        };
        overdue.into_iter().for_each(Waker::wake);
    }
}

/// A live process, held by the host code that runs it.
pub struct ProcessHandle {
    table: ProcessTable,
    pid: Pid,
}

impl ProcessHandle {
    /// The name of the process, for as long as it lives.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// The process waits; `waker` runs it again. True if it is past its deadline and must
    /// end instead of waiting.
    pub fn park(&self, waker: &Waker) -> bool {
        let mut inner = self.table.inner.borrow_mut();
        let Some(process) = inner.processes.get_mut(self.pid.slot() as usize) else {
            return true;
        };
        match &mut process.parked {
            Some(parked) => parked.clone_from(waker),
            parked => *parked = Some(waker.clone()),
        }
        process.expired
    }
}

impl Drop for ProcessHandle {
    fn drop(&mut self) {
        let slot = self.pid.slot() as usize;
        let process = self.table.inner.borrow_mut().processes.try_remove(slot);
        drop(process);
    }
}

struct Inner {
    shard: ShardId,
    processes: Slab<Process>,
    /// By slot: the generation of the process in it, or of the last one. As long as the
    /// largest slot that was ever in use.
    generations: Vec<u32>,
}

struct Process {
    deadline: Instant,
    /// Set once, by [`ProcessTable::expire`].
    expired: bool,
    /// Runs the process again; present from its first wait on.
    parked: Option<Waker>,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn counting_waker() -> (Arc<Count>, Waker) {
        let count = Arc::new(Count(AtomicUsize::new(0)));
        (count.clone(), Waker::from(count))
    }

    #[test]
    fn a_stale_pid_never_names_the_next_process() {
        let table = ProcessTable::new(ShardId::new(3));
        let deadline = Instant::now();
        let first = table.start(deadline).unwrap();
        let stale = first.pid();
        drop(first);
        let second = table.start(deadline).unwrap();
        assert_eq!(second.pid().slot(), stale.slot());
        assert!(table.is_alive(second.pid()));
        assert!(!table.is_alive(stale));
    }

    #[test]
    fn a_pid_of_another_shard_is_not_alive_here() {
        let here = ProcessTable::new(ShardId::new(0));
        let there = ProcessTable::new(ShardId::new(1));
        let process = there.start(Instant::now()).unwrap();
        let _same_slot = here.start(Instant::now()).unwrap();
        assert!(!here.is_alive(process.pid()));
    }

    #[test]
    fn expiry_wakes_the_parked_once_and_spares_the_others() {
        let table = ProcessTable::new(ShardId::new(0));
        let now = Instant::now();
        let late = table.start(now).unwrap();
        let early = table.start(now + Duration::from_secs(60)).unwrap();
        let (late_wakes, late_waker) = counting_waker();
        let (early_wakes, early_waker) = counting_waker();
        assert!(!late.park(&late_waker));
        assert!(!early.park(&early_waker));
        table.expire(now);
        table.expire(now);
        assert_eq!(late_wakes.0.load(Ordering::Relaxed), 1);
        assert_eq!(early_wakes.0.load(Ordering::Relaxed), 0);
        assert!(late.park(&late_waker));
        assert!(!early.park(&early_waker));
    }

    proptest! {
        #[test]
        fn every_pid_is_used_once_and_the_table_empties(ops in prop::collection::vec(any::<u8>(), 0..200)) {
            let table = ProcessTable::new(ShardId::new(0));
            let deadline = Instant::now();
            let mut live = Vec::new();
            let mut seen = std::collections::HashSet::new();
            for op in ops {
                if op % 3 == 0 && !live.is_empty() {
                    let gone: ProcessHandle = live.swap_remove(op as usize % live.len());
                    let pid = gone.pid();
                    drop(gone);
                    prop_assert!(!table.is_alive(pid));
                } else {
                    let process = table.start(deadline).unwrap();
                    prop_assert!(seen.insert(process.pid()));
                    live.push(process);
                }
                prop_assert_eq!(table.len(), live.len());
                prop_assert!(live.iter().all(|process| table.is_alive(process.pid())));
            }
            live.clear();
            prop_assert!(table.is_empty());
        }
    }
}
