//! What can go wrong, and what to do about it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

use crate::limits::{MAX_NAME, MAX_VALUE};

/// Why a store could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The file isn't there, and its directory neither.
    #[error("cannot create the store {}: there is no directory {}; create it first", path.display(), directory.display())]
    NoDirectory {
        /// The store.
        path: PathBuf,
        /// What is missing.
        directory: PathBuf,
    },
    /// Another process, or another [`Store`](crate::Store) of this one, has it open.
    #[error("the store {} is in use: a server runs on it; stop that first, or use another file", path.display())]
    InUse {
        /// The store.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{} is not a store ({reason}); it was left as it is: use another path, or move the file away", path.display())]
    NotAStore {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file was a store, and doesn't hold together.
    #[error("the store {} is damaged ({reason}); restore it from a backup, or move it away", path.display())]
    Damaged {
        /// The store.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A newer version of RUSM wrote it.
    #[error("the store {} was made by a newer version of RUSM ({reason}); use that version", path.display())]
    Newer {
        /// The store.
        path: PathBuf,
        /// Which format it has.
        reason: String,
    },
    /// The system refused.
    #[error("cannot open the store {}: {error}", path.display())]
    Io {
        /// The store.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// This `rusm` has no store.
    #[cfg(not(feature = "redb"))]
    #[error("cannot open the store {}: this rusm was compiled without the feature `store`", path.display())]
    NotCompiled {
        /// The store.
        path: PathBuf,
    },
    /// The threads that do the work could not be started.
    #[error("cannot start a thread of the store: {0}")]
    Thread(io::Error),
}

/// Why an operation was not done.
#[derive(Clone, Debug, Error)]
pub enum StoreError {
    /// As many operations wait as the store takes. Nothing was done.
    #[error("the store is busy: too many operations wait for the disk; try again later")]
    Busy,
    /// The name of a bucket, a key or a prefix is empty or too long.
    #[error("the {what} has {len} bytes: it must have 1 to {MAX_NAME}")]
    NameLength {
        /// `bucket`, `key` or `prefix`.
        what: &'static str,
        /// Its length in bytes.
        len: usize,
    },
    /// The value is too long.
    #[error("the value has {len} bytes: it may have {MAX_VALUE}")]
    ValueLength {
        /// Its length in bytes.
        len: usize,
    },
    /// What should be incremented is not a decimal number of 64 bits with sign.
    #[error(
        "bucket `{bucket}`, key `{key}`: the value is not a number, so it cannot be incremented"
    )]
    NotANumber {
        /// The bucket.
        bucket: String,
        /// The key in it.
        key: String,
    },
    /// The sum does not fit in 64 bits with sign. The value is as it was.
    #[error("bucket `{bucket}`, key `{key}`: {number} and {by} do not add up to a 64-bit number")]
    Overflow {
        /// The bucket.
        bucket: String,
        /// The key in it.
        key: String,
        /// What is there.
        number: i64,
        /// What should have been added.
        by: i64,
    },
    /// The file could not be read or written. A write was not acknowledged, and whether it is
    /// there after a restart is not known.
    #[error("the store failed: {0}")]
    Failed(Arc<str>),
    /// The store was closed before the operation was done.
    #[error("the store is closed")]
    Closed,
}
