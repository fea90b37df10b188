//! `/metrics`: the numbers of all shards, summed, in the text format of Prometheus.
//!
//! - `requests`: what each shard counts of the requests
//! - `shard`: the numbers of one shard, as it tells them at a tick
//! - `node`, `process`: the text of the node's numbers, and of those that the kernel keeps
//! - `text`: the format

mod node;
mod process;
pub(super) mod requests;
mod shard;
mod text;

use std::cell::RefCell;

use super::shards::ask_all;
use super::state::NodeState;
use shard::ShardStats;
use text::Text;

pub(crate) use requests::RequestMetrics;
pub(super) use text::CONTENT_TYPE;

/// The metrics of the node.
#[derive(Default)]
pub(super) struct Metrics {
    /// The last numbers of each shard. Those of one that does not answer stay: a sum that falls would be taken for a
    /// restart.
    shards: RefCell<Vec<Option<ShardStats>>>,
}

impl Metrics {
    /// Returns the metrics as text.
    pub(super) fn scrape(&self, node: &NodeState) -> String {
        let services = node.services_shared();
        let answers = ask_all(node.shards(), move |view| {
            ShardStats::of(view, services.as_deref())
        });
        let mut shards = self.shards.borrow_mut();
        shards.resize_with(answers.len(), || None);
        let mut are_up = Vec::new();
        for (known, answer) in shards.iter_mut().zip(answers) {
            are_up.push(answer.is_some());
            if answer.is_some() {
                *known = answer;
            }
        }
        let mut text = Text::default();
        node::write(&mut text, node, &shards, &are_up);
        process::write(&mut text);
        text.finish()
    }
}
