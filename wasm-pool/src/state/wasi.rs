//! What a process has of WASI.

use std::sync::Arc;

use rusm_config::{Capabilities, Network};
use rusm_core::{Pid, RequestId};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::filesystem::FsPerms;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
#[cfg(feature = "wasi-http")]
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::HostState;
use super::log_lines::{Diagnostics, Level};
use super::stdio::{LogLines, StreamInto};
use crate::stdio::Stdio;
#[cfg(feature = "wasi-http")]
use crate::wasi_http::body::abort_unfinished;
#[cfg(feature = "wasi-http")]
use crate::wasi_http::outbound::Hooks;

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

/// The WASI of one process.
pub(super) struct Wasi {
    ctx: WasiCtx,
    table: ResourceTable,
    /// Standard output and error, where they go to the log.
    lines: Option<[LogLines; 2]>,
    #[cfg(feature = "wasi-http")]
    http: WasiHttpCtx,
    #[cfg(feature = "wasi-http")]
    hooks: Hooks,
}

impl Wasi {
    /// What the capabilities grant.
    ///
    /// # Errors
    /// When a directory that the profile opens can't be opened.
    pub(super) fn granted(
        component: &Arc<str>,
        pid: Pid,
        capabilities: &Arc<Capabilities>,
        limits: WasiLimits,
    ) -> wasmtime::Result<Self> {
        let lines = [Level::Info, Level::Warn]
            .map(|level| LogLines::new(Diagnostics::new(component.clone(), pid, level)));
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.resources);
        Ok(Self {
            ctx: context(capabilities, &lines, limits.stdio)?,
            table,
            lines: Some(lines),
            #[cfg(feature = "wasi-http")]
            http: WasiHttpCtx::new(),
            #[cfg(feature = "wasi-http")]
            hooks: Hooks(capabilities.clone()),
        })
    }

    /// Nothing.
    #[cfg_attr(
        not(feature = "wasi-http"),
        expect(unused_variables, reason = "as with the feature")
    )]
    pub(super) fn none(capabilities: &Arc<Capabilities>) -> Self {
        Self {
            ctx: WasiCtx::builder().build(),
            table: ResourceTable::new(),
            lines: None,
            #[cfg(feature = "wasi-http")]
            http: WasiHttpCtx::new(),
            #[cfg(feature = "wasi-http")]
            hooks: Hooks(capabilities.clone()),
        }
    }

    /// What is written from now on is about this request.
    pub(super) fn answers(&self, request: &RequestId) {
        for lines in self.lines.iter().flatten() {
            lines.answers(request.clone());
        }
    }
}

#[cfg(feature = "wasi-http")]
impl Drop for Wasi {
    fn drop(&mut self) {
        abort_unfinished(&mut self.table);
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

/// WASI with nothing in it but clocks, randomness and a log, and then what the profile grants.
fn context(
    capabilities: &Capabilities,
    [out, err]: &[LogLines; 2],
    stdio: Stdio,
) -> wasmtime::Result<WasiCtx> {
    let mut wasi = WasiCtxBuilder::new();
    wasi.max_random_size(MAX_RANDOM);
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

/// Random bytes of one call: they are made on the core of the shard.
const MAX_RANDOM: u64 = 1 << 20;
/// Resources of an instance, where the process may have enough open files.
pub const MAX_RESOURCES: usize = 1024;
