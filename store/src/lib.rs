//! The durable key-value store of a node: an embedded `redb` file, worked on off the serving cores.
//!
//! - [`Store`]: what shards hold. Each operation goes into a bounded queue at the call, and is
//!   answered through a future that any executor can poll.
//! - `writer`: the one thread that writes. It takes all that waits, does it in one transaction,
//!   makes that durable, and only then acknowledges each.
//! - `reader`: the threads that read. A snapshot is taken after the operation was asked for, so
//!   it has everything that was acknowledged before.
//! - `change`: what each write does, as a pure function of the value that is there.
//! - `file`: the file: how it is made, opened, checked, and opened again when the disk was full.
//! - `name`: names of buckets and keys, within the `limits`.
//!
//! Commits group by themselves: while one is on its way to the disk, what comes waits for the
//! next. An idle store commits a single write at once.
//!
//! Without the feature `redb` there is a [`Store`] that can't be opened (`absent`), for servers that keep nothing.

#[cfg(not(feature = "redb"))]
mod absent;
#[cfg(feature = "redb")]
mod change;
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
pub use error::{OpenError, StoreError};
pub use limits::{MAX_NAME, MAX_VALUE};
#[cfg(feature = "redb")]
pub use store::Store;
