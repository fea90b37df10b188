//! `examples/hello` on a shard of its own, without sockets.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rusm_core::{MailboxLimit, Node, ShardId};
use rusm_wasm_pool::http::{Request, Response};
use rusm_wasm_pool::pool::engine::{compiler_engine, shard_engine};
use rusm_wasm_pool::pool::limits::{FULL_RANGE, Footprint, PoolSize};
use rusm_wasm_pool::{
    ActionRef, Artifact, ArtifactCache, ComponentSource, PoolSetup, RequestId, ShardPool,
    WasiLimits,
};

/// A shard whose pool serves `hello#index`.
pub(crate) struct Shard {
    pool: ShardPool,
    index: ActionRef,
}

impl Shard {
    pub(crate) fn start(id: u16, artifact: &Artifact, size: PoolSize) -> Self {
        core_affinity::set_for_current(core_affinity::CoreId { id: id.into() });
        let hello = ComponentSource {
            name: "hello".into(),
            artifact: artifact.clone(),
            capabilities: Arc::new(capabilities()),
            actions: vec!["index".into()],
            mailbox: MailboxLimit::default(),
            function_timeout: TIMEOUT,
            symbolicate: None,
        };
        let engine = shard_engine(&size).expect("the pool fits the address space");
        let shard = Node::new(id + 1).shard(ShardId::new(id), drop);
        shard.enter();
        let setup = PoolSetup {
            process_memory: u64::MAX,
            engine,
            shard,
            instances: size.instances,
            spawned: 0,
            connections: 0,
            pool_wait: Duration::ZERO,
            store: None,
            encode_event: |_, _| Ok(()),
            wasi: WasiLimits::default(),
        };
        let pool = ShardPool::load(setup, &[hello]).expect("hello has its action");
        let index = pool
            .resolve("hello", "index")
            .expect("hello has its action");
        Self { pool, index }
    }

    /// A process that starts and ends.
    #[allow(dead_code, reason = "each bench takes what it needs")]
    pub(crate) fn spawn(&self) {
        ready(self.pool.start(self.index, TIMEOUT)).expect("it starts");
    }

    /// A process that starts, answers the request, and ends.
    pub(crate) fn call(&self, request: &Request<'_>) -> Response {
        ready(
            self.pool
                .call(self.index, request, &RequestId::None, TIMEOUT),
        )
        .expect("it answers")
    }
}

/// The component, and a pool of this many instances.
pub(crate) fn compile(instances: u32) -> (Artifact, PoolSize) {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../examples/hello/wasm/hello.wasm"
    );
    let wasm = std::fs::read(path).expect("examples/hello is built: run `make build`");
    let compiler = compiler_engine(FULL_RANGE).expect("Wasmtime runs here");
    let (artifact, _) = ArtifactCache::disabled()
        .get(&compiler, &wasm)
        .expect("hello compiles");
    let component = artifact.load(&compiler).expect("hello loads");
    let required = component
        .resources_required()
        .unwrap_or_else(|| unreachable!());
    let footprint = Footprint::new(
        &required,
        artifact.initial_memory(),
        capabilities().max_memory,
    );
    (artifact, PoolSize::derive(instances, 2, &[footprint]))
}

fn capabilities() -> rusm_config::Capabilities {
    let manifest =
        "[[serve]]\nlisten = \"127.0.0.1:0\"\n[serve.routes]\n\"GET /\" = \"hello#index\"";
    let app = rusm_config::parse("bench", manifest).expect("the manifest is right");
    let hello = app.components.into_values().next().expect("it names hello");
    hello.capabilities
}

/// The output of a future that has no reason to wait.
fn ready<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            return output;
        }
    }
}

const TIMEOUT: Duration = Duration::from_secs(1);
