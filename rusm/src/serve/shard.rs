//! One shard: a pinned thread, its event loop, its pool and its listeners.

use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::task::Poll;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use core_affinity::CoreId;
use futures_channel::oneshot;
use rusm_core::{Node, ReservedName, Shard, ShardId, fairness};
use rusm_store::Store;
use rusm_uring_net::connection::Settings;
use rusm_uring_net::{ConnectionLimit, Driver, Shard as NetShard, accept, shard};
use rusm_wasm_pool::pool::preempt::Activity;
use rusm_wasm_pool::{FailureKind, PoolSetup, ShardPool, WasiLimits};
use wasmtime::Engine;

use super::memory::BodyMemoryWatch;
use super::reload::Updates;
use super::services::{self, Service};
use super::shutdown::Shutdown;
use crate::CliError;
use crate::admin::{Queries, RequestMetrics, ServiceState, ShardView};
use crate::app::{self, Compiled};
use crate::gateway::{self, HttpGateway, ListenerSpec};

/// The parts of a shard, before it has a thread.
pub(super) struct ShardConfig {
    pub(super) id: ShardId,
    /// The core that it is pinned to, if any.
    pub(super) core: Option<CoreId>,
    pub(super) driver: Driver,
    pub(super) compiled: Arc<Compiled>,
    pub(super) node: Node,
    pub(super) store: Option<Store>,
    pub(super) services: Arc<[Service]>,
    pub(super) names: Arc<[ReservedName]>,
    pub(super) service_states: Arc<[ServiceState]>,
    pub(super) spawned: u32,
    /// Bytes of what is kept of processes that wait without an instance.
    pub(super) process_memory: u64,
    pub(super) connections: u32,
    pub(super) pool_wait: Duration,
    /// Maximum bytes of waiting bodies.
    pub(super) body_memory: u64,
    pub(super) wasi: WasiLimits,
    pub(super) listeners: Vec<ShardListener>,
    pub(super) shutdown: Shutdown,
    pub(super) updates: Updates,
    /// The questions of the admin listener.
    pub(super) queries: Queries,
    pub(super) grace: Duration,
    /// The signal to run the services: those of all shards have their names.
    pub(super) begin: Receiver<()>,
    /// The signal to accept connections: the services of all shards are up.
    pub(super) open: oneshot::Receiver<()>,
}

/// A shard's own socket of a listener, and its settings.
pub(super) struct ShardListener {
    pub(super) socket: std::net::TcpListener,
    pub(super) spec: ListenerSpec,
    pub(super) settings: Settings,
    pub(super) limit: ConnectionLimit,
}

/// An event that a shard reports to the thread that started it.
pub(super) enum Event {
    /// The components are loaded and the services have their names. The shard waits for the signal
    /// to run them.
    Loaded {
        engine: Engine,
        activity: Arc<Activity>,
    },
    /// The services are up. The shard waits for the signal to accept.
    Ready,
    /// The shard can't serve.
    Failed(CliError),
    /// The shard was told to stop, and has stopped.
    Ended { open_connections: usize },
}

/// Starts the thread of a shard.
pub(super) fn start(
    config: ShardConfig,
    events: Sender<Event>,
) -> Result<JoinHandle<()>, CliError> {
    let thread = thread::Builder::new().name(format!("rusm-shard-{}", config.id));
    let run = move || {
        if let Some(core) = config.core {
            core_affinity::set_for_current(core);
        }
        let driver = config.driver;
        let serving = || driver.block_on(|| run(config, events.clone()));
        // A shard that ended would leave a listening socket without anybody who accepts. The node
        // ends, so that it is restarted.
        let failure = match catch_unwind(AssertUnwindSafe(serving)) {
            Ok(Ok(())) => return,
            Ok(Err(error)) => CliError::Driver { driver, error },
            Err(_) => CliError::ShardGone,
        };
        let _ = events.send(Event::Failed(failure));
    };
    thread.spawn(run).map_err(|error| CliError::System {
        what: "a shard's thread could not be started",
        error,
    })
}

async fn run(config: ShardConfig, events: Sender<Event>) {
    if let Err(failure) = serve(config, &events).await {
        let _ = events.send(Event::Failed(failure));
    }
    // The event loop must not be dropped while operations are in flight. The process is about to
    // end.
    pending::<()>().await;
}

async fn serve(config: ShardConfig, events: &Sender<Event>) -> Result<(), CliError> {
    let system = |what: &'static str| move |error| CliError::System { what, error };
    let shard = config.node.shard(config.id, |task| {
        monoio::spawn(task);
    });
    shard.enter();
    monoio::spawn(shard.serve_bus());
    monoio::spawn(shard.serve_timers(|at| monoio::time::sleep_until(at.into())));
    let mut turn = config
        .driver
        .turns()
        .map_err(system("a shard could not be set up"))?;
    monoio::spawn(fairness::serve_queue(async move || turn.pass().await));

    let pool = Rc::new(ShardPool::load(
        PoolSetup {
            engine: app::engine(&config.compiled.pool)?,
            shard: shard.clone(),
            instances: config.compiled.pool.instances,
            spawned: config.spawned,
            connections: config.connections,
            process_memory: config.process_memory,
            pool_wait: config.pool_wait,
            store: config.store,
            encode_event: gateway::encode_event,
            wasi: config.wasi,
        },
        &config.compiled.components,
    )?);
    pool.enter();
    let is_dev = config.updates.is_dev();
    let services = services::Residents {
        services: &config.services,
        names: &config.names,
        states: &config.service_states,
    };
    let starting = services::boot(&pool, services, is_dev)?;
    let loaded = Event::Loaded {
        engine: pool.engine().clone(),
        activity: pool.activity().clone(),
    };
    let _ = events.send(loaded);
    // This blocks the thread on purpose: a service that looks up another at its start finds it, on
    // any shard.
    if config.begin.recv().is_err() {
        return Ok(());
    }
    while_ticking(&shard, services::settle(starting, is_dev)).await?;
    let _ = events.send(Event::Ready);
    if config.open.await.is_err() {
        // The server will not start.
        return Ok(());
    }

    let net = NetShard::with_body_memory(config.body_memory);
    let mut gateways = Vec::new();
    let mut requests = Vec::new();
    for listener in config.listeners {
        let routes = listener.spec.routes.routes().len();
        let mut gateway = HttpGateway::new(pool.clone(), listener.spec)?;
        if config.queries.is_on() {
            let metrics = Rc::new(RequestMetrics::new(routes));
            gateway = gateway.metered(metrics.clone());
            requests.push(metrics);
        }
        let gateway = Rc::new(gateway);
        gateways.push(gateway.clone());
        let accepting = accept(
            listener.socket,
            listener.limit,
            net.clone(),
            Rc::new(listener.settings),
            gateway,
        );
        let events = events.clone();
        monoio::spawn(async move {
            if let Err(error) = accepting.await {
                let failure = system("a listener failed")(error);
                let _ = events.send(Event::Failed(failure));
            }
        });
    }
    let view = ShardView {
        net: &net,
        processes: &shard,
        pool: &pool,
        requests: &requests,
    };
    let each_tick = || {
        config.updates.apply(&pool, &gateways);
        config.queries.answer(&view);
    };
    let open_connections = watch(&net, &shard, &config.shutdown, config.grace, each_tick).await;
    pool.stop();
    tell_the_last(&net).await;
    let _ = events.send(Event::Ended { open_connections });
    Ok(())
}

/// Keeps the deadlines of processes until `future` is done.
async fn while_ticking<T>(processes: &Shard, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        let mut tick = pin!(monoio::time::sleep(shard::TICK));
        let done = poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending => tick.as_mut().poll(cx).map(|()| None),
        });
        match done.await {
            Some(done) => return done,
            None => expire(processes, Instant::now()),
        }
    }
}

/// Ends the processes that are past their deadline.
fn expire(processes: &Shard, now: Instant) {
    for (pid, component) in processes.expire(now) {
        FailureKind::Timeout.count();
        tracing::warn!(
            component = component.as_deref(),
            %pid,
            "waited for longer than it may, and was ended (function-timeout-ms, \
             request-timeout-ms)"
        );
    }
}

/// Logs messages and timers that were dropped at a limit.
fn log_losses(processes: &Shard) {
    let losses = processes.take_losses();
    for lost in losses.messages {
        tracing::warn!(
            component = lost.component.as_deref(),
            pid = %lost.pid,
            messages = lost.messages,
            "messages were dropped: its mailbox is full, or too small for them (mailbox-messages, \
             mailbox-kb)"
        );
    }
    if losses.timers > 0 {
        tracing::warn!(
            timers = losses.timers,
            "timers were dropped with the processes that had set them: the processes that they \
             were for have as many of those as they may"
        );
    }
}

/// Lets connections report to their clients that the processes have ended.
async fn tell_the_last(net: &NetShard) {
    for _ in 0..LAST_TICKS {
        if net.connections() == 0 {
            return;
        }
        monoio::time::sleep(shard::TICK).await;
        net.tick();
    }
}

/// Keeps the shard's deadlines until the shutdown is requested, and then until its connections have
/// ended or the grace period is over. Returns the number of connections still open.
async fn watch(
    net: &NetShard,
    processes: &Shard,
    shutdown: &Shutdown,
    grace: Duration,
    each_tick: impl Fn(),
) -> usize {
    let mut stopping_since = None;
    let mut losses_logged = Instant::now();
    let mut body_memory = BodyMemoryWatch::default();
    loop {
        monoio::time::sleep(shard::TICK).await;
        net.tick();
        each_tick();
        let now = Instant::now();
        body_memory.see(net.body_bytes(), now);
        expire(processes, now);
        if now.duration_since(losses_logged) >= LOSSES_INTERVAL {
            losses_logged = now;
            log_losses(processes);
        }
        if !shutdown.is_requested() {
            continue;
        }
        let since = *stopping_since.get_or_insert_with(|| {
            net.drain();
            now
        });
        let is_over = net.connections() == 0 && !net.is_accepting();
        if is_over || now.duration_since(since) >= grace {
            return net.connections();
        }
    }
}

/// The interval between reports of losses, a line for each process that had any.
const LOSSES_INTERVAL: Duration = Duration::from_secs(1);
/// Ticks within which the last responses are written: half a second.
const LAST_TICKS: u32 = 10;
