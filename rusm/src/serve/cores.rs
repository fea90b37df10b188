//! The cores that the shards run on.

use core_affinity::CoreId;
use rusm_config::Cores;

use super::quota;
use crate::CliError;

/// The placement of the shards.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Placement {
    /// The core of each shard; `None` if the kernel may move it.
    pub(super) shards: Vec<Option<CoreId>>,
    /// The quota of CPU time that determined the number of shards.
    quota: Option<f64>,
}

/// Chooses the cores that were asked for, or all that this process may run on.
///
/// If a quota of CPU time is smaller than that, the number of shards follows the quota, and the
/// kernel places them: the idle cores are unknown, and all containers of a host would choose the
/// same ones.
pub(super) fn choose(asked: Option<&Cores>) -> Result<Placement, CliError> {
    let ours = core_affinity::get_core_ids().unwrap_or_default();
    if ours.is_empty() {
        return Err(CliError::Usage(
            "the system does not say which cores there are".into(),
        ));
    }
    let Some(asked) = asked else {
        return Ok(by_quota(ours, quota::cpu_quota()));
    };
    let cores = listed(asked, ours)?;
    Ok(Placement {
        shards: cores.into_iter().map(Some).collect(),
        quota: None,
    })
}

impl Placement {
    /// Returns the number of shards.
    pub(super) fn len(&self) -> usize {
        self.shards.len()
    }

    /// Returns the numbers of the cores, if the shards are pinned.
    pub(super) fn pinned(&self) -> Option<Vec<usize>> {
        let cores = self.shards.iter();
        cores.map(|core| core.map(|core| core.id)).collect()
    }

    /// Describes the placement for the operator: `2 shards on cores 0, 1`.
    pub(super) fn describe(&self) -> String {
        let shards = match self.len() {
            1 => "1 shard".to_owned(),
            count => format!("{count} shards"),
        };
        let place = match (self.pinned(), self.quota) {
            (Some(cores), _) if cores.len() == 1 => format!(" on core {}", names(&cores)),
            (Some(cores), _) => format!(" on cores {}", names(&cores)),
            (None, Some(quota)) => format!(" within a quota of {quota} CPUs"),
            (None, None) => String::new(),
        };
        shards + &place
    }
}

fn by_quota(ours: Vec<CoreId>, quota: Option<f64>) -> Placement {
    // A fraction of a core is a shard, too.
    let worth = quota.map(|quota| quota.ceil().max(1.0) as usize);
    match worth {
        Some(worth) if worth < ours.len() => Placement {
            shards: vec![None; worth],
            quota,
        },
        _ => Placement {
            shards: ours.into_iter().map(Some).collect(),
            quota: None,
        },
    }
}

fn listed(asked: &Cores, ours: Vec<CoreId>) -> Result<Vec<CoreId>, CliError> {
    match asked {
        Cores::Count(count) if count.get() <= ours.len() => {
            Ok(ours.into_iter().take(count.get()).collect())
        }
        Cores::Count(count) => Err(CliError::Usage(format!(
            "{count} cores were asked for, but this process may run on {} only",
            ours.len()
        ))),
        Cores::List(list) => {
            let cores = list.iter().map(|asked| {
                let core = ours.iter().find(|core| core.id == asked.0).copied();
                core.ok_or_else(|| {
                    let ours: Vec<_> = ours.iter().map(|core| core.id).collect();
                    CliError::Usage(format!(
                        "core {} was asked for, but this process may run on {} only",
                        asked.0,
                        names(&ours)
                    ))
                })
            });
            cores.collect()
        }
    }
}

fn names(cores: &[usize]) -> String {
    let names: Vec<_> = cores.iter().map(usize::to_string).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_bounds_the_shards_and_then_they_are_not_pinned() {
        let ours: Vec<_> = (0..64).map(|id| CoreId { id }).collect();
        for (quota, shards, text) in [
            (0.5, 1, "1 shard within a quota of 0.5 CPUs"),
            (1.5, 2, "2 shards within a quota of 1.5 CPUs"),
            (3.0, 3, "3 shards within a quota of 3 CPUs"),
        ] {
            let placed = by_quota(ours.clone(), Some(quota));
            assert_eq!(placed.shards, vec![None; shards]);
            assert_eq!(placed.describe(), text);
        }
        for quota in [None, Some(64.0), Some(100.0)] {
            let placed = by_quota(ours[..2].to_vec(), quota);
            assert_eq!(placed.describe(), "2 shards on cores 0, 1");
        }
    }
}
