//! What an instance may do, and the state that the host keeps for it.

pub(crate) mod actor;
pub(crate) mod client;
pub(crate) mod log_lines;
#[cfg(feature = "wasi-http")]
pub(crate) mod outparam;
mod stdio;
pub(crate) mod wasi;

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusm_config::Capabilities;
use rusm_core::{CallContext, Pid, RequestId};
use tracing::field::DisplayValue;
use wasmtime::ResourceLimiter;
use wasmtime::component::Instance;

use actor::ActorState;
use client::Client;
use log_lines::{Diagnostics, Level};
#[cfg(feature = "wasi-http")]
use outparam::Outparam;
use wasi::{Wasi, WasiLimits};

use crate::component::id::ComponentInfo;
use crate::error::{Limits, ProcessError};

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
    /// The instance, once it has started.
    pub(crate) instance: Option<Instance>,
    /// The instance is in its first state again: its last call has put it back.
    pub(crate) is_reset: bool,
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
            instance: None,
            is_reset: false,
            wasi: None,
        }
    }

    /// The state of a store that waits for a process with its instance.
    pub(crate) fn idle(
        component: &Arc<ComponentInfo>,
        capabilities: &Arc<Capabilities>,
        instance: Option<Instance>,
    ) -> Self {
        Self {
            instance,
            ..Self::new(component, Pid::from_raw(0), None, capabilities)
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
        if let Some(wasi) = &self.wasi {
            wasi.answers(request);
        }
        self.diagnostics.answers(request.clone());
        std::mem::replace(&mut self.context, context)
    }

    /// A line of the guest's for the log, with the places that its author knows.
    pub(crate) fn symbolicated(&self, line: String) -> String {
        match &self.component.symbolicate {
            Some(symbolicate) => symbolicate(line),
            None => line,
        }
    }

    /// What an error of its guest means, which was allowed `limit` for what it was at.
    pub(crate) fn process_error(&self, error: &wasmtime::Error, limit: Duration) -> ProcessError {
        ProcessError::of(
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
        let wasi = Wasi::granted(&self.component.name, self.pid, &self.capabilities, limits)?;
        self.wasi = Some(Box::new(wasi));
        Ok(())
    }

    /// Whether what it is at should be done by now.
    pub(crate) fn deadline_exceeded(&self) -> bool {
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
        let none = || Box::new(Wasi::none(&self.capabilities));
        self.wasi.get_or_insert_with(none)
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

/// Elements of a table.
const MAX_TABLE: usize = 1 << 20;
