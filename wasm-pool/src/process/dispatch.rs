//! One message or call, for a process that is entered for each.

use std::time::Instant;

use rusm_core::{Call, CallError, Delivery, ProcessContext};
use wasmtime::Store;
use wasmtime::component::Instance;

use crate::component::loaded::LoadedComponent;
use crate::host::mail::into_wit;
use crate::state::HostState;
use crate::state::actor::Answering;

/// Hand the guest a message, if it wants any.
pub(super) async fn take_mail(
    component: &LoadedComponent,
    me: &ProcessContext,
    store: &mut Store<HostState>,
    instance: &Instance,
    delivery: Delivery,
) -> wasmtime::Result<()> {
    store.data_mut().received(&delivery);
    let Some(delivery) = into_wit(delivery) else {
        return Ok(());
    };
    Limit::start(component, me, store);
    component.take_mail(store, instance, delivery).await
}

/// Answer one call. If the guest traps, its process ends, and that answers the call.
pub(super) async fn answer(
    component: &LoadedComponent,
    me: &ProcessContext,
    store: &mut Store<HostState>,
    instance: &Instance,
    call: Call,
) -> wasmtime::Result<()> {
    Limit::start(component, me, store);
    store.data_mut().actor.answering = Some(Answering {
        caller: call.from,
        stream: call.stream,
    });
    // If it fails at this, its line in the log is about this, too.
    let own = store.data_mut().works_on(*call.context);
    let result = component
        .call(store, instance, &call.function, &call.args)
        .await?;
    store.data_mut().works_on(own);
    store.data_mut().actor.answering = None;
    let result = match result {
        Some(Ok(answer)) => Ok(answer.into()),
        Some(Err(error)) => Err(CallError::Failed(error.into())),
        None => Err(CallError::NoFunction(component.function_names().into())),
    };
    me.shard.reply(me.pid, call.id, result);
    Ok(())
}

/// The time that one function may take: a service that is stuck is ended, and started again.
pub(super) struct Limit;

impl Limit {
    pub(super) fn start(
        component: &LoadedComponent,
        me: &ProcessContext,
        store: &mut Store<HostState>,
    ) {
        let deadline = Instant::now().checked_add(component.function_timeout);
        store.data_mut().deadline = deadline;
        me.shard.set_deadline(me.pid, deadline);
    }

    pub(super) fn end(me: &ProcessContext, store: &mut Store<HostState>) {
        store.data_mut().deadline = None;
        me.shard.set_deadline(me.pid, None);
    }
}
