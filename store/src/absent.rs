//! The store of a server that was compiled without the feature `redb`.

use std::path::Path;

use crate::counts::StoreStats;
use crate::error::{OpenError, StoreError};

/// A store that can't be opened, so none of its operations can be called.
#[derive(Clone)]
pub enum Store {}

#[expect(
    clippy::unused_async,
    clippy::missing_errors_doc,
    reason = "the operations are those of the store"
)]
impl Store {
    /// Fails with [`OpenError::NotCompiled`].
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let path = path.to_owned();
        Err(OpenError::NotCompiled { path })
    }

    /// See the store of the feature `redb`.
    pub async fn get(&self, _bucket: &str, _key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        match *self {}
    }

    /// See the store of the feature `redb`.
    pub async fn exists(&self, _bucket: &str, _key: &str) -> Result<bool, StoreError> {
        match *self {}
    }

    /// See the store of the feature `redb`.
    pub async fn list(
        &self,
        _bucket: &str,
        _prefix: &str,
        _limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        match *self {}
    }

    /// See the store of the feature `redb`.
    pub async fn buckets(&self) -> Result<Vec<String>, StoreError> {
        match *self {}
    }

    /// See the store of the feature `redb`.
    pub async fn set(&self, _bucket: &str, _key: &str, _value: Vec<u8>) -> Result<(), StoreError> {
        match *self {}
    }

    /// See the store of the feature `redb`.
    pub async fn delete(&self, _bucket: &str, _key: &str) -> Result<bool, StoreError> {
        match *self {}
    }

    /// See the store of the feature `redb`.
    pub async fn compare_and_set(
        &self,
        _bucket: &str,
        _key: &str,
        _expected: Option<Vec<u8>>,
        _value: Option<Vec<u8>>,
    ) -> Result<bool, StoreError> {
        match *self {}
    }

    /// See the store of the feature `redb`.
    pub async fn increment(&self, _bucket: &str, _key: &str, _by: i64) -> Result<i64, StoreError> {
        match *self {}
    }

    /// See the store of the feature `redb`.
    pub fn commits(&self) -> u64 {
        match *self {}
    }

    /// See the store of the feature `redb`.
    pub fn stats(&self) -> StoreStats {
        match *self {}
    }

    /// See the store of the feature `redb`.
    pub fn close(self) {
        match self {}
    }
}
