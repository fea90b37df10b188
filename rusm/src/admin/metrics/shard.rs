//! The numbers of one shard.

use rusm_core::{Counts, Stats};
use rusm_uring_net::NetStats;
use rusm_wasm_pool::{FailureKind, PoolStats, failures};

use super::requests::{RequestMetrics, RequestStats};
use crate::admin::shards::ShardView;
use crate::admin::state::ServiceState;

/// The numbers of one shard, as they are at one of its ticks.
pub(super) struct ShardStats {
    pub(super) net: NetStats,
    pub(super) tables: Stats,
    pub(super) counts: Counts,
    pub(super) pool: PoolStats,
    pub(super) failures: [(FailureKind, u64); FailureKind::ALL.len()],
    /// One for each listener, in the order of the manifest.
    pub(super) requests: Vec<RequestStats>,
    /// Of the services of this shard: the position among all, and the messages in the mailbox.
    pub(super) mailboxes: Vec<(usize, u32)>,
}

impl ShardStats {
    /// Takes them, on the shard's thread.
    pub(super) fn of(view: &ShardView<'_>, services: Option<&[ServiceState]>) -> Self {
        let shard = view.processes;
        let services = services.unwrap_or_default().iter().enumerate();
        let mailboxes = services.filter_map(|(index, service)| {
            let pid = shard.whereis(&service.name);
            Some((index, shard.info_here(pid?)?.mailbox_depth))
        });
        Self {
            net: view.net.stats(),
            tables: shard.stats(),
            counts: shard.counts(),
            pool: view.pool.stats(),
            failures: failures(),
            requests: view
                .requests
                .iter()
                .map(|one| RequestMetrics::stats(one))
                .collect(),
            mailboxes: mailboxes.collect(),
        }
    }
}
