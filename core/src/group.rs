//! The process groups of a node, with members from all shards, as Erlang's `pg` has them.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::pid::Pid;

/// All groups, under striped locks, so that shards rarely contend.
#[derive(Debug)]
pub(crate) struct Groups {
    hasher: RandomState,
    stripes: Vec<Mutex<HashMap<Arc<str>, Members>>>,
}

impl Default for Groups {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            stripes: (0..STRIPES).map(|_| Mutex::default()).collect(),
        }
    }
}

impl Groups {
    /// Adds a member. Returns false if it was one already.
    pub(crate) fn join(&self, group: &Arc<str>, pid: Pid) -> bool {
        let mut groups = self.stripe(group);
        groups.entry(group.clone()).or_default().insert(pid)
    }

    /// Removes a member. Returns false if it was not one.
    pub(crate) fn leave(&self, group: &str, pid: Pid) -> bool {
        let mut groups = self.stripe(group);
        let Some(members) = groups.get_mut(group) else {
            return false;
        };
        let left = members.remove(pid);
        if members.pids.is_empty() {
            groups.remove(group);
        }
        left
    }

    pub(crate) fn members(&self, group: &str) -> Arc<[Pid]> {
        let mut groups = self.stripe(group);
        groups
            .get_mut(group)
            .map_or_else(|| Arc::from([]), Members::snapshot)
    }

    pub(crate) fn len(&self) -> usize {
        self.stripes.iter().map(|stripe| lock(stripe).len()).sum()
    }

    fn stripe(&self, group: &str) -> MutexGuard<'_, HashMap<Arc<str>, Members>> {
        let index = self.hasher.hash_one(group) as usize % self.stripes.len();
        lock(&self.stripes[index])
    }
}

fn lock(stripe: &Mutex<HashMap<Arc<str>, Members>>) -> MutexGuard<'_, HashMap<Arc<str>, Members>> {
    stripe.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The members of one group. Joining and leaving take constant time; the list for sending is kept
/// between changes.
#[derive(Debug, Default)]
struct Members {
    pids: Vec<Pid>,
    places: HashMap<Pid, usize>,
    /// The list of members, built on demand and dropped when a process joins or leaves.
    snapshot: Option<Arc<[Pid]>>,
}

impl Members {
    fn insert(&mut self, pid: Pid) -> bool {
        if self.places.contains_key(&pid) {
            return false;
        }
        self.places.insert(pid, self.pids.len());
        self.pids.push(pid);
        self.snapshot = None;
        true
    }

    fn remove(&mut self, pid: Pid) -> bool {
        let Some(place) = self.places.remove(&pid) else {
            return false;
        };
        self.pids.swap_remove(place);
        if let Some(moved) = self.pids.get(place) {
            self.places.insert(*moved, place);
        }
        self.snapshot = None;
        true
    }

    fn snapshot(&mut self) -> Arc<[Pid]> {
        self.snapshot
            .get_or_insert_with(|| self.pids.as_slice().into())
            .clone()
    }
}

const STRIPES: usize = 16;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn groups_have_whom_sets_would(
            ops in prop::collection::vec((0u64..8, 0usize..3, any::<bool>()), 0..100)
        ) {
            let names: [Arc<str>; 3] = ["a".into(), "b".into(), "c".into()];
            let groups = Groups::default();
            let mut model = [const { BTreeSet::new() }; 3];
            for (pid, group, join) in ops {
                if join {
                    let joined = groups.join(&names[group], Pid::from_raw(pid));
                    prop_assert_eq!(joined, model[group].insert(pid));
                } else {
                    let left = groups.leave(&names[group], Pid::from_raw(pid));
                    prop_assert_eq!(left, model[group].remove(&pid));
                }
                for (name, model) in names.iter().zip(&model) {
                    let members: BTreeSet<_> =
                        groups.members(name).iter().map(|pid| pid.as_raw()).collect();
                    prop_assert_eq!(&members, model);
                }
            }
            let inhabited = model.iter().filter(|members| !members.is_empty()).count();
            prop_assert_eq!(groups.len(), inhabited);
        }
    }
}
