//! Swaps new components into a running shard.

use std::rc::Rc;
use std::sync::mpsc::Receiver;
#[cfg(feature = "build")]
use std::sync::mpsc::{Sender, channel};

use rusm_wasm_pool::{ComponentSource, ShardPool};

use crate::CliError;
use crate::cli_error::WithSources;
use crate::gateway::HttpGateway;

/// Components that replace those with the same names.
#[derive(Clone)]
pub(super) struct Update(pub(super) Vec<ComponentSource>);

/// The updates of one shard, which checks for them at every tick. `rusm serve` has none.
#[derive(Default)]
pub(super) struct Updates(Option<Receiver<Update>>);

impl Updates {
    /// Creates updates, and their sender.
    #[cfg(feature = "build")]
    pub(super) fn channel() -> (Sender<Update>, Self) {
        let (sender, receiver) = channel();
        (sender, Self(Some(receiver)))
    }

    /// Returns whether there can be updates.
    pub(super) fn is_dev(&self) -> bool {
        self.0.is_some()
    }

    /// Applies pending updates.
    ///
    /// Requests in flight and processes that hold a connection continue with the old component. New
    /// requests use the new one, and services of new components are restarted.
    pub(super) fn apply(&self, pool: &Rc<ShardPool>, gateways: &[Rc<HttpGateway>]) {
        let Some(updates) = &self.0 else { return };
        for update in updates.try_iter() {
            if let Err(failure) = replace(pool, gateways, &update) {
                // It was checked before it was sent.
                let failure = WithSources(&failure);
                tracing::error!("the old components go on serving: {failure}");
                continue;
            }
            for component in &update.0 {
                restart(pool, &component.name);
            }
        }
    }
}

fn replace(
    pool: &ShardPool,
    gateways: &[Rc<HttpGateway>],
    update: &Update,
) -> Result<(), CliError> {
    pool.replace(&update.0)?;
    gateways.iter().try_for_each(|gateway| gateway.reload())
}

/// Ends the service of this name, if it lives on this shard. Its supervisor restarts it.
fn restart(pool: &ShardPool, name: &str) {
    let shard = pool.shard();
    let own = shard.whereis(name).filter(|pid| pid.shard() == shard.id());
    if let Some(pid) = own {
        tracing::info!(service = name, %pid, "is started again, as new; its state is gone");
        monoio::spawn(shard.kill(pid));
    }
}
