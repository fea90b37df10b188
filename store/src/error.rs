//! Errors of opening a store, and of its operations.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

use crate::limits::{MAX_NAME, MAX_VALUE};

/// The reason why a store could not be opened. The message says what to do; an error of the system is
/// its source.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file does not exist, nor does its directory.
    #[error("cannot create the store {}: there is no directory {}; create it first", path.display(), directory.display())]
    NoDirectory {
        /// The store.
        path: PathBuf,
        /// The missing directory.
        directory: PathBuf,
    },
    /// Another process, or another [`Store`](crate::Store) of this process, has it open.
    #[error("the store {} is in use: a server runs on it; stop that first, or use another file", path.display())]
    InUse {
        /// The store.
        path: PathBuf,
    },
    /// The file is not a store.
    #[error("{} is not a store ({reason}); it was left as it is: use another path, or move the file away", path.display())]
    NotAStore {
        /// The file.
        path: PathBuf,
        /// The evidence.
        reason: String,
    },
    /// The file is a damaged store.
    #[error("the store {} is damaged ({reason}); restore it from a backup, or move it away", path.display())]
    Damaged {
        /// The store.
        path: PathBuf,
        /// The damage.
        reason: String,
    },
    /// A newer version of RUSM wrote it.
    #[error("the store {} was made by a newer version of RUSM ({reason}); use that version", path.display())]
    Newer {
        /// The store.
        path: PathBuf,
        /// The format that it has.
        reason: String,
    },
    /// The system refused.
    #[error("cannot open the store {}", path.display())]
    Io {
        /// The store.
        path: PathBuf,
        /// The error of the system.
        #[source]
        error: io::Error,
    },
    /// This `rusm` has no store.
    #[cfg(not(feature = "redb"))]
    #[error("cannot open the store {}: this rusm was compiled without the feature `store`", path.display())]
    NotCompiled {
        /// The store.
        path: PathBuf,
    },
    /// A thread of the store could not be started.
    #[error("cannot start a thread of the store")]
    Thread(#[source] io::Error),
}

/// The reason why an operation failed.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Too many operations are waiting. Nothing was done.
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
    /// The value to increment is not a signed 64-bit decimal number.
    #[error(
        "bucket `{bucket}`, key `{key}`: the value is not a number, so it cannot be incremented"
    )]
    NotANumber {
        /// The bucket.
        bucket: String,
        /// The key in it.
        key: String,
    },
    /// The sum does not fit into a signed 64-bit number. The value is unchanged.
    #[error("bucket `{bucket}`, key `{key}`: {number} and {by} do not add up to a 64-bit number")]
    Overflow {
        /// The bucket.
        bucket: String,
        /// The key in it.
        key: String,
        /// The current value.
        number: i64,
        /// The increment.
        by: i64,
    },
    /// The file could not be read or written. A write was not acknowledged, and may or may not be there
    /// after a restart.
    #[error("the store failed: {0}")]
    Failed(Arc<str>),
    /// The store was closed before the operation was done.
    #[error("the store is closed")]
    Closed,
}

/// Returns the message of an error, and those of its sources, as one line.
#[cfg(feature = "redb")]
pub(crate) fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
