//! The threads that read.

use std::sync::mpsc::Receiver;
use std::sync::{Mutex, PoisonError};

use redb::{ReadOnlyTable, ReadableDatabase, StorageError};

use crate::error::StoreError;
use crate::file::{ENTRIES, StoreFile};

/// A read that waits for its snapshot.
pub(crate) type Read = Box<dyn FnOnce(&StoreFile) + Send>;

/// A snapshot of the entries.
pub(crate) type Snapshot = ReadOnlyTable<(&'static str, &'static str), &'static [u8]>;

/// Serves `queue`, together with other readers, until all its senders are dropped and it is empty.
pub(crate) fn run(file: &StoreFile, queue: &Mutex<Receiver<Read>>) {
    loop {
        // One reader waits on the queue and the others on the lock, which is released before the work.
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(read) => read(file),
            Err(_) => return,
        }
    }
}

/// Runs `look` on a snapshot that is taken now.
pub(crate) fn in_snapshot<T>(
    file: &StoreFile,
    look: impl FnOnce(&Snapshot) -> Result<T, StorageError>,
) -> Result<T, StoreError> {
    file.with(|database| {
        let snapshot = database.begin_read()?.open_table(ENTRIES)?;
        Ok(look(&snapshot)?)
    })
}

pub(crate) fn get(entries: &Snapshot, name: (&str, &str)) -> Result<Option<Vec<u8>>, StorageError> {
    Ok(entries.get(name)?.map(|value| value.value().to_vec()))
}

pub(crate) fn exists(entries: &Snapshot, name: (&str, &str)) -> Result<bool, StorageError> {
    Ok(entries.get(name)?.is_some())
}

/// Lists the keys of `bucket` that begin with `prefix`, in order, at most `limit` (0: all).
pub(crate) fn list(
    entries: &Snapshot,
    bucket: &str,
    prefix: &str,
    limit: usize,
) -> Result<Vec<String>, StorageError> {
    let limit = if limit == 0 { usize::MAX } else { limit };
    let mut keys = Vec::new();
    for entry in entries.range((bucket, prefix)..)?.take(limit) {
        let (name, _) = entry?;
        let (in_bucket, key) = name.value();
        // The first that doesn't match comes after all that do.
        if in_bucket != bucket || !key.starts_with(prefix) {
            break;
        }
        keys.push(key.to_owned());
    }
    Ok(keys)
}

/// Lists all buckets that have a key, in order, with one seek for each.
pub(crate) fn buckets(entries: &Snapshot) -> Result<Vec<String>, StorageError> {
    let mut buckets = Vec::new();
    let mut from = String::new();
    while let Some(entry) = entries.range((from.as_str(), "")..)?.next() {
        let bucket = entry?.0.value().0.to_owned();
        // The smallest name that comes after this bucket's.
        from = format!("{bucket}\0");
        buckets.push(bucket);
    }
    Ok(buckets)
}
