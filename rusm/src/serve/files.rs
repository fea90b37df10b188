//! The limit of open files: each connection is one, and so is each file or socket of a guest.

use std::io;

use crate::CliError;

/// The limit of open files, and its shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OpenFiles {
    limit: u64,
}

impl OpenFiles {
    /// Raises the limit of this process to its maximum. The default, mostly 1,024, is for programs
    /// that use `select`.
    pub(super) fn raise() -> Self {
        let mut limit = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        // SAFETY: the call writes one `rlimit`, which lives as long as the call.
        if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
            let error = io::Error::last_os_error();
            tracing::warn!(%error, "the limit of open files is not known");
            return Self { limit: DEFAULT };
        }
        if limit.rlim_cur < limit.rlim_max {
            let raised = libc::rlimit {
                rlim_cur: limit.rlim_max,
                ..limit
            };
            // SAFETY: the call reads one `rlimit`, which lives as long as the call.
            if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const raised) } == 0 {
                limit = raised;
            }
        }
        Self {
            limit: limit.rlim_cur,
        }
    }

    /// Checks that the limit is enough to start `shards` shards with `listeners` listeners, and to
    /// serve a client.
    ///
    /// # Errors
    /// If it is not.
    pub(super) fn suffice(self, shards: usize, listeners: usize) -> Result<(), CliError> {
        let needed = OF_THE_NODE + (OF_A_SHARD + listeners as u64) * shards as u64;
        if self.limit >= needed {
            return Ok(());
        }
        Err(CliError::OpenFiles {
            limit: self.limit,
            shards,
            needed,
        })
    }

    /// Returns the maximum number of connections of all listeners. The server itself and guests
    /// always keep some files.
    pub(super) fn connections(self) -> usize {
        let kept = (self.limit / 4).clamp(KEPT_AT_LEAST, KEPT_AT_MOST);
        usize::try_from(self.limit.saturating_sub(kept).max(1)).unwrap_or(usize::MAX)
    }

    /// Returns how many WASI resources each of `instances` may hold. Each may be an open file:
    /// together they get half of the files, with a minimum for each.
    pub(super) fn resources_per_instance(self, instances: u64) -> usize {
        let share = self.limit / 2 / instances.max(1);
        let share = usize::try_from(share).unwrap_or(usize::MAX);
        share.clamp(LEAST_RESOURCES, rusm_wasm_pool::MAX_RESOURCES)
    }

    /// Warns if the manifest allows more connections than the limit. `asked` is the sum of
    /// `max-connections` of all listeners.
    pub(super) fn warn_if_scarce(self, asked: u64) {
        if let Some(warning) = self.warning(asked) {
            tracing::warn!("{warning}");
        }
    }

    fn warning(self, asked: u64) -> Option<String> {
        let connections = self.connections() as u64;
        (asked > connections).then(|| {
            let enough = asked + (asked / 3).clamp(KEPT_AT_LEAST, KEPT_AT_MOST);
            let limit = self.limit;
            format!(
                "the process may have {limit} files open, which is enough for {connections} \
                 connections; the listeners allow {asked} (max-connections). Beyond {connections} \
                 clients get 503. A limit of {enough} is enough for all (LimitNOFILE={enough} in a \
                 systemd unit, --ulimit nofile={enough} in Docker)"
            )
        })
    }
}

/// Files that a node has open regardless of its size: its streams, signals, the store, and files
/// opened for a moment; and those of a shard: its ring, its wake-ups, the map of its pages. Both
/// have a margin.
const OF_THE_NODE: u64 = 24;
const OF_A_SHARD: u64 = 8;
/// The default of the system, if the limit is unknown.
const DEFAULT: u64 = 1024;
/// Files reserved from connections: a quarter, within these bounds.
const KEPT_AT_LEAST: u64 = 64;
const KEPT_AT_MOST: u64 = 16 * 1024;
/// WASI resources that an instance needs at least.
const LEAST_RESOURCES: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_listener_fits_the_limits_that_systems_have() {
        let files = |limit| OpenFiles { limit };
        assert_eq!(files(1024).connections(), 768);
        assert_eq!(files(20_000).connections(), 15_000);
        assert_eq!(files(524_288).connections(), 507_904);
        assert_eq!(files(32).connections(), 1);
        assert_eq!(files(524_288).warning(10_000), None);
        let warning = files(1024).warning(10_000).unwrap();
        assert!(warning.contains("LimitNOFILE=13333 "), "{warning}");
        for asked in [100, 768, 10_000, 1_000_000] {
            let enough = asked + (asked / 3).clamp(KEPT_AT_LEAST, KEPT_AT_MOST);
            assert_eq!(files(enough).warning(asked), None, "{asked}");
        }
    }

    #[test]
    fn a_limit_that_is_too_low_is_an_error() {
        let files = |limit| OpenFiles { limit };
        assert!(files(32).suffice(1, 1).is_err());
        assert!(files(33).suffice(1, 1).is_ok());
        let said = files(256).suffice(64, 2).unwrap_err().to_string();
        assert!(said.contains("may have 256 files open"), "{said}");
        assert!(said.contains("LimitNOFILE"), "{said}");
    }

    #[test]
    fn guests_share_half_of_the_files() {
        let share = |limit, instances| OpenFiles { limit }.resources_per_instance(instances);
        assert_eq!(share(524_288, 512), 512);
        assert_eq!(share(524_288, 16), 1024);
        assert_eq!(share(20_000, 512), 128);
    }

    #[test]
    fn the_soft_limit_is_raised_to_the_hard_one() {
        let raised = OpenFiles::raise();
        assert_eq!(OpenFiles::raise(), raised);
        assert!(raised.limit >= 256, "{raised:?}");
    }
}
