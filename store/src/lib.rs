//! The durable key-value store of a node: an embedded `redb` file, read and written by its own threads,
//! off the serving cores.
//!
//! - [`Store`]: the handle that shards hold. Each call puts its operation into a bounded queue, and
//!   returns a future that any executor can poll.
//! - `writer`: the one thread that writes. It takes all waiting writes, applies them in one
//!   transaction, makes that durable, and only then acknowledges each.
//! - `reader`: the threads that read. A snapshot is taken after the call, so it has all writes that were
//!   acknowledged before.
//! - `change`: writes as pure functions of the current value.
//! - `file`: creates, opens and checks the file, and reopens it after the disk was full.
//! - `counts`: the number of commits, and the time that they took.
//! - `name`: names of buckets and keys, within the `limits`.
//!
//! Writes are grouped into commits by load: while one commit is on its way to the disk, new writes wait
//! for the next. An idle store commits a single write at once.
//!
//! Without the feature `redb` the [`Store`] can't be opened (`absent`), for servers that store nothing.
//!
//! # Example
//!
#![cfg_attr(feature = "redb", doc = "```")]
#![cfg_attr(not(feature = "redb"), doc = "```ignore")]
//! use futures_executor::block_on;
//! use rusm_store::Store;
//!
//! let directory = tempfile::tempdir()?;
//! let store = Store::open(&directory.path().join("store.redb"))?;
//! block_on(store.set("users", "anna", b"admin".to_vec()))?;
//! assert_eq!(block_on(store.get("users", "anna"))?, Some(b"admin".to_vec()));
//! assert_eq!(block_on(store.increment("visits", "anna", 1))?, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

#[cfg(not(feature = "redb"))]
mod absent;
#[cfg(feature = "redb")]
mod change;
mod counts;
mod error;
#[cfg(feature = "redb")]
mod file;
mod limits;
#[cfg(feature = "redb")]
mod name;
#[cfg(feature = "redb")]
mod queue;
#[cfg(feature = "redb")]
mod reader;
#[cfg(feature = "redb")]
mod store;
#[cfg(feature = "redb")]
mod writer;

#[cfg(not(feature = "redb"))]
pub use absent::Store;
pub use counts::{COMMIT_BOUNDS, StoreStats};
pub use error::{OpenError, StoreError};
pub use limits::{MAX_NAME, MAX_VALUE};
#[cfg(feature = "redb")]
pub use store::Store;
