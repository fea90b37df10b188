//! What the functions of guests ask of the pool that their process lives in.
//!
//! The pool is built on these functions, so they see it through a trait.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use futures_channel::oneshot;
use rusm_config::Capabilities;
use rusm_core::{CallContext, Pid, SpawnOptions};
use rusm_store::Store as DurableStore;

use crate::bindings::rusm::runtime::http::{Request, Response};
use crate::bindings::rusm::runtime::types::CallError;
use crate::component::id::ComponentRef;
use crate::connection::EncodeEvent;
use crate::error::SpawnFailure;
use crate::pool::semaphore::Permit;

/// The pool of a shard, for the functions of its guests.
pub(crate) trait Runtime {
    /// The component of this name.
    fn component(&self, name: &str) -> Option<ComponentRef>;

    /// Start a process, which may do no more than its spawner. It sets `healthy` whenever it has done
    /// what it was asked for.
    ///
    /// # Errors
    /// When the component is no process, or there are as many as may be.
    fn spawn_for_guest(
        self: Rc<Self>,
        component: ComponentRef,
        spawner: &Capabilities,
        options: SpawnOptions,
        healthy: Rc<Cell<bool>>,
    ) -> Result<Pid, SpawnFailure>;

    /// A permit for a supervisor, which takes no instance.
    ///
    /// # Errors
    /// When there are as many spawned processes as may be.
    fn supervisor_permit(&self) -> Result<Permit, SpawnFailure>;

    /// Call an action in a fresh process, which may do no more than its spawner. What it answers is
    /// cancelled if the process ends without an answer.
    ///
    /// # Errors
    /// When there is no such component or action, or there are as many processes as may be.
    fn fetch(
        self: Rc<Self>,
        component: ComponentRef,
        action: &str,
        fetch: Fetch,
        spawner: &Capabilities,
    ) -> Result<oneshot::Receiver<Result<Response, CallError>>, CallError>;

    /// How Server-Sent Events look on the wire.
    fn encode_event(&self) -> EncodeEvent;

    /// The durable store of the node, if it has one.
    fn store(&self) -> Option<DurableStore>;
}

/// A call of an action that a guest wants.
pub(crate) struct Fetch {
    pub(crate) request: Request,
    pub(crate) limit: Duration,
    /// What it is made for.
    pub(crate) context: CallContext,
}

/// Make `runtime` that of the guests of this thread.
pub(crate) fn enter(runtime: Rc<dyn Runtime>) {
    CURRENT.set(Some(runtime));
}

/// The runtime of this thread.
pub(crate) fn current() -> Option<Rc<dyn Runtime>> {
    CURRENT.with_borrow(Clone::clone)
}

/// Its form of Server-Sent Events.
pub(crate) fn encode_event() -> Option<EncodeEvent> {
    CURRENT.with_borrow(|runtime| Some(runtime.as_ref()?.encode_event()))
}

thread_local! {
    static CURRENT: RefCell<Option<Rc<dyn Runtime>>> = const { RefCell::new(None) };
}
