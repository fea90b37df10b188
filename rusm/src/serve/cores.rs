//! Which cores the shards are pinned to.

use rusm_config::Cores;

use crate::Failure;

/// The cores that were asked for, or all that this process may run on.
pub(super) fn choose(asked: Option<&Cores>) -> Result<Vec<core_affinity::CoreId>, Failure> {
    let ours = core_affinity::get_core_ids().unwrap_or_default();
    if ours.is_empty() {
        return Err(Failure::Usage(
            "the system does not say which cores there are".into(),
        ));
    }
    match asked {
        None => Ok(ours),
        Some(Cores::Count(count)) if count.get() <= ours.len() => {
            Ok(ours.into_iter().take(count.get()).collect())
        }
        Some(Cores::Count(count)) => Err(Failure::Usage(format!(
            "{count} cores were asked for, but this process may run on {} only",
            ours.len()
        ))),
        Some(Cores::List(list)) => {
            let cores = list.iter().map(|asked| {
                let core = ours.iter().find(|core| core.id == asked.0).copied();
                core.ok_or_else(|| {
                    Failure::Usage(format!(
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

pub(super) fn names(cores: &[core_affinity::CoreId]) -> String {
    let names: Vec<_> = cores.iter().map(|core| core.id.to_string()).collect();
    names.join(", ")
}
