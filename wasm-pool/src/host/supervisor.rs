//! Supervisors that guests start: `supervise` of `rusm:runtime/actor@0.1.0`.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use rusm_core::{Backoff, Child, Intensity, Restart, Shard, SpawnOptions, Strategy, Supervisor};

use crate::bindings::rusm::runtime::actor::{Pid as RawPid, SuperviseStrategy};
use crate::runtime;
use crate::state::HostState;

impl HostState {
    pub(super) fn start_supervisor(
        &mut self,
        strategy: SuperviseStrategy,
        children: Vec<String>,
        max_restarts: u32,
        within_ms: u32,
    ) -> Result<RawPid, String> {
        if !self.capabilities.spawn {
            return Err(self.lacks("allow-spawn"));
        }
        if children.len() > MAX_CHILDREN {
            return Err(format!("a supervisor has at most {MAX_CHILDREN} children"));
        }
        let gone = || "the shard is gone".to_owned();
        let shard = Shard::current().ok_or_else(gone)?;
        let runtime = runtime::current().ok_or_else(gone)?;
        let mut supervisor = Supervisor::new(match strategy {
            SuperviseStrategy::OneForOne => Strategy::OneForOne,
            SuperviseStrategy::OneForAll => Strategy::OneForAll,
            SuperviseStrategy::RestForOne => Strategy::RestForOne,
        })
        .backoff(Backoff::default());
        // It counts as a process that a guest spawned: its permit is held for as long as it lives.
        let permit = runtime
            .supervisor_permit()
            .map_err(|error| error.to_string())?;
        supervisor = supervisor.on_event(move |_| _ = &permit);
        if max_restarts > 0 {
            supervisor = supervisor.intensity(Intensity {
                restarts: max_restarts,
                within: match within_ms {
                    0 => Duration::MAX,
                    ms => Duration::from_millis(ms.into()),
                },
            });
        }
        for name in children {
            let target = runtime
                .component(&name)
                .ok_or_else(|| format!("there is no component `{name}`"))?;
            let capabilities = self.capabilities.clone();
            let healthy = Rc::<Cell<bool>>::default();
            let flag = healthy.clone();
            let start = move |_: &Shard| {
                let runtime = runtime::current().ok_or("the shard is gone")?;
                runtime
                    .spawn_for_guest(target, &capabilities, SpawnOptions::default(), flag.clone())
                    .map_err(|error| error.to_string().into())
            };
            supervisor = supervisor.child(Child {
                name: name.into(),
                start: Box::new(start),
                restart: Restart::Permanent,
                healthy,
            });
        }
        let options = SpawnOptions {
            label: Some(format!("supervisor of {}", self.component.name).into()),
            link: Some(self.pid),
            ..SpawnOptions::default()
        };
        let pid = supervisor
            .start(&shard, options)
            .map_err(|error| error.to_string())?;
        self.remember(pid);
        Ok(pid.as_raw())
    }
}

/// Children of a supervisor that a guest starts.
const MAX_CHILDREN: usize = 1024;
