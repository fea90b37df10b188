//! The responses to probes.

use std::time::Duration;

use super::state::{NodeState, ServicePhase};

/// Returns why the process should be restarted; `None` if it lives.
///
/// A shard ticks twenty times a second, whatever its guests do. One that does not is stuck by a defect of the server.
pub(super) fn dead(node: &NodeState) -> Option<String> {
    let silences = node.shards().iter().map(|shard| shard.silence());
    let mut stuck = silences.enumerate().filter_map(|(shard, silence)| {
        let silence = silence.filter(|silence| *silence > STUCK)?;
        Some(format!(
            "shard {shard} is stuck since {} s",
            silence.as_secs()
        ))
    });
    stuck.next()
}

/// Returns why the node should get no requests; `None` if it is ready.
pub(super) fn unready(node: &NodeState) -> Option<String> {
    if node.is_draining() {
        return Some("stopping: the requests in flight are finished".into());
    }
    let are_listening = || node.shards().iter().all(|shard| shard.silence().is_some());
    if !node.is_serving() || !are_listening() {
        return Some("starting".into());
    }
    let services = node.services().iter();
    let mut given_up = services.filter(|service| service.phase() == ServicePhase::GivenUp);
    if let Some(service) = given_up.next() {
        return Some(format!(
            "service `{}` died too often, and was given up",
            service.name
        ));
    }
    dead(node)
}

/// A shard that has not ticked for so long is stuck.
const STUCK: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::admin::{ServiceState, ShardClient};

    #[test]
    fn a_node_is_ready_from_when_it_serves_until_it_stops_or_lacks_a_service() {
        let stopping = Arc::<AtomicBool>::default();
        let asked = stopping.clone();
        let node = NodeState::new(move || asked.load(Ordering::Relaxed));
        assert_eq!(unready(&node).as_deref(), Some("starting"));
        assert_eq!(dead(&node), None);
        let services: Arc<[_]> = [ServiceState::new("clock".into(), 0)].into();
        node.set_services(services.clone());
        node.set_serving();
        assert_eq!(unready(&node), None);
        services[0].set(ServicePhase::Up);
        services[0].set(ServicePhase::Down);
        assert_eq!(unready(&node), None, "it will be back");
        services[0].set(ServicePhase::GivenUp);
        let reason = unready(&node).unwrap();
        assert!(reason.contains("`clock`"), "{reason}");
        stopping.store(true, Ordering::Relaxed);
        assert!(unready(&node).unwrap().starts_with("stopping"));
        assert_eq!(dead(&node), None);
    }

    #[test]
    fn a_node_is_not_ready_before_all_shards_listen() {
        let node = NodeState::new(|| false);
        let (shard, _queries) = ShardClient::channel();
        node.set_shards(vec![shard]);
        node.set_serving();
        assert_eq!(unready(&node).as_deref(), Some("starting"));
        assert_eq!(dead(&node), None);
    }
}
