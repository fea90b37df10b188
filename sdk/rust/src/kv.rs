//! The durable store of the node, in buckets. Needs `allow-storage`.
//!
//! ```no_run
//! let visits = rusm_rs::kv::bucket("visits");
//! let count = visits.increment("home", 1)?;
//! # Ok::<(), String>(())
//! ```
//!
//! A write is on disk when the function returns. Every error is the host's text: the grant is
//! missing, the node has no store (`[node] store` in `rusm.toml`), or the store failed.

use crate::bindings::rusm::runtime::kv;

/// A bucket by its name. Nothing happens until it is used.
pub fn bucket(name: impl Into<String>) -> Bucket {
    Bucket { name: name.into() }
}

/// A named part of the store, from keys to bytes.
#[derive(Clone, Debug)]
pub struct Bucket {
    name: String,
}

impl Bucket {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, String> {
        kv::get(&self.name, key)
    }

    /// Sets the value of a key.
    pub fn set(&self, key: &str, value: &[u8]) -> Result<(), String> {
        kv::set(&self.name, key, value)
    }

    /// Deletes a key; whether it was there.
    pub fn delete(&self, key: &str) -> Result<bool, String> {
        kv::delete(&self.name, key)
    }

    /// Whether a key is there.
    pub fn exists(&self, key: &str) -> Result<bool, String> {
        kv::exists(&self.name, key)
    }

    /// All keys, sorted.
    pub fn list(&self) -> Result<Vec<String>, String> {
        kv::list(&self.name)
    }

    /// The keys that begin with `prefix`, sorted, at most `limit` of them (0: all).
    pub fn list_prefix(&self, prefix: &str, limit: u32) -> Result<Vec<String>, String> {
        kv::list_prefix(&self.name, prefix, limit)
    }

    /// Sets a key (`None`: deletes it) if its value is `expected` (`None`: if it is not there);
    /// whether it was.
    pub fn compare_and_set(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        value: Option<&[u8]>,
    ) -> Result<bool, String> {
        kv::compare_and_set(&self.name, key, expected, value)
    }

    /// Adds to a number, which is kept as decimal text and is 0 if it is not there; the new
    /// number.
    pub fn increment(&self, key: &str, by: i64) -> Result<i64, String> {
        kv::increment(&self.name, key, by)
    }
}
