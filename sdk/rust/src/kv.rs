//! The durable store of the node, in buckets. Needs `allow-storage`.
//!
//! ```no_run
//! let visits = rusm_rs::kv::bucket("visits");
//! let count = visits.increment("home", 1)?;
//! # Ok::<(), String>(())
//! ```
//!
//! A write is on disk when the function returns. Errors are the host's text: the grant is missing,
//! the node has no store (`[node] store` in `rusm.toml`), or the store failed.

use crate::bindings::rusm::runtime::kv;

/// Returns the bucket of that name, without accessing the store.
pub fn bucket(name: impl Into<String>) -> Bucket {
    Bucket { name: name.into() }
}

/// A named part of the store, which maps keys to bytes.
#[derive(Clone, Debug)]
pub struct Bucket {
    name: String,
}

impl Bucket {
    /// Returns the value of a key.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, String> {
        kv::get(&self.name, key)
    }

    /// Sets the value of a key.
    pub fn set(&self, key: &str, value: &[u8]) -> Result<(), String> {
        kv::set(&self.name, key, value)
    }

    /// Deletes a key. Returns whether it existed.
    pub fn delete(&self, key: &str) -> Result<bool, String> {
        kv::delete(&self.name, key)
    }

    /// Returns whether a key exists.
    pub fn exists(&self, key: &str) -> Result<bool, String> {
        kv::exists(&self.name, key)
    }

    /// Returns all keys, sorted.
    pub fn list(&self) -> Result<Vec<String>, String> {
        kv::list(&self.name)
    }

    /// Returns the keys that begin with `prefix`, sorted; at most `limit` of them, or all if it is 0.
    pub fn list_prefix(&self, prefix: &str, limit: u32) -> Result<Vec<String>, String> {
        kv::list_prefix(&self.name, prefix, limit)
    }

    /// Sets a key to `value`, or deletes it for `None`, if its current value is `expected`; `None`
    /// expects that the key does not exist. Returns whether the value was as expected.
    pub fn compare_and_set(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        value: Option<&[u8]>,
    ) -> Result<bool, String> {
        kv::compare_and_set(&self.name, key, expected, value)
    }

    /// Adds `by` to a number, which is stored as decimal text, and returns the sum. A key that does
    /// not exist counts as 0.
    pub fn increment(&self, key: &str, by: i64) -> Result<i64, String> {
        kv::increment(&self.name, key, by)
    }
}
