//! The resident services: their placement on shards, and their start.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_channel::oneshot;
use rusm_config::{App, Resident};
use rusm_core::{
    Backoff, Child, ExitReason, Intensity, Node, ReservedName, Restart, ShardId, SpawnOptions,
    Strategy, Supervisor, SupervisorEvent,
};
use rusm_wasm_pool::{Progress, ShardPool};

use crate::admin::{ServicePhase, ServiceState};
use crate::app_error::{AppError, ServiceError};

/// A resident service, and its shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Service {
    /// The name of the component, by which other processes find the service.
    pub(super) name: Arc<str>,
    pub(super) shard: ShardId,
    pub(super) resident: Resident,
}

/// Spreads the services of an app over `shards` shards: first the pinned ones, then each of the
/// others on the shard with the fewest.
///
/// # Errors
/// If a service is pinned to a shard that does not exist.
pub(super) fn place(app: &App, shards: usize) -> Result<Vec<Service>, AppError> {
    let mut load = vec![0usize; shards];
    let residents = app.components.iter().filter_map(|(name, component)| {
        let resident = component.resident.clone()?;
        Some((Arc::<str>::from(name.as_str()), resident))
    });
    let (pinned, free): (Vec<_>, Vec<_>) =
        residents.partition(|(_, resident)| resident.shard.is_some());
    let mut services = Vec::new();
    for (name, resident) in pinned.into_iter().chain(free) {
        let shard = match resident.shard {
            Some(shard) => usize::from(shard),
            None => (0..shards).min_by_key(|shard| load[*shard]).unwrap_or(0),
        };
        let Some(count) = load.get_mut(shard) else {
            return Err(AppError::NoShard {
                component: name,
                shard,
                shards,
            });
        };
        *count += 1;
        services.push(Service {
            name,
            shard: ShardId::new(u16::try_from(shard).unwrap_or(u16::MAX)),
            resident,
        });
    }
    Ok(services)
}

/// Reserves the names of the services before any guest runs: no other process can take a name while
/// its service restarts, or after it was given up.
///
/// # Errors
/// If a component's name is too long for a process.
pub(super) fn reserve(node: &Node, services: &[Service]) -> Result<Arc<[ReservedName]>, AppError> {
    let names = services.iter().map(|service| {
        let reserved = node.reserve(&service.name);
        reserved.map_err(|error| not_started(&service.name, error))
    });
    names.collect()
}

/// Creates the states of the services, in the same order: none has a process.
pub(super) fn states(services: &[Service]) -> Arc<[ServiceState]> {
    let states = services.iter();
    states
        .map(|service| ServiceState::new(service.name.clone(), service.shard.index()))
        .collect()
}

/// The services of the node, each with its name and its state at the same index.
#[derive(Clone, Copy)]
pub(super) struct Residents<'s> {
    pub(super) services: &'s [Service],
    pub(super) names: &'s [ReservedName],
    pub(super) states: &'s Arc<[ServiceState]>,
}

/// A service that was spawned and has not started yet.
pub(super) struct Starting {
    name: Arc<str>,
    started: oneshot::Receiver<()>,
    died: oneshot::Receiver<ExitReason>,
}

/// Starts the services of this shard. Each has its own supervisor, so that one that gives up
/// affects no other. During development (`is_dev`) no service is given up: the next change may fix
/// it.
///
/// The services have their names when this returns, and run when the shard does: see [`settle`].
///
/// # Errors
/// If a component is not a service.
pub(super) fn boot(
    pool: &Rc<ShardPool>,
    residents: Residents<'_>,
    is_dev: bool,
) -> Result<Vec<Starting>, AppError> {
    let services = residents.services.iter().enumerate();
    let own = services.filter(|(_, service)| service.shard == pool.shard().id());
    let mut starting = Vec::new();
    for (index, service) in own {
        let component = pool
            .component(&service.name)
            .ok_or_else(|| not_started(&service.name, ServiceError::NotLoaded))?;
        pool.check_process(component)
            .map_err(|error| not_started(&service.name, error))?;
        let reserved = residents.names.get(index);
        let reserved =
            reserved.ok_or_else(|| not_started(&service.name, ServiceError::NotReserved))?;
        let (tell_started, started) = oneshot::channel();
        let (tell_died, died) = oneshot::channel();
        starting.push(Starting {
            name: service.name.clone(),
            started,
            died,
        });
        let mut tell_died = Some(tell_died);
        let states = residents.states.clone();
        let on_event = move |event: SupervisorEvent| {
            if let Some(state) = states.get(index) {
                note(state, &event);
            }
            match &event {
                SupervisorEvent::Died { reason, .. } => {
                    if let Some(tell) = tell_died.take() {
                        // It may have started long ago.
                        let _ = tell.send(reason.clone());
                    }
                }
                // It was not even spawned.
                SupervisorEvent::Restarting { .. } => drop(tell_died.take()),
                _ => {}
            }
            log(event);
        };
        let mut supervisor = Supervisor::new(Strategy::OneForOne)
            .backoff(Backoff::default())
            .on_event(on_event);
        if is_dev {
            supervisor = supervisor.intensity(Intensity {
                restarts: u32::MAX,
                within: Duration::from_secs(1),
            });
        } else if let Some(intensity) = &service.resident.intensity {
            supervisor = supervisor.intensity(Intensity {
                restarts: intensity.restarts,
                within: intensity.within,
            });
        }
        let (starter, name) = (pool.clone(), service.name.clone());
        let healthy = Rc::<Cell<bool>>::default();
        let not_loaded = || Arc::<str>::from(ServiceError::NotLoaded.to_string());
        let (reported, reserved) = (healthy.clone(), reserved.clone());
        let mut tell_started = Some(tell_started);
        let start = move |_: &rusm_core::Shard| {
            let options = SpawnOptions {
                reserved_name: Some(reserved.clone()),
                resident: true,
                ..SpawnOptions::default()
            };
            let progress = Progress {
                healthy: reported.clone(),
                started: tell_started.take(),
            };
            // The component may have been replaced since the last start.
            let component = starter.component(&name).ok_or_else(not_loaded)?;
            starter
                .spawn(component, options, progress)
                .map_err(|error| error.to_string().into())
        };
        let supervisor = supervisor.child(Child {
            name: service.name.clone(),
            start: Box::new(start),
            restart: Restart::Permanent,
            healthy,
        });
        let options = SpawnOptions {
            label: Some(format!("supervisor of {}", service.name).into()),
            ..SpawnOptions::default()
        };
        let started = supervisor.start(pool.shard(), options);
        started.map_err(|error| not_started(&service.name, error))?;
    }
    Ok(starting)
}

/// Waits until the services of this shard have started: each has its instance, and its `init` has
/// returned.
///
/// # Errors
/// If a service died before: the node does not start without it. During development (`is_dev`) it
/// does, and the service is tried again.
pub(super) async fn settle(starting: Vec<Starting>, is_dev: bool) -> Result<(), AppError> {
    for service in starting {
        if service.started.await.is_ok() || is_dev {
            continue;
        }
        let error = match service.died.await {
            Ok(reason) => ServiceError::Ended(reason),
            Err(_) => ServiceError::NotSpawned,
        };
        return Err(not_started(&service.name, error));
    }
    Ok(())
}

fn not_started(service: &Arc<str>, error: impl Into<ServiceError>) -> AppError {
    AppError::Service {
        service: service.clone(),
        error: error.into(),
    }
}

fn note(state: &ServiceState, event: &SupervisorEvent) {
    match event {
        SupervisorEvent::Started { .. } => state.set(ServicePhase::Up),
        SupervisorEvent::Died { .. } => state.set(ServicePhase::Down),
        SupervisorEvent::Restarting { .. } => state.count_restart(),
        SupervisorEvent::GaveUp { .. } => state.set(ServicePhase::GivenUp),
    }
}

fn log(event: SupervisorEvent) {
    match event {
        SupervisorEvent::Started { name, pid } => {
            tracing::debug!(service = &*name, %pid, "started");
        }
        SupervisorEvent::Died { name, pid, reason } => {
            tracing::debug!(service = &*name, %pid, "died: {reason}");
        }
        SupervisorEvent::Restarting { name, after } if after.is_zero() => {
            tracing::debug!(service = &*name, "is started again");
        }
        SupervisorEvent::Restarting { name, after } => {
            tracing::warn!(
                service = &*name,
                "died before it had done anything: it is started again in {after:?}"
            );
        }
        SupervisorEvent::GaveUp { name } => {
            tracing::error!(
                service = &*name,
                "died too often and is not started again (max-restarts, restart-window-s)"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(components: &str, shards: usize) -> Result<Vec<(String, u16)>, AppError> {
        let app = rusm_config::parse("test", components).unwrap();
        let services = place(&app, shards)?.into_iter();
        Ok(services
            .map(|service| (service.name.to_string(), service.shard.index()))
            .collect())
    }

    #[test]
    fn services_are_spread_around_those_that_are_pinned() {
        let manifest = "
            [components.a]
            resident = true
            [components.b]
            resident = true
            [components.c]
            resident = true
            shard = 0
            [components.handler]
        ";
        let expected = [("c", 0), ("a", 1), ("b", 0)].map(|(name, shard)| (name.into(), shard));
        assert_eq!(placed(manifest, 2).unwrap(), expected);
    }

    #[test]
    fn a_shard_that_is_not_there_is_named() {
        let manifest = "[components.a]\nresident = true\nshard = 2\n";
        let error = placed(manifest, 2).unwrap_err().to_string();
        assert!(
            error.contains("`a` is pinned to shard 2, but there are 2"),
            "{error}"
        );
    }
}
