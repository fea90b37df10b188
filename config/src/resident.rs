//! Services: keys of `[components.<name>]`.

use std::time::Duration;

use crate::error::Fault;
use crate::manifest::{Section, Value};
use crate::name::ComponentName;

/// The settings of a service: a process that starts with the node and is restarted when it ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resident {
    /// The shard that it is pinned to, from 0; if not given, the node chooses one. The number of
    /// shards is not known here.
    pub shard: Option<u16>,
    /// The restart intensity. If not given, the service is restarted forever.
    pub intensity: Option<Intensity>,
}

/// The restart intensity of a service: with more restarts, the node gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intensity {
    /// Restarts allowed in that time: 0 to 1 000 000.
    pub restarts: u32,
    /// The time in which they are counted: a second to a day.
    pub within: Duration,
}

impl Resident {
    /// Takes its keys out of the `[components.<name>]` of `name`. Returns `None` if that is not a
    /// service.
    pub(crate) fn read(section: &mut Section<'_>, name: &ComponentName) -> Option<Self> {
        let resident = section.value("resident");
        let is_resident = resident.map_or(Ok(false), |v| v.boolean());
        let [shard, restarts, window] =
            ["shard", "max-restarts", "restart-window-s"].map(|key| section.value(key));
        match is_resident {
            Ok(true) => Some(Self {
                shard: shard
                    .and_then(|v| section.checked(v.integer(0..=1023)))
                    .map(|shard| shard as u16),
                intensity: Intensity::read(section, restarts, window),
            }),
            Ok(false) => {
                for key in [shard, restarts, window].into_iter().flatten() {
                    key.report(not_resident(&key, name));
                }
                None
            }
            // The validity of the other keys depends on it.
            Err(fault) => {
                section.report(fault);
                None
            }
        }
    }
}

impl Intensity {
    fn read(
        section: &Section<'_>,
        restarts: Option<Value<'_>>,
        window: Option<Value<'_>>,
    ) -> Option<Self> {
        let only = |value: &Value<'_>, key: &str, other: &str| {
            let message = format!("`{key}` says nothing without `{other}`");
            section.report(
                Fault::new(value.span(), message, "this alone")
                    .help("give both: `max-restarts = 5` and `restart-window-s = 60`"),
            );
        };
        match (restarts, window) {
            (None, None) => None,
            (Some(restarts), None) => {
                only(&restarts, "max-restarts", "restart-window-s");
                None
            }
            (None, Some(window)) => {
                only(&window, "restart-window-s", "max-restarts");
                None
            }
            (Some(restarts), Some(window)) => {
                let restarts = section.checked(restarts.integer(0..=1_000_000));
                let window = section.checked(window.integer(1..=DAY_S));
                Some(Self {
                    restarts: restarts? as u32,
                    within: Duration::from_secs(window?),
                })
            }
        }
    }
}

fn not_resident(key: &Value<'_>, name: &ComponentName) -> Fault {
    let message = format!("`{}` is for services, and `{name}` is none", key.name());
    Fault::new(key.span(), message, "of a component that is not resident")
        .help("set `resident = true`, or remove this")
}

const DAY_S: u64 = 24 * 60 * 60;
