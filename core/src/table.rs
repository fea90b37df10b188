//! The process table of one shard.

use std::time::Instant;

use slab::Slab;

use crate::exit::End;
use crate::pid::{Pid, ShardId};
use crate::process::Process;

#[derive(Debug)]
pub(crate) struct Table {
    shard: ShardId,
    processes: Slab<Process>,
    /// Indexed by slot: the generation of the process in it, or of the last one. As long as the
    /// largest slot that was ever used.
    generations: Vec<u32>,
    /// The slots of processes that have a deadline, unordered. Processes without one cost nothing when
    /// deadlines are checked.
    timed: Vec<u32>,
}

impl Table {
    pub(crate) fn new(shard: ShardId) -> Self {
        Self {
            shard,
            processes: Slab::new(),
            generations: Vec::new(),
            timed: Vec::new(),
        }
    }

    /// Adds a process. Returns `None` when the table is full, with 2^20 processes.
    pub(crate) fn insert(&mut self, deadline: Option<Instant>, spawned: bool) -> Option<Pid> {
        let index = self.processes.vacant_key();
        let slot = u32::try_from(index)
            .ok()
            .filter(|slot| *slot <= Pid::MAX_SLOT)?;
        if index == self.generations.len() {
            self.generations.push(0);
        }
        let generation = &mut self.generations[index];
        *generation = (*generation + 1) & Pid::MAX_GENERATION;
        let pid = Pid::new(self.shard, slot, *generation);
        self.processes.insert(Process {
            deadline: None,
            timed: None,
            end: None,
            spawned,
            waker: None,
            state: None,
        });
        if deadline.is_some() {
            self.set_deadline(pid, deadline);
        }
        Some(pid)
    }

    pub(crate) fn get(&self, pid: Pid) -> Option<&Process> {
        if !self.is_current(pid) {
            return None;
        }
        self.processes.get(pid.slot() as usize)
    }

    pub(crate) fn get_mut(&mut self, pid: Pid) -> Option<&mut Process> {
        if !self.is_current(pid) {
            return None;
        }
        self.processes.get_mut(pid.slot() as usize)
    }

    pub(crate) fn remove(&mut self, pid: Pid) -> Option<Process> {
        if !self.is_current(pid) {
            return None;
        }
        let process = self.processes.try_remove(pid.slot() as usize)?;
        self.forget_timed(process.timed);
        Some(process)
    }

    pub(crate) fn set_deadline(&mut self, pid: Pid, deadline: Option<Instant>) {
        let place = u32::try_from(self.timed.len()).ok();
        let Some(process) = self.get_mut(pid) else {
            return;
        };
        process.deadline = deadline;
        match (deadline, process.timed) {
            (Some(_), None) => {
                process.timed = place;
                self.timed.push(pid.slot());
            }
            (None, Some(_)) => {
                if let Some(state) = &mut process.state {
                    state.awaited = false;
                }
                let timed = process.timed.take();
                self.forget_timed(timed);
            }
            _ => {}
        }
    }

    /// Returns the processes whose deadline has passed, each once.
    pub(crate) fn expired(&mut self, now: Instant) -> Vec<Pid> {
        let mut expired = Vec::new();
        for slot in &self.timed {
            let Some(process) = self.processes.get_mut(*slot as usize) else {
                continue;
            };
            if process.deadline.is_some_and(|deadline| deadline <= now) && process.end.is_none() {
                process.end = Some(End::Deadline);
                let generation = self.generations[*slot as usize];
                expired.push(Pid::new(self.shard, *slot, generation));
            }
        }
        expired
    }

    pub(crate) fn pids(&self) -> Vec<Pid> {
        let slots = self.processes.iter();
        slots
            .map(|(slot, _)| Pid::new(self.shard, slot as u32, self.generations[slot]))
            .collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.processes.len()
    }

    fn is_current(&self, pid: Pid) -> bool {
        pid.shard() == self.shard
            && self.generations.get(pid.slot() as usize) == Some(&pid.generation())
    }

    fn forget_timed(&mut self, place: Option<u32>) {
        let Some(place) = place else { return };
        self.timed.swap_remove(place as usize);
        if let Some(moved) = self.timed.get(place as usize)
            && let Some(process) = self.processes.get_mut(*moved as usize)
        {
            process.timed = Some(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_stale_pid_never_names_the_next_process() {
        let mut table = Table::new(ShardId::new(3));
        let stale = table.insert(None, false).unwrap();
        table.remove(stale).unwrap();
        let second = table.insert(None, false).unwrap();
        assert_eq!(second.slot(), stale.slot());
        assert!(table.get(second).is_some());
        assert!(table.get(stale).is_none());
        assert!(table.remove(stale).is_none());
    }

    #[test]
    fn a_pid_of_another_shard_is_not_alive_here() {
        let mut here = Table::new(ShardId::new(0));
        let mut there = Table::new(ShardId::new(1));
        let pid = there.insert(None, false).unwrap();
        here.insert(None, false).unwrap();
        assert!(here.get(pid).is_none());
    }

    proptest! {
        #[test]
        fn deadlines_end_whom_they_concern_once(
            ops in prop::collection::vec((0u8..4, any::<u16>()), 0..200)
        ) {
            let mut table = Table::new(ShardId::new(0));
            let start = Instant::now();
            let at = |ms: u16| start + Duration::from_millis(ms.into());
            let mut live: Vec<(Pid, Option<u16>, bool)> = Vec::new();
            let mut seen = HashSet::new();
            for (op, value) in ops {
                let index = value as usize % live.len().max(1);
                match op {
                    0 => {
                        let deadline = (value % 2 == 0).then_some(value);
                        let pid = table.insert(deadline.map(at), false).unwrap();
                        prop_assert!(seen.insert(pid));
                        live.push((pid, deadline, false));
                    }
                    1 if !live.is_empty() => {
                        let (pid, ..) = live.swap_remove(index);
                        prop_assert!(table.remove(pid).is_some());
                    }
                    2 if !live.is_empty() => {
                        live[index].1 = (value % 3 == 0).then_some(value);
                        table.set_deadline(live[index].0, live[index].1.map(at));
                    }
                    _ => {
                        let mut expected: Vec<_> = live
                            .iter_mut()
                            .filter(|(_, deadline, over)| !over && deadline.is_some_and(|ms| ms <= value))
                            .map(|(pid, _, over)| { *over = true; pid.as_raw() })
                            .collect();
                        let mut expired: Vec<_> =
                            table.expired(at(value)).into_iter().map(Pid::as_raw).collect();
                        expected.sort_unstable();
                        expired.sort_unstable();
                        prop_assert_eq!(expired, expected);
                    }
                }
                prop_assert_eq!(table.len(), live.len());
                let timed = live.iter().filter(|(_, deadline, _)| deadline.is_some()).count();
                prop_assert_eq!(table.timed.len(), timed);
            }
        }
    }
}
