//! What a process has to do with others.

use std::collections::HashMap;
use std::sync::Arc;

use rusm_core::{Delivery, MonitorRef, Pid, StreamId};

/// What a process has to do with others, beyond what the actor core knows.
#[derive(Default)]
pub(crate) struct ActorState {
    /// The call that it is answering.
    pub(crate) answering: Option<Answering>,
    /// The mail that it received last, for `stash`.
    pub(crate) last: Option<Delivery>,
    /// The processes that it spawned, some of which may have ended.
    pub(crate) children: Vec<Pid>,
    pub(crate) monitors: HashMap<Pid, MonitorRef>,
    /// Why streams failed that were read to their end.
    pub(crate) stream_failures: HashMap<StreamId, Arc<str>>,
    /// What it was refused and the log has a line about: each is told once.
    pub(crate) warned: Vec<&'static str>,
}

/// A call, as the function that answers it may ask about it.
pub(crate) struct Answering {
    pub(crate) caller: Option<Pid>,
    pub(crate) stream: Option<StreamId>,
}
