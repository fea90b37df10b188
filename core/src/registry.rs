//! The registry of names of a node, and each shard's cache of it.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thiserror::Error;

use crate::pid::Pid;
use crate::quota::MAX_NAME;

/// The reason why a process could not get a name or join a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// Another process has the name.
    #[error("the name belongs to process {0}")]
    Taken(Pid),
    /// The name is reserved for a supervised process, even while that does not live.
    #[error("the name is reserved for a resident service")]
    Reserved,
    /// The process has as many names or groups as it may have.
    #[error("the process has too many of them already")]
    TooMany,
    /// The name is longer than [`MAX_NAME`].
    #[error("it is longer than 256 bytes")]
    TooLong,
    /// There is no such process.
    #[error("no such process")]
    NoProcess,
}

/// A name that only processes spawned with this can have, one at a time. It stays reserved for as long
/// as the node lives, so no other process gets it while a service restarts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReservedName(Arc<str>);

impl ReservedName {
    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn shared(&self) -> &Arc<str> {
        &self.0
    }
}

/// All names, shared by the shards.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    /// Changes whenever a name does, which invalidates the caches of the shards.
    version: AtomicU64,
    names: Mutex<Names>,
}

#[derive(Debug, Default)]
struct Names {
    holders: HashMap<Arc<str>, Pid>,
    reserved: HashSet<Arc<str>>,
}

impl Registry {
    /// Reserves a name for the processes that get it by the result.
    pub(crate) fn reserve(&self, name: &str) -> Result<ReservedName, RegisterError> {
        if name.len() > MAX_NAME {
            return Err(RegisterError::TooLong);
        }
        let mut names = self.lock();
        if names.reserved.contains(name) {
            return Err(RegisterError::Reserved);
        }
        if let Some(holder) = names.holders.get(name) {
            return Err(RegisterError::Taken(*holder));
        }
        let name: Arc<str> = name.into();
        names.reserved.insert(name.clone());
        Ok(ReservedName(name))
    }

    pub(crate) fn insert(&self, name: &Arc<str>, pid: Pid) -> Result<(), RegisterError> {
        let mut names = self.lock();
        if names.reserved.contains(name) && names.holders.get(name) != Some(&pid) {
            return Err(RegisterError::Reserved);
        }
        self.give(&mut names, name, pid)
    }

    pub(crate) fn insert_reserved(
        &self,
        name: &ReservedName,
        pid: Pid,
    ) -> Result<(), RegisterError> {
        self.give(&mut self.lock(), &name.0, pid)
    }

    fn give(&self, names: &mut Names, name: &Arc<str>, pid: Pid) -> Result<(), RegisterError> {
        match names.holders.get(name) {
            Some(holder) if *holder == pid => Ok(()),
            Some(holder) => Err(RegisterError::Taken(*holder)),
            None => {
                names.holders.insert(name.clone(), pid);
                self.changed();
                Ok(())
            }
        }
    }

    /// Removes a name of a process. Returns false if the process does not have it.
    pub(crate) fn remove(&self, name: &str, pid: Pid) -> bool {
        let mut names = self.lock();
        if names.holders.get(name) != Some(&pid) {
            return false;
        }
        names.holders.remove(name);
        self.changed();
        true
    }

    pub(crate) fn is_reserved(&self, name: &str) -> bool {
        self.lock().reserved.contains(name)
    }

    pub(crate) fn get(&self, name: &str) -> Option<Pid> {
        self.lock().holders.get(name).copied()
    }

    /// Returns a name of a process, found by a search through all names.
    pub(crate) fn name_of(&self, pid: Pid) -> Option<Arc<str>> {
        let names = self.lock();
        let mut holders = names.holders.iter();
        holders
            .find(|(_, holder)| **holder == pid)
            .map(|(name, _)| name.clone())
    }

    /// Returns the number of registered names.
    pub(crate) fn len(&self) -> usize {
        self.lock().holders.len()
    }

    /// Invalidates the caches. Called with the names locked, so a reader of the new version finds the new
    /// names.
    fn changed(&self) {
        self.version.fetch_add(1, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One shard's cache of names. A look-up costs one atomic load while no name changes.
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
        // Unregistered names are not cached: guests could ask for any number of them. A name that
        // changes between the load and the look-up is newer than the version, so it is looked up
        // again.
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

    #[test]
    fn a_reserved_name_is_its_owners_between_lives_too() {
        let registry = Registry::default();
        let (service, other) = (Pid::from_raw(1), Pid::from_raw(2));
        registry.insert(&"taken".into(), other).unwrap();
        let taken = registry.reserve("taken");
        assert_eq!(taken, Err(RegisterError::Taken(other)));
        let name = registry.reserve("victim").unwrap();
        assert_eq!(registry.reserve("victim"), Err(RegisterError::Reserved));
        let insert_other = || registry.insert(&"victim".into(), other);
        assert_eq!(insert_other(), Err(RegisterError::Reserved));
        registry.insert_reserved(&name, service).unwrap();
        assert_eq!(insert_other(), Err(RegisterError::Reserved));
        assert_eq!(registry.insert(&"victim".into(), service), Ok(()));
        assert!(registry.remove("victim", service));
        assert_eq!(insert_other(), Err(RegisterError::Reserved));
        assert_eq!(registry.get("victim"), None);
    }
}
