//! The numbers of the node, as text.

use std::collections::BTreeMap;

use rusm_store::COMMIT_BOUNDS;
use rusm_wasm_pool::FailureKind;

use super::requests::{RequestStats, Series, bounds, method_label};
use super::shard::ShardStats;
use super::text::{Kind, Text};
use crate::admin::state::{NodeState, ServicePhase};
use crate::log;

/// A number of one shard.
type OfShard = fn(&ShardStats) -> u64;

/// Adds all of them.
pub(super) fn write(
    text: &mut Text,
    node: &NodeState,
    shards: &[Option<ShardStats>],
    are_up: &[bool],
) {
    let help = "The version of the server.";
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    text.metric("rusm_build_info", Kind::Gauge, help)
        .sample(&version, 1);
    requests(text, node, shards);
    let known: Vec<_> = shards.iter().flatten().collect();
    connections(text, &known);
    pool(text, &known);
    processes(text, &known);
    services(text, node, &known);
    each_shard(text, shards, are_up);
    store(text, node);
    let mut lines = text.metric(
        "rusm_log_lines_dropped_total",
        Kind::Counter,
        "Lines of the logs that were dropped: their reader was too slow, or the stream failed.",
    );
    let (err, out) = log::lost_lines();
    lines.sample(&[("stream", "stderr")], err);
    lines.sample(&[("stream", "stdout")], out);
}

/// Requests of each listener, under the names of OpenTelemetry's conventions for HTTP servers.
fn requests(text: &mut Text, node: &NodeState, shards: &[Option<ShardStats>]) {
    let listeners: Vec<_> = node
        .listeners()
        .iter()
        .enumerate()
        .map(|(index, listener)| {
            let mut sum = RequestStats::default();
            let of_shards = shards.iter().flatten();
            for stats in of_shards.filter_map(|shard| shard.requests.get(index)) {
                sum.add(stats.clone());
            }
            (listener, listener.addr.to_string(), sum)
        })
        .collect();
    let mut durations = text.metric(
        "http_server_request_duration_seconds",
        Kind::Histogram,
        "Requests, from the end of the head to the last byte of the response.",
    );
    for (listener, addr, stats) in &listeners {
        // Routes of methods that share a label are one series.
        let mut series = BTreeMap::<_, Series>::new();
        for one in &stats.series {
            let route = one
                .route
                .and_then(|route| listener.routes.routes().get(route));
            let pattern = route.map_or("", |route| &route.pattern);
            let key = (pattern, method_label(one.method()), one.class.label());
            match series.get_mut(&key) {
                Some(sum) => sum.add(one),
                None => drop(series.insert(key, one.clone())),
            }
        }
        for ((pattern, method, class), one) in series {
            let labels = [
                ("listener", addr.as_str()),
                ("http_route", pattern),
                ("http_request_method", method),
                ("http_response_status_class", class),
            ];
            durations.histogram(&labels, &bounds(), &one.buckets, one.nanos as f64 / 1e9);
        }
    }
    let mut active = text.metric(
        "http_server_active_requests",
        Kind::Gauge,
        "Requests that were not answered to the end yet, streamed responses included.",
    );
    for (_, addr, stats) in &listeners {
        active.sample(&[("listener", addr)], stats.active);
    }
    let mut websockets = text.metric("rusm_websockets_open", Kind::Gauge, "Open WebSockets.");
    for (_, addr, stats) in &listeners {
        websockets.sample(&[("listener", addr)], stats.websockets);
    }
}

fn connections(text: &mut Text, shards: &[&ShardStats]) {
    let sum = |of: OfShard| shards.iter().map(|shard| of(shard)).sum::<u64>();
    text.single(
        "rusm_connections_open",
        Kind::Gauge,
        "Open connections of clients.",
        sum(|shard| shard.net.connections as u64),
    );
    text.single(
        "rusm_connections_accepted_total",
        Kind::Counter,
        "Connections of clients that were accepted.",
        sum(|shard| shard.net.accepted),
    );
    text.single(
        "rusm_body_memory_bytes",
        Kind::Gauge,
        "Memory of bodies that wait, those of up to 16 KiB left out (body-memory-per-core).",
        sum(|shard| shard.net.body_bytes),
    );
    let mut rejected = text.metric(
        "rusm_refused_total",
        Kind::Counter,
        "Connections and requests that were refused with 503, by the limit that was reached.",
    );
    let reasons = [
        ("max_connections", sum(|shard| shard.net.over_limit)),
        ("body_memory", sum(|shard| shard.net.over_body_memory)),
        ("pool_full", failures_of(shards, FailureKind::PoolFull)),
        ("held_per_core", failures_of(shards, FailureKind::HeldLimit)),
        (
            "process_memory",
            failures_of(shards, FailureKind::ProcessMemory),
        ),
        ("stopping", failures_of(shards, FailureKind::Stopping)),
    ];
    for (reason, count) in reasons {
        rejected.sample(&[("reason", reason)], count);
    }
}

fn failures_of(shards: &[&ShardStats], kind: FailureKind) -> u64 {
    let failures = shards.iter().flat_map(|shard| &shard.failures);
    failures
        .filter(|(of, _)| *of == kind)
        .map(|(_, count)| count)
        .sum()
}

fn pool(text: &mut Text, shards: &[&ShardStats]) {
    let sum = |of: OfShard| shards.iter().map(|shard| of(shard)).sum::<u64>();
    let gauges: [(_, _, OfShard); 4] = [
        (
            "rusm_pool_instances",
            "Instances that there may be at once (instances-per-core, on all cores).",
            |shard| u64::from(shard.pool.permits),
        ),
        (
            "rusm_pool_instances_in_use",
            "Instances that processes have.",
            |shard| u64::from(shard.pool.taken),
        ),
        (
            "rusm_pool_instances_kept",
            "Instances that were put back and wait for the next process.",
            |shard| shard.pool.kept as u64,
        ),
        (
            "rusm_pool_waiting",
            "Processes that wait for an instance (pool-wait-ms).",
            |shard| shard.pool.waiting as u64,
        ),
    ];
    for (name, help, of) in gauges {
        text.single(name, Kind::Gauge, help, sum(of));
    }
    let quotas: [(_, _, OfShard); 4] = [
        (
            "rusm_pool_held",
            "Instances that may hold a connection (held-per-core, on all cores).",
            |shard| u64::from(shard.pool.connections.0),
        ),
        (
            "rusm_pool_held_in_use",
            "Instances that hold a connection.",
            |shard| u64::from(shard.pool.connections.1),
        ),
        (
            "rusm_pool_spawned",
            "Instances that guests may spawn (spawned-per-core, on all cores).",
            |shard| u64::from(shard.pool.spawned.0),
        ),
        (
            "rusm_pool_spawned_in_use",
            "Instances that guests have spawned.",
            |shard| u64::from(shard.pool.spawned.1),
        ),
    ];
    for (name, help, of) in quotas {
        text.single(name, Kind::Gauge, help, sum(of));
    }
    let counters: [(_, _, OfShard); 3] = [
        (
            "rusm_instances_made_total",
            "Instances that were made.",
            |shard| shard.pool.made,
        ),
        (
            "rusm_instances_put_back_total",
            "Instances that were put back to their first state after a process.",
            |shard| shard.pool.put_back,
        ),
        (
            "rusm_instances_reused_total",
            "Processes that got an instance which was put back.",
            |shard| shard.pool.reused,
        ),
    ];
    for (name, help, of) in counters {
        text.single(name, Kind::Counter, help, sum(of));
    }
}

fn processes(text: &mut Text, shards: &[&ShardStats]) {
    let mut failures = text.metric(
        "rusm_process_failures_total",
        Kind::Counter,
        "Processes that failed, by how.",
    );
    for kind in FailureKind::ALL
        .into_iter()
        .filter(|kind| !kind.is_refusal())
    {
        failures.sample(&[("kind", failure_label(kind))], failures_of(shards, kind));
    }
    let sum = |of: OfShard| shards.iter().map(|shard| of(shard)).sum::<u64>();
    let numbers: [(_, _, _, OfShard); 7] = [
        ("rusm_processes", Kind::Gauge, "Processes.", |shard| {
            shard.tables.processes as u64
        }),
        (
            "rusm_calls_waiting",
            Kind::Gauge,
            "Calls between processes that are not answered yet.",
            |shard| shard.tables.calls as u64,
        ),
        (
            "rusm_timers",
            Kind::Gauge,
            "Timers of processes.",
            |shard| shard.tables.timers as u64,
        ),
        (
            "rusm_messages_dropped_total",
            Kind::Counter,
            "Messages that were dropped: their mailbox was full, or too small for them.",
            |shard| shard.counts.lost_messages,
        ),
        (
            "rusm_timers_dropped_total",
            Kind::Counter,
            "Timers that were dropped at a limit.",
            |shard| shard.counts.lost_timers,
        ),
        (
            "rusm_bus_sent_total",
            Kind::Counter,
            "Messages, calls and answers that were sent to another core.",
            |shard| shard.counts.bus_sent,
        ),
        (
            "rusm_bus_waiting",
            Kind::Gauge,
            "Messages, calls and answers that wait for another core.",
            |shard| shard.counts.bus_waiting as u64,
        ),
    ];
    for (name, kind, help, of) in numbers {
        text.single(name, kind, help, sum(of));
    }
}

fn failure_label(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Trap => "trap",
        FailureKind::Stack => "stack",
        FailureKind::Memory => "memory",
        FailureKind::Timeout => "timeout",
        FailureKind::Response => "response",
        FailureKind::Ended => "ended",
        FailureKind::Host => "host",
        FailureKind::PoolFull => "pool_full",
        FailureKind::HeldLimit => "held_per_core",
        FailureKind::ProcessMemory => "process_memory",
        FailureKind::Stopping => "stopping",
    }
}

fn services(text: &mut Text, node: &NodeState, shards: &[&ShardStats]) {
    let services = node.services();
    let phase = |of: ServicePhase| move |phase: ServicePhase| u8::from(phase == of);
    let (is_up, is_given_up) = (phase(ServicePhase::Up), phase(ServicePhase::GivenUp));
    let mut up = text.metric(
        "rusm_service_up",
        Kind::Gauge,
        "1 if the service has a process.",
    );
    for service in services {
        up.sample(&[("service", &service.name)], is_up(service.phase()));
    }
    let mut given_up = text.metric(
        "rusm_service_given_up",
        Kind::Gauge,
        "1 if the service died too often and is not started again (max-restarts).",
    );
    for service in services {
        given_up.sample(&[("service", &service.name)], is_given_up(service.phase()));
    }
    let mut restarts = text.metric(
        "rusm_service_restarts_total",
        Kind::Counter,
        "Restarts of the service.",
    );
    for service in services {
        restarts.sample(&[("service", &service.name)], service.restarts());
    }
    let mut mailbox = text.metric(
        "rusm_service_mailbox_messages",
        Kind::Gauge,
        "Messages in the mailbox of the service (mailbox-messages).",
    );
    for (index, depth) in shards.iter().flat_map(|shard| &shard.mailboxes) {
        if let Some(service) = services.get(*index) {
            mailbox.sample(&[("service", &service.name)], depth);
        }
    }
}

/// What shows whether the shards share the work.
fn each_shard(text: &mut Text, shards: &[Option<ShardStats>], are_up: &[bool]) {
    let mut up = text.metric(
        "rusm_shard_up",
        Kind::Gauge,
        "1 if the shard has told its numbers; else those are its last.",
    );
    for (shard, is_up) in are_up.iter().enumerate() {
        up.sample(&[("shard", &shard.to_string())], u8::from(*is_up));
    }
    let numbers: [(_, _, _, OfShard); 3] = [
        (
            "rusm_shard_requests_total",
            Kind::Counter,
            "Requests that have ended, by shard.",
            |shard| shard.requests.iter().map(RequestStats::count).sum(),
        ),
        (
            "rusm_shard_connections_open",
            Kind::Gauge,
            "Open connections, by shard.",
            |shard| shard.net.connections as u64,
        ),
        (
            "rusm_shard_processes",
            Kind::Gauge,
            "Processes, by shard.",
            |shard| shard.tables.processes as u64,
        ),
    ];
    for (name, kind, help, of) in numbers {
        let mut metric = text.metric(name, kind, help);
        for (index, shard) in shards.iter().enumerate() {
            if let Some(shard) = shard {
                metric.sample(&[("shard", &index.to_string())], of(shard));
            }
        }
    }
}

fn store(text: &mut Text, node: &NodeState) {
    let Some(stats) = node.store().map(|store| store.stats()) else {
        return;
    };
    let mut commits = text.metric(
        "rusm_store_commit_duration_seconds",
        Kind::Histogram,
        "Transactions of the store, from the first change until they are on disk.",
    );
    let bounds = COMMIT_BOUNDS.map(|bound| bound.as_secs_f64());
    commits.histogram(&[], &bounds, &stats.committed, stats.took.as_secs_f64());
    text.single(
        "rusm_store_commits_failed_total",
        Kind::Counter,
        "Transactions of the store that failed.",
        stats.not_committed,
    );
}
