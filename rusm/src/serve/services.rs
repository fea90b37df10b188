//! The resident services: which shard each lives on, and that it lives.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rusm_config::{App, Resident};
use rusm_core::{
    Backoff, Child, Intensity, Restart, ShardId, SpawnOptions, Strategy, Supervisor,
    SupervisorEvent,
};
use rusm_wasm_pool::ShardPool;

use crate::Failure;

/// A resident service, and its shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Service {
    /// Of the component, and what other processes find it by.
    pub(super) name: Arc<str>,
    pub(super) shard: ShardId,
    pub(super) resident: Resident,
}

/// Spread the services of an app over `shards` shards: pinned ones as they are pinned, then each
/// of the others to the shard that has the fewest.
///
/// # Errors
/// When one is pinned to a shard that isn't there.
pub(super) fn place(app: &App, shards: usize) -> Result<Vec<Service>, Failure> {
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
            return Err(Failure::App(format!(
                "component `{name}` is pinned to shard {shard}, but there are {shards}, counted \
                 from 0 (cores under [node])"
            )));
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

/// Start the services of this shard, each with a supervisor of its own: one that gives up takes
/// no other with it. None is given up while it is worked on (`is_dev`): the next change may mend it.
///
/// # Errors
/// When a component is no service.
pub(super) fn boot(
    pool: &Rc<ShardPool>,
    services: &[Service],
    is_dev: bool,
) -> Result<(), Failure> {
    let own = services.iter().filter(|s| s.shard == pool.shard().id());
    for service in own {
        let refused = |why: &dyn std::fmt::Display| {
            Failure::App(format!(
                "service `{}` can't be started: {why}",
                service.name
            ))
        };
        let not_loaded = "it was not loaded";
        let component = pool
            .component(&service.name)
            .ok_or_else(|| refused(&not_loaded))?;
        pool.check_process(component).map_err(|why| refused(&why))?;
        let mut supervisor = Supervisor::new(Strategy::OneForOne)
            .backoff(Backoff::default())
            .on_event(log);
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
        let sound = Rc::<Cell<bool>>::default();
        let told = sound.clone();
        let start = move |_: &rusm_core::Shard| {
            let options = SpawnOptions {
                name: Some(name.clone()),
                ..SpawnOptions::default()
            };
            // Another one than at the last start, if it was replaced.
            let component = starter.component(&name).ok_or(not_loaded)?;
            starter
                .spawn(component, options, told.clone())
                .map_err(|error| error.to_string().into())
        };
        let supervisor = supervisor.child(Child {
            name: service.name.clone(),
            start: Box::new(start),
            restart: Restart::Permanent,
            sound,
        });
        let options = SpawnOptions {
            label: Some(format!("supervisor of {}", service.name).into()),
            ..SpawnOptions::default()
        };
        let started = supervisor.start(pool.shard(), options);
        started.map_err(|why| refused(&why))?;
    }
    Ok(())
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

    fn placed(components: &str, shards: usize) -> Result<Vec<(String, u16)>, Failure> {
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
