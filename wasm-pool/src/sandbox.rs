//! What an instance may do, and the state that the host keeps for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusm_config::{Capabilities, Network};
use rusm_core::{CallContext, Pid, RequestId};
use tracing::field::DisplayValue;
use wasmtime::ResourceLimiter;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::filesystem::FsPerms;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
#[cfg(feature = "wasi-http")]
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::component::id::ComponentInfo;
use crate::error::{Fault, Limits};
use crate::host::{ActorState, Client, Diagnostics, Level, LogLines, StreamInto};
use crate::stdio::Stdio;
#[cfg(feature = "wasi-http")]
use crate::wasi_http::outbound::Hooks;
#[cfg(feature = "wasi-http")]
use crate::wasi_http::{Outparam, abort_unfinished};

/// The host's side of one process: the data of its store.
pub(crate) struct HostState {
    pub(crate) pid: Pid,
    pub(crate) component: Arc<ComponentInfo>,
    /// What it may do.
    pub(crate) capabilities: Arc<Capabilities>,
    /// Until when what it is at has to be done.
    pub(crate) deadline: Option<Instant>,
    pub(crate) memory: MemoryLimit,
    pub(crate) actor: ActorState,
    pub(crate) client: Client,
    /// Of a stock `wasi:http` component.
    #[cfg(feature = "wasi-http")]
    pub(crate) answered: Option<Arc<Outparam>>,
    pub(crate) diagnostics: Diagnostics,
    /// What it works on.
    pub(crate) context: CallContext,
    /// Only for a component that imports WASI: it costs more than all the rest.
    wasi: Option<Box<Wasi>>,
}

impl HostState {
    pub(crate) fn new(
        component: &Arc<ComponentInfo>,
        pid: Pid,
        deadline: Option<Instant>,
        capabilities: &Arc<Capabilities>,
    ) -> Self {
        Self {
            pid,
            component: component.clone(),
            capabilities: capabilities.clone(),
            deadline,
            memory: MemoryLimit {
                max: capabilities.max_memory,
                refused: false,
            },
            actor: ActorState::default(),
            client: Client::None,
            #[cfg(feature = "wasi-http")]
            answered: None,
            // It is mostly a panic.
            diagnostics: Diagnostics::new(component.name.clone(), pid, Level::Warn),
            context: CallContext::default(),
            wasi: None,
        }
    }

    /// The process answers this request: its lines in the log say so.
    pub(crate) fn answers(&mut self, request: RequestId) {
        self.works_on(CallContext::of_request(request));
    }

    /// What the process works on from now on: its lines in the log and its calls say so. What it has
    /// worked on before.
    pub(crate) fn works_on(&mut self, context: CallContext) -> CallContext {
        let request = &context.request;
        for stream in self
            .wasi
            .iter()
            .flat_map(|wasi| wasi.lines.iter().flatten())
        {
            stream.answers(request.clone());
        }
        self.diagnostics.answers(request.clone());
        std::mem::replace(&mut self.context, context)
    }

    /// A line of the guest's for the log, with the places that its author knows.
    pub(crate) fn located(&self, line: String) -> String {
        match &self.component.locate {
            Some(locate) => locate(line),
            None => line,
        }
    }

    /// What an error of its guest means, which was allowed `limit` for what it was at.
    pub(crate) fn fault(&self, error: &wasmtime::Error, limit: Duration) -> Fault {
        Fault::of(
            error,
            &Limits {
                time: limit,
                refused_memory: self.memory.refused.then_some(self.memory.max),
                stack: self.component.stack,
            },
        )
    }

    /// Give the process what its capabilities grant of WASI.
    ///
    /// # Errors
    /// When a directory that the profile opens can't be opened.
    pub(crate) fn grant_wasi(&mut self, limits: WasiLimits) -> wasmtime::Result<()> {
        let lines = [Level::Info, Level::Warn].map(|level| {
            LogLines::new(Diagnostics::new(
                self.component.name.clone(),
                self.pid,
                level,
            ))
        });
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.resources);
        self.wasi = Some(Box::new(Wasi {
            ctx: self.wasi_ctx(&lines, limits.stdio)?,
            table,
            lines: Some(lines),
            #[cfg(feature = "wasi-http")]
            http: WasiHttpCtx::new(),
            #[cfg(feature = "wasi-http")]
            hooks: Hooks(self.capabilities.clone()),
        }));
        Ok(())
    }

    /// WASI with nothing in it but clocks, randomness and a log, and then what the profile grants.
    fn wasi_ctx(&self, [out, err]: &[LogLines; 2], stdio: Stdio) -> wasmtime::Result<WasiCtx> {
        let capabilities = &self.capabilities;
        let mut wasi = WasiCtxBuilder::new();
        for (name, value) in &capabilities.env {
            wasi.env(name, value);
        }
        if capabilities.stdio {
            wasi.stdout(StreamInto(stdio.out))
                .stderr(StreamInto(stdio.err));
        } else {
            wasi.stdout(StreamInto(out.clone()))
                .stderr(StreamInto(err.clone()));
        }
        if capabilities.network == Network::Any {
            wasi.inherit_network();
            wasi.allow_ip_name_lookup(true)
                .allow_tcp(true)
                .allow_udp(true);
        }
        for preopen in &capabilities.preopens {
            let perms = if preopen.writable {
                FsPerms::ReadWrite
            } else {
                FsPerms::ReadOnly
            };
            wasi.preopened_dir(&preopen.host, &preopen.guest, perms)?;
        }
        Ok(wasi.build())
    }

    /// Whether what it is at should be done by now.
    pub(crate) fn is_late(&self) -> bool {
        let is_over = self
            .deadline
            .is_some_and(|deadline| Instant::now() >= deadline);
        is_over && !self.has_answered()
    }

    #[cfg(feature = "wasi-http")]
    fn has_answered(&self) -> bool {
        let outparam = self.answered.as_ref();
        outparam.is_some_and(|outparam| outparam.is_set())
    }

    #[cfg(not(feature = "wasi-http"))]
    #[expect(clippy::unused_self, reason = "as with the feature")]
    const fn has_answered(&self) -> bool {
        false
    }

    /// The request that the process answers, if it answers one.
    pub(crate) fn request_id(&self) -> Option<DisplayValue<&RequestId>> {
        self.diagnostics.request_id()
    }

    fn wasi(&mut self) -> &mut Wasi {
        self.wasi.get_or_insert_with(|| {
            Box::new(Wasi {
                ctx: WasiCtx::builder().build(),
                table: ResourceTable::new(),
                lines: None,
                #[cfg(feature = "wasi-http")]
                http: WasiHttpCtx::new(),
                #[cfg(feature = "wasi-http")]
                hooks: Hooks(self.capabilities.clone()),
            })
        })
    }
}

impl WasiView for HostState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let wasi = self.wasi();
        WasiCtxView {
            ctx: &mut wasi.ctx,
            table: &mut wasi.table,
        }
    }
}

#[cfg(feature = "wasi-http")]
impl WasiHttpView for HostState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let wasi = self.wasi();
        WasiHttpCtxView {
            ctx: &mut wasi.http,
            table: &mut wasi.table,
            hooks: &mut wasi.hooks,
        }
    }
}

/// How far the memories of a process may grow.
pub(crate) struct MemoryLimit {
    pub(crate) max: u64,
    /// The guest's last wish for more was refused. It may trap on that, or live with it: an
    /// allocator that asks for too much asks for less next.
    pub(crate) refused: bool,
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let granted = desired as u64 <= self.max;
        self.refused = !granted;
        Ok(granted)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= MAX_TABLE)
    }
}

/// Poll a guest that imports WASI, whose timers and files are Tokio's.
pub(crate) fn within_wasi_runtime<T>(poll: impl FnOnce() -> T) -> T {
    wasmtime_wasi::runtime::with_ambient_tokio_runtime(poll)
}

/// Start the threads under WASI's timers and files. They would start by themselves when a guest
/// first waits, but then on the core of its shard.
pub fn start_wasi_runtime() {
    within_wasi_runtime(|| ());
}

/// What the node gives each instance of a component that imports WASI.
#[derive(Clone, Copy, Debug)]
pub struct WasiLimits {
    /// Resources that it may hold at once: open files and sockets, streams, pollables. A file or a
    /// socket is a file descriptor of the node.
    pub resources: usize,
    /// Where it writes if it may write to the node's own standard streams.
    pub stdio: Stdio,
}

impl Default for WasiLimits {
    fn default() -> Self {
        Self {
            resources: MAX_RESOURCES,
            stdio: Stdio::NONE,
        }
    }
}

struct Wasi {
    ctx: WasiCtx,
    table: ResourceTable,
    /// Standard output and error, where they go to the log.
    lines: Option<[LogLines; 2]>,
    #[cfg(feature = "wasi-http")]
    http: WasiHttpCtx,
    #[cfg(feature = "wasi-http")]
    hooks: Hooks,
}

#[cfg(feature = "wasi-http")]
impl Drop for Wasi {
    fn drop(&mut self) {
        abort_unfinished(&mut self.table);
    }
}

const MAX_TABLE: usize = 1 << 20;
/// Resources of an instance, where the process may have enough open files.
pub const MAX_RESOURCES: usize = 1024;
