//! How a process can end without an answer, and why one is not spawned.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rusm_core::{ExitReason, SpawnError};
use thiserror::Error;
use wasmtime::{Trap, WasmBacktrace};

use crate::stack::{CALL_STACK, UsedUp, is_guard, is_in_doubt};

/// Why a guest gave no answer. Each has its status and its line in the log.
#[derive(Debug)]
pub enum ProcessError {
    /// The guest trapped: it panicked, touched memory that isn't its own, divided by zero…
    Trap {
        /// What happened and where, on one line.
        reason: String,
    },
    /// The guest used up the stack in its memory, and trapped on it.
    Stack {
        /// Its size in bytes, where that is known.
        limit: Option<u64>,
        /// In which function, for the line of the log.
        place: String,
    },
    /// The guest's calls were nested so deeply that they used up the host's stack for them.
    CallStack {
        /// Its size in bytes.
        limit: u64,
        /// In which function, for the line of the log.
        place: String,
    },
    /// The guest asked for more memory than its capability profile grants, and trapped on it.
    MemoryLimit {
        /// The grant, in bytes.
        limit: u64,
    },
    /// The guest ran, or waited, for longer than its listener allows.
    Timeout {
        /// What it was allowed.
        limit: Duration,
    },
    /// No instance came free within the time that a request may wait for one.
    PoolFull {
        /// How long it waited.
        waited: Duration,
    },
    /// As many connections are held as may be.
    ConnectionLimitReached,
    /// Processes that wait take as much memory as they may.
    ProcessMemoryFull,
    /// The server stops, and the grace of what was in flight is over.
    Stopping,
    /// What the guest gave is no answer.
    Answer {
        /// What is wrong with it, on one line.
        reason: String,
    },
    /// Another process ended it.
    Ended {
        /// The exit signal that it got.
        reason: ExitReason,
    },
    /// The host could not start the process.
    Host {
        /// What failed, on one line.
        reason: String,
    },
}

impl ProcessError {
    /// What an error of Wasmtime means for a process with these limits.
    pub(crate) fn of(error: &wasmtime::Error, limits: &Limits) -> Self {
        if error.is::<DeadlineExceeded>() {
            let limit = limits.time;
            return Self::Timeout { limit };
        }
        if let Some(Exit(reason)) = error.downcast_ref() {
            return Self::Ended {
                reason: reason.clone(),
            };
        }
        if let Some(limit) = limits.refused_memory
            && error.is::<Trap>()
        {
            return Self::MemoryLimit { limit };
        }
        let cause = error.root_cause().to_string();
        if error.is::<InstantiationError>() && !error.is::<Trap>() {
            return Self::Host { reason: cause };
        }
        let place = place(error);
        match UsedUp::of(error) {
            Some(UsedUp::Memory) => {
                let limit = limits.stack;
                return Self::Stack { limit, place };
            }
            Some(UsedUp::Calls) => {
                let limit = CALL_STACK as u64;
                return Self::CallStack { limit, place };
            }
            None => {}
        }
        let doubt = match limits.stack {
            Some(stack) if is_in_doubt(error) => format!(
                "; its stack of {} KiB may be used up (stack-kib)",
                stack >> 10
            ),
            _ => String::new(),
        };
        Self::Trap {
            reason: format!("{cause}{place}{doubt}"),
        }
    }

    /// The host could not start the process.
    pub(crate) fn host(reason: &str) -> Self {
        Self::Host {
            reason: reason.to_owned(),
        }
    }

    /// Why its process ended, for those that are linked to it or watch it.
    pub(crate) fn exit_reason(&self) -> ExitReason {
        match self {
            Self::Ended { reason } => reason.clone(),
            Self::Stopping => ExitReason::Shutdown,
            error => ExitReason::Failed(error.to_string().into()),
        }
    }

    /// Why a process ended that this came of.
    pub(crate) fn exit_reason_of<T>(outcome: &Result<T, Self>) -> ExitReason {
        match outcome {
            Ok(_) => ExitReason::Normal,
            Err(error) => error.exit_reason(),
        }
    }

    /// The HTTP status that says it (RFC 9110, section 15.6).
    pub fn status(&self) -> u16 {
        match self {
            Self::Trap { .. }
            | Self::Stack { .. }
            | Self::CallStack { .. }
            | Self::MemoryLimit { .. }
            | Self::Answer { .. }
            | Self::Ended { .. }
            | Self::Host { .. } => 500,
            Self::PoolFull { .. }
            | Self::ConnectionLimitReached
            | Self::ProcessMemoryFull
            | Self::Stopping => 503,
            Self::Timeout { .. } => 504,
        }
    }
}

impl fmt::Display for ProcessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trap { reason } => write!(f, "the guest trapped: {reason}"),
            Self::Stack { limit, place } => {
                f.write_str("the guest used up its stack")?;
                if let Some(limit) = limit {
                    write!(f, " of {} KiB", limit >> 10)?;
                }
                write!(f, "{place} (stack-kib)")
            }
            Self::CallStack { limit, place } => write!(
                f,
                "the guest's calls used up the {} KiB of their stack{place}",
                limit >> 10
            ),
            Self::MemoryLimit { limit } => write!(
                f,
                "the guest asked for more than its {} MiB of memory (max-memory-mb)",
                limit >> 20
            ),
            Self::Timeout { limit } => {
                write!(
                    f,
                    "the guest took longer than {limit:?} (request-timeout-ms)"
                )
            }
            Self::PoolFull { waited } => write!(
                f,
                "no instance came free within {waited:?} (instances-per-core, pool-wait-ms)"
            ),
            Self::ConnectionLimitReached => {
                f.write_str("this core holds as many connections as it may (held-per-core)")
            }
            Self::ProcessMemoryFull => f.write_str(
                "this core's processes that wait take as much memory as they may (process-memory)",
            ),
            Self::Stopping => {
                f.write_str("the server stopped before the guest gave an answer (shutdown-grace-s)")
            }
            Self::Answer { reason } => write!(f, "the guest gave no answer: {reason}"),
            Self::Ended { reason } => write!(f, "the process was ended: {reason}"),
            Self::Host { reason } => write!(f, "the process could not be started: {reason}"),
        }
    }
}

impl std::error::Error for ProcessError {}

/// The limits of a process that an error may be about.
pub(crate) struct Limits {
    /// How long it may take.
    pub(crate) time: Duration,
    /// How far its memory may grow, in bytes, if it wanted more and was refused.
    pub(crate) refused_memory: Option<u64>,
    /// The size of the stack in its memory, in bytes.
    pub(crate) stack: Option<u64>,
}

/// There is no instance: the host's fault, unless the guest's own start code trapped.
#[derive(Debug, Error)]
#[error("no instance could be made")]
pub(crate) struct InstantiationError;

/// A guest ran past its deadline.
#[derive(Debug, Error)]
#[error("the process is past its deadline")]
pub(crate) struct DeadlineExceeded;

/// A guest ended its own process.
#[derive(Debug, Error)]
#[error("the process ended itself: {0}")]
pub(crate) struct Exit(pub(crate) ExitReason);

/// Why a process was not spawned.
#[derive(Debug, Error)]
pub enum SpawnFailure {
    /// It has neither a `run` nor functions.
    #[error(
        "component `{0}` is no process: it exports neither `run` nor a function that can be called"
    )]
    NotAProcess(Arc<str>),
    /// The guests of this shard have spawned as many as they may.
    #[error("this core has as many spawned processes as it may have (spawned-per-core)")]
    TooMany,
    /// All instances are in use.
    #[error("this core has no instance free (instances-per-core)")]
    PoolFull,
    /// The actor core refused.
    #[error(transparent)]
    Core(#[from] SpawnError),
}

/// ` in` the innermost function of the guest's that has a name.
fn place(error: &wasmtime::Error) -> String {
    let trace = error.downcast_ref::<WasmBacktrace>();
    let frames = trace.into_iter().flat_map(WasmBacktrace::frames);
    let mut names = frames.filter_map(|frame| frame.func_name());
    match names.find(|name| !is_guard(name)) {
        Some(name) => format!(" in `{name}`"),
        None => String::new(),
    }
}
