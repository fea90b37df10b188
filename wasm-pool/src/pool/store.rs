//! Stores of processes: new ones, and those whose instance was put back.
//!
//! After a call that returned, an instance is put back to what it was right after instantiation, and kept with its
//! store for the next process of the same component under the same capabilities. After anything else (a trap, a time
//! limit, a kill, a memory that has grown) it is thrown away. `rusm_wasm_reset` says what is put back, and why it can't
//! be told from a new one; what the host keeps for a process is made anew for each.

use std::sync::Arc;
use std::time::Instant;

use rusm_config::Capabilities;
use rusm_core::{Pid, fairness};
use wasmtime::{Store, StoreContextMut, UpdateDeadline};

use super::ShardPool;
use super::preempt::NEVER;
use super::stats::count;
use crate::component::loaded::LoadedComponent;
use crate::error::{DeadlineExceeded, ProcessError};
use crate::state::HostState;

impl ShardPool {
    /// The store of a new process. It has an instance, if one was put back.
    ///
    /// # Errors
    /// When the process can't be given what it is granted of WASI.
    pub(crate) fn new_store(
        &self,
        component: &LoadedComponent,
        pid: Pid,
        deadline: Option<Instant>,
        capabilities: &Arc<Capabilities>,
    ) -> Result<Store<HostState>, ProcessError> {
        let mut state = HostState::new(&component.info, pid, deadline, capabilities);
        if component.imports_wasi {
            state
                .grant_wasi(self.wasi)
                .map_err(|error| ProcessError::host(&format!("{error:#}")))?;
        }
        Ok(self.store_of(component, state))
    }

    /// The store of a process that has been: as of a new one.
    pub(crate) fn store_of(
        &self,
        component: &LoadedComponent,
        mut state: HostState,
    ) -> Store<HostState> {
        let max_memory = state.capabilities.max_memory;
        if Arc::ptr_eq(&state.capabilities, &component.capabilities)
            && let Some(mut store) = component.take_warm()
        {
            state.instance = store.data().instance;
            *store.data_mut() = state;
            store.set_epoch_deadline(1);
            count(&self.counts.reused);
            return store;
        }
        // An instance takes a slot of Wasmtime's pool, whether it is in use or kept.
        let kept_at_most = self.instances.permits() - self.instances.taken();
        self.registry.shrink_warm(kept_at_most as usize);
        count(&self.counts.made);
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| &mut state.memory);
        store.epoch_deadline_callback(preempted);
        store.set_epoch_deadline(1);
        // What one call hands to the host is copied. Without a bound, a list that names the same bytes many times
        // would take many times the guest's memory, and the core meanwhile.
        store.set_hostcall_fuel(usize::try_from(max_memory).unwrap_or(usize::MAX));
        store
    }

    /// Takes back the store of a process whose last call has returned.
    pub(crate) async fn recycle(&self, component: &LoadedComponent, mut store: Store<HostState>) {
        if !component.can_reset()
            || !Arc::ptr_eq(&store.data().capabilities, &component.capabilities)
        {
            return;
        }
        // Putting back is not preempted: it takes microseconds, a millisecond for all of the largest memory, and runs
        // nothing of the guest's.
        store.set_epoch_deadline(NEVER);
        if component.reset(&mut store).await {
            // What the host kept for the process goes with it; only the instance stays.
            let idle = HostState::idle(
                &component.info,
                &component.capabilities,
                store.data().instance,
            );
            *store.data_mut() = idle;
            component.keep_warm(store);
            count(&self.counts.put_back);
        }
    }
}

/// A guest has run for a tick: end it if its time is over, else let the others run first.
///
/// One that was killed ends here too: it is polled no more.
fn preempted(store: StoreContextMut<'_, HostState>) -> wasmtime::Result<UpdateDeadline> {
    if store.data().deadline_exceeded() {
        return Err(wasmtime::Error::new(DeadlineExceeded));
    }
    Ok(UpdateDeadline::YieldCustom(
        1,
        Box::pin(fairness::yield_to_io()),
    ))
}
