//! `[node]`: the settings of the whole process.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use crate::cores::Cores;
use crate::error::Fault;
use crate::manifest::{Section, Value};

/// The settings of the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its cores, one shard each; if not given, all that the process may use.
    pub cores: Option<Cores>,
    /// Instances that may exist on one core at a time: 1 to 65 536.
    pub instances_per_core: u32,
    /// Instances among them for processes that guests of that core spawned: 1 to `instances_per_core`.
    /// The rest is reserved for requests and services.
    pub spawned_per_core: u32,
    /// Instances among them that may hold a connection, a WebSocket or a streamed response, while it waits: 1
    /// to `instances_per_core`. The rest is reserved for requests and services.
    pub held_per_core: u32,
    /// Time that a request may wait for a free instance. With zero, a full pool refuses at once.
    pub pool_wait: Duration,
    /// Bytes of buffered bodies on one core: of requests until they are answered, and of responses until
    /// their clients have read them.
    pub body_memory_per_core: u64,
    /// Bytes of what is kept of processes that wait without an instance, on all cores; if not given, half of
    /// the memory that the process may use.
    pub process_memory: Option<u64>,
    /// Time in which requests in flight may finish after a signal to stop.
    pub shutdown_grace: Duration,
    /// The file of the durable store, if there is one; a relative path starts at the app's
    /// directory.
    pub store: Option<PathBuf>,
}

impl Node {
    pub(crate) fn read(mut section: Section<'_>) -> Self {
        let default = Self::default();
        let cores = section.get("cores", Cores::read);
        let instances = section.get("instances-per-core", count);
        let instances_per_core =
            (instances.as_ref()).map_or(default.instances_per_core, |(count, _)| *count);
        // A number of instances that is wrong itself is nothing to compare with.
        let comparable = instances.is_some() || !section.has("instances-per-core");
        let mut part = |key: &'static str, default: fn(u32) -> u32| {
            let Some((part, place)) = section.get(key, count) else {
                return default(instances_per_core);
            };
            if comparable && part > instances_per_core {
                let whole = instances.as_ref().map(|(_, place)| place.clone());
                section.report(too_many(key, place, whole, instances_per_core));
            }
            part
        };
        let spawned_per_core = part("spawned-per-core", spawned_share);
        let held_per_core = part("held-per-core", held_share);
        let node = Self {
            cores,
            instances_per_core,
            spawned_per_core,
            held_per_core,
            pool_wait: section
                .get("pool-wait-ms", |v| v.integer(0..=60_000))
                .map_or(default.pool_wait, Duration::from_millis),
            body_memory_per_core: section
                .get("body-memory-per-core", |v| v.size(1 << 40))
                .unwrap_or(default.body_memory_per_core),
            process_memory: section.get("process-memory", |v| v.size(1 << 50)),
            shutdown_grace: section
                .get("shutdown-grace-s", |v| v.integer(0..=3_600))
                .map_or(default.shutdown_grace, Duration::from_secs),
            store: section.get("store", store),
        };
        section.finish();
        node
    }
}

impl Default for Node {
    fn default() -> Self {
        Self {
            cores: None,
            instances_per_core: INSTANCES,
            spawned_per_core: spawned_share(INSTANCES),
            held_per_core: held_share(INSTANCES),
            pool_wait: Duration::from_secs(1),
            body_memory_per_core: 256 << 20,
            process_memory: None,
            shutdown_grace: Duration::from_secs(10),
            store: None,
        }
    }
}

/// A number of guests on one core, and its place.
fn count(value: &Value<'_>) -> Result<(u32, Range<usize>), Fault> {
    let count = value.integer(1..=65_536)?;
    Ok((count as u32, value.span()))
}

/// Returns the default of the instances for spawned processes.
fn spawned_share(instances: u32) -> u32 {
    (instances / 4).max(1)
}

/// Returns the default of the instances that hold connections.
fn held_share(instances: u32) -> u32 {
    (instances / 2).max(1)
}

fn too_many(
    key: &str,
    place: Range<usize>,
    instances_place: Option<Range<usize>>,
    instances: u32,
) -> Fault {
    let message = format!("`{key}` is more than `instances-per-core`, {instances}");
    let fault = Fault::new(place, message, "a part of them cannot be more");
    let fault = match instances_place {
        Some(place) => fault.also(place, "all guests of a core"),
        None => fault,
    };
    fault.help("lower this, or raise `instances-per-core`")
}

fn store(value: &Value<'_>) -> Result<PathBuf, Fault> {
    let path = value.text()?;
    if path.text.is_empty() || path.text.contains('\0') {
        return Err(value
            .fault("the path of a file", "not a path")
            .help("write `store = \"data.redb\"`, or remove this if nothing is to be stored"));
    }
    Ok(PathBuf::from(path.text))
}

const INSTANCES: u32 = 256;
