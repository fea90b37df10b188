//! `/processes` and `/services`: JSON, bounded.

use std::sync::Arc;

use rusm_core::{Pid, ProcessInfo};
use serde::Serialize;

use super::shards::{ShardView, ask_all};
use super::state::{NodeState, ServicePhase, ServiceState};

/// Returns the processes of all shards, up to [`MAX_LISTED`] of each.
pub(super) fn processes(node: &NodeState) -> String {
    let of_shards = ask_all(node.shards(), |view| {
        let pids = view.processes.list_here();
        let infos = pids.iter().filter_map(|pid| view.processes.info_here(*pid));
        (pids.len(), infos.take(MAX_LISTED).collect::<Vec<_>>())
    });
    let of_shards: Vec<_> = of_shards.into_iter().flatten().collect();
    let total = of_shards.iter().map(|(total, _)| total).sum();
    let infos = of_shards.iter().flat_map(|(_, infos)| infos);
    let processes: Vec<_> = infos.map(Process::from).collect();
    json(&Processes {
        total,
        omitted: total - processes.len(),
        processes,
    })
}

/// Returns the resident services.
pub(super) fn services(node: &NodeState) -> String {
    let shared = node.services_shared();
    let lives = ask_all(node.shards(), move |view| {
        lives(view, shared.as_deref().unwrap_or_default())
    });
    let lives: Vec<_> = lives.into_iter().flatten().flatten().collect();
    let services = node.services().iter().enumerate();
    let services = services.map(|(index, service)| Service {
        name: &service.name,
        shard: service.shard,
        state: match service.phase() {
            ServicePhase::Up => "up",
            ServicePhase::Down => "down",
            ServicePhase::GivenUp => "given-up",
        },
        restarts: service.restarts(),
        process: lives
            .iter()
            .find(|(of, _)| *of == index)
            .map(|(_, info)| Process::from(info)),
    });
    json(&Services {
        services: services.collect(),
    })
}

/// Returns the processes of the services that live on this shard, by their positions.
fn lives(view: &ShardView<'_>, services: &[ServiceState]) -> Vec<(usize, ProcessInfo)> {
    let services = services.iter().enumerate();
    let found = services.filter_map(|(index, service)| {
        let pid: Pid = view.processes.whereis(&service.name)?;
        Some((index, view.processes.info_here(pid)?))
    });
    found.collect()
}

fn json(of: &impl Serialize) -> String {
    let mut text = serde_json::to_string(of).unwrap_or_default();
    text.push('\n');
    text
}

#[derive(Serialize)]
struct Processes {
    total: usize,
    omitted: usize,
    processes: Vec<Process>,
}

#[derive(Serialize)]
struct Services<'s> {
    services: Vec<Service<'s>>,
}

#[derive(Serialize)]
struct Service<'s> {
    name: &'s str,
    shard: u16,
    state: &'static str,
    restarts: u64,
    process: Option<Process>,
}

#[derive(Serialize)]
struct Process {
    pid: String,
    shard: u16,
    /// The component, or how the process calls itself; none for one that answers a request in the task of its
    /// connection.
    label: Option<Arc<str>>,
    names: Vec<Arc<str>>,
    links: u32,
    monitors: u32,
    mailbox: u32,
    dropped: u64,
}

impl From<&ProcessInfo> for Process {
    fn from(info: &ProcessInfo) -> Self {
        Self {
            pid: info.pid.to_string(),
            shard: info.pid.shard().index(),
            label: info.label.clone(),
            names: info.names.clone(),
            links: info.links,
            monitors: info.monitors,
            mailbox: info.mailbox_depth,
            dropped: info.dropped,
        }
    }
}

/// Processes of one shard that are listed.
const MAX_LISTED: usize = 1000;
