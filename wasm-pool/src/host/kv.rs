//! `rusm:runtime/kv@0.1.0`: the durable store of the node.

use rusm_store::Store;

use crate::bindings::rusm::runtime::kv::Host;
use crate::runtime;
use crate::state::HostState;

impl Host for HostState {
    async fn get(
        &mut self,
        bucket: String,
        key: String,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, String>> {
        Ok(match self.store() {
            Ok(store) => text(store.get(&bucket, &key).await),
            Err(denied) => Err(denied),
        })
    }

    async fn set(
        &mut self,
        bucket: String,
        key: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), String>> {
        Ok(match self.store() {
            Ok(store) => text(store.set(&bucket, &key, value).await),
            Err(denied) => Err(denied),
        })
    }

    async fn delete(
        &mut self,
        bucket: String,
        key: String,
    ) -> wasmtime::Result<Result<bool, String>> {
        Ok(match self.store() {
            Ok(store) => text(store.delete(&bucket, &key).await),
            Err(denied) => Err(denied),
        })
    }

    async fn exists(
        &mut self,
        bucket: String,
        key: String,
    ) -> wasmtime::Result<Result<bool, String>> {
        Ok(match self.store() {
            Ok(store) => text(store.exists(&bucket, &key).await),
            Err(denied) => Err(denied),
        })
    }

    async fn list(&mut self, bucket: String) -> wasmtime::Result<Result<Vec<String>, String>> {
        self.list_prefix(bucket, String::new(), 0).await
    }

    async fn list_prefix(
        &mut self,
        bucket: String,
        prefix: String,
        limit: u32,
    ) -> wasmtime::Result<Result<Vec<String>, String>> {
        Ok(match self.store() {
            Ok(store) => text(store.list(&bucket, &prefix, limit as usize).await),
            Err(denied) => Err(denied),
        })
    }

    async fn compare_and_set(
        &mut self,
        bucket: String,
        key: String,
        expected: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
    ) -> wasmtime::Result<Result<bool, String>> {
        Ok(match self.store() {
            Ok(store) => text(store.compare_and_set(&bucket, &key, expected, value).await),
            Err(denied) => Err(denied),
        })
    }

    async fn increment(
        &mut self,
        bucket: String,
        key: String,
        by: i64,
    ) -> wasmtime::Result<Result<i64, String>> {
        Ok(match self.store() {
            Ok(store) => text(store.increment(&bucket, &key, by).await),
            Err(denied) => Err(denied),
        })
    }
}

impl HostState {
    fn store(&self) -> Result<Store, String> {
        if !self.capabilities.storage {
            return Err(self.lacks("allow-storage"));
        }
        let store = runtime::current().and_then(|runtime| runtime.store());
        store.ok_or_else(|| "the node has no store: set `store` under [node]".to_owned())
    }
}

fn text<T>(result: Result<T, rusm_store::StoreError>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}
