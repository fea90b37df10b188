//! `rusm serve`: boots the shards, and waits for a signal to stop. `rusm dev` does the same, and
//! swaps in changed components.

mod banner;
mod cores;
#[cfg(feature = "build")]
mod dev;
mod files;
mod memory;
mod quota;
mod reload;
mod services;
mod shard;
mod shutdown;
mod vm_map_limit;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc;

use futures_channel::oneshot;
use rusm_config::{Cores, Limits, LogFormat};
use rusm_core::{Node, ShardId};
use rusm_uring_net::connection::Settings;
use rusm_uring_net::http1::{HeadLimits, HeaderLines};
use rusm_uring_net::{AccessLog, ConnectionLimit, Driver, bind};
use rusm_wasm_pool::pool::limits::Footprint;
use rusm_wasm_pool::pool::preempt::Ticker;
use rusm_wasm_pool::{Stdio, WasiLimits};

use crate::admin::{AdminServer, ListenerFacts, NodeState, Queries, ShardClient};
use crate::app::Application;
use crate::cli::{CompileArgs, Io, RunArgs, ServeArgs};
use crate::gateway::ListenerSpec;
use crate::tls::{self, Certificates};
use crate::{AppError, CliError};
use crate::{access_log, log};
use files::OpenFiles;
use reload::Updates;
use shard::{Event, ShardConfig, ShardListener};
use shutdown::Shutdown;

/// Serves an app until SIGINT, SIGTERM or SIGQUIT.
///
/// # Errors
/// If the app can't be served, or a shard fails later.
pub fn serve(args: &ServeArgs) -> Result<(), CliError> {
    let mode = if args.no_build || cfg!(not(feature = "build")) {
        Mode::NoBuild
    } else {
        Mode::Built
    };
    run(&args.run, mode)
}

/// Serves an app during development, until SIGINT, SIGTERM, SIGQUIT or SIGHUP.
///
/// # Errors
/// As for [`serve`].
#[cfg(feature = "build")]
pub fn dev(args: &RunArgs) -> Result<(), CliError> {
    run(args, Mode::Watched)
}

/// Compiles an app's components, so that serving it compiles nothing.
///
/// # Errors
/// If they can't be compiled, or the result can't be stored.
pub fn compile(args: &CompileArgs) -> Result<(), CliError> {
    let app = Application::open_without_secrets(&args.app)?;
    let _log = log::init(&app.manifest.log).map_err(CliError::Log)?;
    let shards = match args.cores.as_ref().or(app.manifest.node.cores.as_ref()) {
        // Not the cores of this machine: the server is another.
        Some(Cores::Count(count)) => count.get(),
        Some(Cores::List(list)) => list.len(),
        None => cores::choose(None)?.len(),
    };
    let dir = app.compile_ahead(shards)?;
    let count = app.manifest.components.len();
    log::print(format!(
        "compiled {count} component(s) into {}\n",
        dir.display()
    ));
    Ok(())
}

/// The handling of components whose sources have changed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// They are served as they are.
    NoBuild,
    /// They are built before the start.
    Built,
    /// They are built before the start and whenever they change.
    #[cfg(feature = "build")]
    Watched,
}

impl Mode {
    /// Returns whether the server is used for development.
    fn is_watched(self) -> bool {
        !matches!(self, Self::NoBuild | Self::Built)
    }

    /// Returns the capacity that the pools keep for larger components.
    fn spare(self) -> Option<Footprint> {
        match self {
            Self::NoBuild | Self::Built => None,
            #[cfg(feature = "build")]
            Self::Watched => Some(dev::SPARE),
        }
    }
}

/// Returns the memory of one of `shards` shards for what is kept of processes that wait without an instance.
fn process_memory(configured: Option<u64>, shards: usize) -> u64 {
    let all =
        configured.unwrap_or_else(|| quota::memory().map_or(UNKNOWN_MEMORY, |memory| memory / 2));
    all / shards.max(1) as u64
}

/// What waiting processes may use where the system does not say how much memory it has.
const UNKNOWN_MEMORY: u64 = 1 << 30;

fn run(args: &RunArgs, mode: Mode) -> Result<(), CliError> {
    // This must come first: see there.
    let certificates = Certificates::default();
    let shutdown = Shutdown::on_signals(mode.is_watched(), certificates.clone());
    let shutdown = shutdown.map_err(|error| CliError::System {
        what: "signals can't be handled",
        error,
    })?;
    let mut app = Application::open(&args.app)?;
    let _log = log::init(&app.manifest.log).map_err(CliError::Log)?;
    let files = OpenFiles::raise();
    override_listener(&mut app, args.listen)?;
    app.check_ground()?;
    let cores = cores::choose(args.cores.as_ref().or(app.manifest.node.cores.as_ref()))?;
    files.suffice(cores.len(), app.manifest.listeners.len())?;
    let stopping = shutdown.clone();
    let state = Arc::new(NodeState::new(move || stopping.is_requested()));
    let admin = app.manifest.admin.as_ref();
    let admin = admin.map(|admin| AdminServer::start(admin, &app.dir, state.clone()));
    let admin = admin.transpose()?;
    #[cfg(feature = "build")]
    if mode != Mode::NoBuild {
        app.build(args.types)?;
    }
    let driver = choose_driver(args.io)?;
    let services: Arc<[_]> = services::place(&app.manifest, cores.len())?.into();
    let store = app.open_store()?;
    let spare = mode.spare();
    let compiled = Arc::new(app.compile(cores.len(), spare)?);
    let instances = u64::from(compiled.pool.instances) * cores.len() as u64;
    vm_map_limit::warn_if_scarce(instances, u64::from(compiled.pool.memories_per_instance));

    let manifest = &app.manifest;
    let asked = manifest.listeners.iter();
    files.warn_if_scarce(asked.map(|l| u64::from(l.limits.max_connections)).sum());
    let access = manifest.log.access.then_some(manifest.log.format);
    let room = ConnectionLimit::new(files.connections());
    let mut listeners = Vec::new();
    for listener in &manifest.listeners {
        let addr = listener.addr;
        let acceptor = tls::acceptor(&app.dir, listener)?;
        if let Some(acceptor) = &acceptor {
            certificates.add(&app.dir, listener, acceptor.clone());
        }
        let with_ipv4 = takes_ipv4(addr, manifest.listeners.iter().map(|other| other.addr));
        let sockets = bind(addr, with_ipv4, cores.len())?;
        let mut bound = Listener::new(listener, sockets, &room, access)?;
        bound.settings.tls = acceptor;
        listeners.push(bound);
    }
    let addrs: Vec<_> = listeners.iter().map(|listener| listener.addr).collect();
    state.set_listeners(listeners.iter().map(Listener::facts).collect());
    state.set_store(store.clone());

    let wasi = WasiLimits {
        resources: files.resources_per_instance(instances),
        stdio: Stdio {
            out: |text| log::print(text),
            err: |text| log::print_error(text),
        },
    };
    let (events, inbox) = mpsc::channel();
    let node = Node::new(u16::try_from(cores.len()).unwrap_or(u16::MAX));
    let names = services::reserve(&node, &services)?;
    let service_states = services::states(&services);
    state.set_services(service_states.clone());
    let mut clients = Vec::new();
    let mut shards = Vec::new();
    let mut starts = Vec::new();
    let mut gates = Vec::new();
    #[cfg(feature = "build")]
    let mut updated = Vec::new();
    for (index, core) in cores.shards.iter().enumerate() {
        let (gate, open) = oneshot::channel();
        gates.push(gate);
        let (start, begin) = mpsc::channel();
        starts.push(start);
        let updates = match mode {
            Mode::NoBuild | Mode::Built => Updates::default(),
            #[cfg(feature = "build")]
            Mode::Watched => {
                let (sender, updates) = Updates::channel();
                updated.push(sender);
                updates
            }
        };
        let queries = match admin {
            Some(_) => {
                let (client, queries) = ShardClient::channel();
                clients.push(client);
                queries
            }
            None => Queries::default(),
        };
        let config = ShardConfig {
            id: ShardId::new(u16::try_from(index).unwrap_or(u16::MAX)),
            core: *core,
            driver,
            compiled: compiled.clone(),
            node: node.clone(),
            store: store.clone(),
            services: services.clone(),
            names: names.clone(),
            service_states: service_states.clone(),
            spawned: app.manifest.node.spawned_per_core,
            connections: app.manifest.node.held_per_core,
            pool_wait: app.manifest.node.pool_wait,
            process_memory: process_memory(app.manifest.node.process_memory, cores.shards.len()),
            body_memory: app.manifest.node.body_memory_per_core,
            wasi,
            listeners: listeners
                .iter_mut()
                .filter_map(Listener::for_next_shard)
                .collect(),
            shutdown: shutdown.clone(),
            updates,
            queries,
            grace: app.manifest.node.shutdown_grace,
            begin,
            open,
        };
        shards.push(shard::start(config, events.clone())?);
    }
    state.set_shards(clients);

    let mut engines = Vec::new();
    while engines.len() < shards.len() {
        match inbox.recv() {
            Ok(Event::Loaded { engine, activity }) => engines.push((engine, activity)),
            Ok(Event::Failed(failure)) => return Err(failure),
            Ok(Event::Ready | Event::Ended { .. }) | Err(_) => return Err(CliError::ShardGone),
        }
    }
    // Guests run from here on: a service whose `init` never returns is ended.
    let ticker = Ticker::start(engines);
    let _ticker = ticker.map_err(|error| CliError::System {
        what: "the ticker's thread could not be started",
        error,
    })?;
    for start in starts {
        let _ = start.send(());
    }
    for _ in &shards {
        match inbox.recv() {
            Ok(Event::Ready) => {}
            Ok(Event::Failed(failure)) => return Err(failure),
            Ok(Event::Loaded { .. } | Event::Ended { .. }) | Err(_) => {
                return Err(CliError::ShardGone);
            }
        }
    }
    // Shards may send events until they end.
    let _events = events;
    shutdown.serving();
    state.set_serving();
    // Every service of every shard is up, so the first request finds them all.
    for gate in gates {
        let _ = gate.send(());
    }
    #[cfg(feature = "build")]
    if mode == Mode::Watched {
        // Before the server reports that it is ready, so that later changes are seen.
        dev::start(dev::Session {
            app: app.clone(),
            manifest: args.app.manifest(),
            types: args.types,
            pool: compiled.pool,
            shards: updated,
        })?;
    }
    let served = banner::Contents {
        app: &app,
        addrs: &addrs,
        admin: admin.as_ref().map(AdminServer::addr),
        cores: &cores,
        driver,
        services: &services,
    };
    log::print(banner::of(&served));

    let mut running = shards.len();
    let mut aborted = 0;
    while running > 0 {
        match inbox.recv() {
            Ok(Event::Ended { open_connections }) => {
                running -= 1;
                aborted += open_connections;
            }
            Ok(Event::Failed(failure)) => return Err(failure),
            Ok(Event::Loaded { .. } | Event::Ready) => {}
            Err(_) => return Err(CliError::ShardGone),
        }
    }
    if aborted > 0 {
        tracing::warn!(
            connections = aborted,
            "stopped before these were answered (shutdown-grace-s)"
        );
    }
    if let Some(store) = store {
        store.close();
    }
    tracing::info!("stopped");
    Ok(())
}

/// A bound listener of the manifest.
struct Listener {
    addr: SocketAddr,
    sockets: Vec<std::net::TcpListener>,
    spec: ListenerSpec,
    settings: Settings,
    limit: ConnectionLimit,
}

impl Listener {
    fn new(
        listener: &rusm_config::Listener,
        sockets: Vec<std::net::TcpListener>,
        room: &ConnectionLimit,
        access: Option<LogFormat>,
    ) -> Result<Self, CliError> {
        let spec = ListenerSpec::from(listener);
        let access_log = access.map(|format| access_log::of(spec.routes.clone(), format));
        let limits = &listener.limits;
        Ok(Self {
            addr: sockets
                .first()
                .and_then(|socket| socket.local_addr().ok())
                .unwrap_or(listener.addr),
            sockets,
            spec,
            settings: Settings {
                http2: listener.http2,
                ..settings(limits, &listener.headers, access_log)?
            },
            limit: ConnectionLimit::new(limits.max_connections as usize).within(room),
        })
    }

    /// Returns what its metrics name.
    fn facts(&self) -> ListenerFacts {
        ListenerFacts {
            addr: self.addr,
            routes: self.spec.routes.clone(),
        }
    }

    fn for_next_shard(&mut self) -> Option<ShardListener> {
        Some(ShardListener {
            socket: self.sockets.pop()?,
            spec: self.spec.clone(),
            settings: self.settings.clone(),
            limit: self.limit.clone(),
        })
    }
}

fn settings(
    limits: &Limits,
    headers: &[(String, String)],
    access_log: Option<Arc<dyn AccessLog>>,
) -> Result<Settings, CliError> {
    let bytes = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
    Ok(Settings {
        head: HeadLimits {
            request_line: bytes(limits.max_request_line),
            header_bytes: bytes(limits.max_header_bytes),
            headers: limits.max_headers as usize,
        },
        max_body: limits.max_body,
        header_timeout: limits.header_timeout,
        body_timeout: limits.body_timeout,
        idle_timeout: limits.idle_timeout,
        write_timeout: limits.write_timeout,
        headers: HeaderLines::new(headers.iter().map(|(name, value)| (name, value)))
            .map_err(AppError::from)?,
        access_log,
        http2: false,
        tls: None,
    })
}

/// Returns whether a listener on IPv6's unspecified address also takes IPv4: unless another
/// listener has IPv4 on the same port.
fn takes_ipv4(addr: SocketAddr, mut all: impl Iterator<Item = SocketAddr>) -> bool {
    all.all(|other| other.is_ipv6() || other.port() != addr.port() || addr.port() == 0)
}

fn override_listener(app: &mut Application, listen: Option<SocketAddr>) -> Result<(), CliError> {
    match (listen, app.manifest.listeners.as_mut_slice()) {
        (None, _) => Ok(()),
        (Some(addr), [listener]) => {
            listener.addr = addr;
            Ok(())
        }
        (Some(_), listeners) => Err(CliError::Usage(format!(
            "--listen is for an app with one listener; this one has {}",
            listeners.len()
        ))),
    }
}

fn choose_driver(io: Io) -> Result<Driver, CliError> {
    let probe = |driver: Driver| {
        let probed = driver.probe();
        probed
            .map(|()| driver)
            .map_err(|error| CliError::Driver { driver, error })
    };
    match io {
        Io::Uring => probe(Driver::Uring),
        Io::Epoll => probe(Driver::Epoll),
        Io::Auto => Driver::Uring.probe().map(|()| Driver::Uring).or_else(|error| {
            tracing::warn!(
                "the kernel refuses io_uring ({error}): falling back to epoll, which is slower. \
                 Containers often forbid io_uring in their seccomp profile."
            );
            probe(Driver::Epoll)
        }),
    }
}
