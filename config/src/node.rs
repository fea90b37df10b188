//! `[node]`: what concerns the whole process.

use std::time::Duration;

use crate::cores::Cores;
use crate::manifest::Section;

/// How the process runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Which cores, one shard each; all that the process may use if not given.
    pub cores: Option<Cores>,
    /// How many guests may live on one core at a time: 1 to 10 000.
    pub instances_per_core: u32,
    /// How long a request may wait for a free instance. At zero a full pool refuses at once.
    pub pool_wait: Duration,
    /// How long requests in flight may take to finish after a signal to stop.
    pub shutdown_grace: Duration,
}

impl Node {
    pub(crate) fn read(mut section: Section<'_>) -> Self {
        let default = Self::default();
        let node = Self {
            cores: section.get("cores", Cores::read),
            instances_per_core: section
                .get("instances-per-core", |v| v.integer(1..=10_000))
                .map_or(default.instances_per_core, |count| count as u32),
            pool_wait: section
                .get("pool-wait-ms", |v| v.integer(0..=60_000))
                .map_or(default.pool_wait, Duration::from_millis),
            shutdown_grace: section
                .get("shutdown-grace-s", |v| v.integer(0..=3_600))
                .map_or(default.shutdown_grace, Duration::from_secs),
        };
        section.finish();
        node
    }
}

impl Default for Node {
    fn default() -> Self {
        Self {
            cores: None,
            instances_per_core: 256,
            pool_wait: Duration::from_secs(1),
            shutdown_grace: Duration::from_secs(10),
        }
    }
}
