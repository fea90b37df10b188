//! The names of a node, and each shard's own copy of those that it looks up.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thiserror::Error;

use crate::pid::Pid;

/// Why a name or a group was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RegisterError {
    /// Another process has the name.
    #[error("the name belongs to process {0}")]
    Taken(Pid),
    /// The process has as many as it may.
    #[error("the process has too many of them already")]
    TooMany,
    /// It is longer than [`MAX_NAME`].
    #[error("it is longer than 256 bytes")]
    TooLong,
    /// There is no such process.
    #[error("no such process")]
    NoProcess,
}

/// Bytes of a name, and of a group's.
pub const MAX_NAME: usize = 256;

/// All names, shared by the shards.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    /// Moves whenever a name does: what a shard has copied is good until then.
    version: AtomicU64,
    names: Mutex<HashMap<Arc<str>, Pid>>,
}

impl Registry {
    pub(crate) fn insert(&self, name: &Arc<str>, pid: Pid) -> Result<(), RegisterError> {
        let mut names = self.lock();
        match names.get(name) {
            Some(holder) if *holder == pid => Ok(()),
            Some(holder) => Err(RegisterError::Taken(*holder)),
            None => {
                names.insert(name.clone(), pid);
                self.moved();
                Ok(())
            }
        }
    }

    /// Forget a name, if `pid` has it.
    pub(crate) fn remove(&self, name: &str, pid: Pid) -> bool {
        let mut names = self.lock();
        if names.get(name) != Some(&pid) {
            return false;
        }
        names.remove(name);
        self.moved();
        true
    }

    pub(crate) fn get(&self, name: &str) -> Option<Pid> {
        self.lock().get(name).copied()
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Called with the names locked: who reads the new version finds the new names.
    fn moved(&self) {
        self.version.fetch_add(1, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Pid>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one shard has looked up. A look-up costs one atomic load as long as no name moves.
#[derive(Debug, Default)]
pub(crate) struct NameCache {
    version: u64,
    names: HashMap<Arc<str>, Pid>,
}

impl NameCache {
    pub(crate) fn get(&mut self, name: &str, registry: &Registry) -> Option<Pid> {
        let version = registry.version.load(Ordering::Acquire);
        if self.version != version {
            self.names.clear();
            self.version = version;
        }
        if let Some(pid) = self.names.get(name) {
            return Some(*pid);
        }
        // Names that nobody has are not kept: guests could ask for any number of them. A name
        // that moves between the load and the look-up is newer than the version, and so is
        // looked up again.
        let pid = registry.get(name)?;
        self.names.insert(name.into(), pid);
        Some(pid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_good_until_a_name_moves() {
        let (registry, mut cache) = (Registry::default(), NameCache::default());
        let (one, two) = (Pid::from_raw(1), Pid::from_raw(2));
        let name: Arc<str> = "counter".into();
        assert_eq!(cache.get(&name, &registry), None);
        registry.insert(&name, one).unwrap();
        assert_eq!(registry.insert(&name, one), Ok(()));
        assert_eq!(registry.insert(&name, two), Err(RegisterError::Taken(one)));
        assert_eq!(cache.get(&name, &registry), Some(one));
        assert!(!registry.remove(&name, two));
        assert!(registry.remove(&name, one));
        assert_eq!(cache.get(&name, &registry), None);
        registry.insert(&name, two).unwrap();
        assert_eq!(cache.get(&name, &registry), Some(two));
        assert_eq!(registry.len(), 1);
    }
}
