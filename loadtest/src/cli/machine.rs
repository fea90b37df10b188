//! The machine of the generator.

use crate::model::Machine;

/// Describes the machine, as the kernel does.
pub(super) fn machine(generator_cores: &[usize]) -> Machine {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus
        .lines()
        .find(|line| line.starts_with("model name"))
        .and_then(|line| line.split_once(':'));
    Machine {
        kernel: kernel.trim().to_owned(),
        cpu: model
            .map(|(_, name)| name.trim().to_owned())
            .unwrap_or_default(),
        cores: core_ids().len(),
        generator_cores: generator_cores.to_vec(),
    }
}

/// Returns the default cores of the generator: the last one. Never all, since the server may be
/// here too.
pub(super) fn default_cores() -> Vec<usize> {
    core_ids().into_iter().max().into_iter().collect()
}

/// Raises the limit of open files to its maximum, since each connection is one.
pub(super) fn raise_file_limit() -> u64 {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the pointer is valid for the call.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return u64::MAX;
    }
    let raised = libc::rlimit {
        rlim_cur: limit.rlim_max,
        ..limit
    };
    // SAFETY: the pointer is valid for the call.
    if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const raised) } == 0 {
        raised.rlim_cur
    } else {
        limit.rlim_cur
    }
}

fn core_ids() -> Vec<usize> {
    let ids = core_affinity::get_core_ids().unwrap_or_default();
    ids.into_iter().map(|id| id.id).collect()
}
