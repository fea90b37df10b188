//! The limits of this process's control groups: a container may see 64 cores and have half the time of one,
//! and see all of the machine's memory.

use std::fs;
use std::path::{Path, PathBuf};

/// Returns the CPU time that this process may use, in cores, if it is limited.
pub(super) fn cpu_quota() -> Option<f64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    quota_of(&groups, Path::new("/sys/fs/cgroup"))
}

/// Returns the memory that this process may use, in bytes: that of the machine, or less if it is limited.
pub(super) fn memory() -> Option<u64> {
    let machine = fs::read_to_string("/proc/meminfo").ok();
    let machine = machine.as_deref().and_then(total_memory);
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limit = memory_limit_of(&groups, Path::new("/sys/fs/cgroup"));
    machine.into_iter().chain(limit).min()
}

/// Reads `MemTotal: 123 kB` of `/proc/meminfo`.
fn total_memory(text: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// Returns the smallest quota of the groups in `groups` (`/proc/self/cgroup`) and their ancestors.
fn quota_of(groups: &str, root: &Path) -> Option<f64> {
    let quotas = limits(groups, root, "cpu", unified, legacy);
    quotas.into_iter().min_by(f64::total_cmp)
}

/// Returns the smallest memory limit, likewise.
fn memory_limit_of(groups: &str, root: &Path) -> Option<u64> {
    let number = |text: &str| text.trim().parse().ok();
    let read = |file: PathBuf| fs::read_to_string(file).ok();
    let unified = |group: PathBuf| read(group.join("memory.max")).as_deref().and_then(number);
    let legacy = |group: PathBuf| {
        read(group.join("memory.limit_in_bytes"))
            .as_deref()
            .and_then(number)
    };
    let limits = limits(groups, root, "memory", unified, legacy);
    limits.into_iter().min()
}

/// Returns what the groups in `groups` and their ancestors limit of a controller's resource, which is read from a group
/// of version 2 or 1.
fn limits<T>(
    groups: &str,
    root: &Path,
    controller: &str,
    unified: impl Fn(PathBuf) -> Option<T>,
    legacy: impl Fn(PathBuf) -> Option<T>,
) -> Vec<T> {
    let mut found = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(group)) = (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let group = Path::new(group.trim_start_matches('/'));
        if controllers.is_empty() {
            found.extend(ancestors(root, group).filter_map(&unified));
        } else if controllers.split(',').any(|one| one == controller) {
            // The mount is named after the controller alone, or after all controllers that are
            // mounted together.
            let mounts = [controllers, controller].map(|name| root.join(name));
            if let Some(mount) = mounts.into_iter().find(|mount| mount.is_dir()) {
                found.extend(ancestors(&mount, group).filter_map(&legacy));
            }
        }
    }
    found
}

/// Returns `group` below `mount` and its ancestors. If the host's group is not visible, as in a container,
/// the last of them, the mount's own, is.
fn ancestors<'a>(mount: &'a Path, group: &'a Path) -> impl Iterator<Item = PathBuf> + 'a {
    group.ancestors().map(|group| mount.join(group))
}

/// Reads the quota of control groups version 2: `cpu.max` is "QUOTA PERIOD", or "max PERIOD".
fn unified(group: PathBuf) -> Option<f64> {
    let text = fs::read_to_string(group.join("cpu.max")).ok()?;
    let (quota, period) = text.trim().split_once(' ')?;
    ratio(quota, period)
}

/// Reads the quota of version 1: two files; -1 means no quota.
fn legacy(group: PathBuf) -> Option<f64> {
    let quota = fs::read_to_string(group.join("cpu.cfs_quota_us")).ok()?;
    let period = fs::read_to_string(group.join("cpu.cfs_period_us")).ok()?;
    ratio(quota.trim(), period.trim())
}

fn ratio(quota: &str, period: &str) -> Option<f64> {
    let (quota, period) = (quota.parse::<u64>().ok()?, period.parse::<u64>().ok()?);
    (quota > 0 && period > 0).then(|| quota as f64 / period as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, file: &str, text: &str) {
        let file = root.join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    #[test]
    fn version_2() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        write(root, "a/cpu.max", "150000 100000\n");
        write(root, "a/b/cpu.max", "max 100000\n");
        write(root, "c/cpu.max", "50000 100000\n");
        assert_eq!(quota_of("0::/a/b\n", root), Some(1.5));
        assert_eq!(quota_of("0::/c\n", root), Some(0.5));
        assert_eq!(quota_of("0::/\n", root), None);
        // In a container the group's path may be the host's.
        write(root, "cpu.max", "200000 100000\n");
        assert_eq!(
            quota_of("0::/system.slice/docker-x.scope\n", root),
            Some(2.0)
        );
        assert_eq!(quota_of("nonsense\n", root), None);
    }

    #[test]
    fn version_1() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        write(root, "cpu,cpuacct/x/cpu.cfs_quota_us", "25000\n");
        write(root, "cpu,cpuacct/x/cpu.cfs_period_us", "100000\n");
        write(root, "cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
        write(root, "cpu,cpuacct/cpu.cfs_period_us", "100000\n");
        let groups = "5:memory:/x\n4:cpu,cpuacct:/x\n1:name=systemd:/x\n0::/\n";
        assert_eq!(quota_of(groups, root), Some(0.25));
        assert_eq!(quota_of("4:cpu,cpuacct:/\n", root), None);
    }

    #[test]
    fn memory_is_that_of_the_machine_or_of_the_smallest_group() {
        assert_eq!(
            total_memory("MemTotal:       16303428 kB\nMemFree: 1 kB\n"),
            Some(16_303_428 << 10)
        );
        assert_eq!(total_memory("MemFree: 1 kB\n"), None);
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        write(root, "a/b/memory.max", "max\n");
        write(root, "a/memory.max", "1073741824\n");
        assert_eq!(memory_limit_of("0::/a/b\n", root), Some(1 << 30));
        assert_eq!(memory_limit_of("0::/\n", root), None);
        write(root, "memory/x/memory.limit_in_bytes", "4096\n");
        let groups = "4:cpu:/x\n3:memory:/x\n0::/a\n";
        assert_eq!(memory_limit_of(groups, root), Some(4096));
    }
}
