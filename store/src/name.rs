//! Names of buckets and keys, within the limits.

use crate::error::StoreError;
use crate::limits::{MAX_NAME, MAX_VALUE};

/// A bucket and a key in it, both within the limits.
#[derive(Clone, Debug)]
pub(crate) struct EntryName {
    bucket: String,
    key: String,
}

impl EntryName {
    pub(crate) fn parse(bucket: &str, key: &str) -> Result<Self, StoreError> {
        Ok(Self {
            bucket: parse_bucket(bucket)?,
            key: parse_name("key", key)?,
        })
    }

    /// Returns the key of the table.
    pub(crate) fn as_pair(&self) -> (&str, &str) {
        (&self.bucket, &self.key)
    }

    /// Returns the length of both names in bytes.
    pub(crate) fn len(&self) -> usize {
        self.bucket.len() + self.key.len()
    }
}

pub(crate) fn parse_bucket(bucket: &str) -> Result<String, StoreError> {
    parse_name("bucket", bucket)
}

/// Checks a prefix; the empty one matches every key.
pub(crate) fn parse_prefix(prefix: &str) -> Result<String, StoreError> {
    if prefix.is_empty() {
        return Ok(String::new());
    }
    parse_name("prefix", prefix)
}

/// Checks the length of a value, and returns it in bytes.
pub(crate) fn check_value(value: &[u8]) -> Result<usize, StoreError> {
    if value.len() > MAX_VALUE {
        return Err(StoreError::ValueLength { len: value.len() });
    }
    Ok(value.len())
}

fn parse_name(what: &'static str, name: &str) -> Result<String, StoreError> {
    if name.is_empty() || name.len() > MAX_NAME {
        let len = name.len();
        return Err(StoreError::NameLength { what, len });
    }
    Ok(name.to_owned())
}
