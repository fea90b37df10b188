//! The CPU quota of this process's control groups: a container may see 64 cores and have half the
//! time of one.

use std::fs;
use std::path::{Path, PathBuf};

/// Returns the CPU time that this process may use, in cores, if it is limited.
pub(super) fn cpu_quota() -> Option<f64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    quota_of(&groups, Path::new("/sys/fs/cgroup"))
}

/// Returns the smallest quota of the groups in `groups` (`/proc/self/cgroup`) and their ancestors.
fn quota_of(groups: &str, root: &Path) -> Option<f64> {
    let quotas = groups.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, group) = (parts.next()?, parts.next()?, parts.next()?);
        let group = Path::new(group.trim_start_matches('/'));
        match controllers {
            "" => smallest(root, group, unified),
            controllers if controllers.split(',').any(|controller| controller == "cpu") => {
                // The mount is named after the controller alone, or after all controllers that are
                // mounted together.
                let mounts = [controllers, "cpu"].map(|name| root.join(name));
                let mount = mounts.into_iter().find(|mount| mount.is_dir())?;
                smallest(&mount, group, legacy)
            }
            _ => None,
        }
    });
    quotas.min_by(f64::total_cmp)
}

/// Returns the smallest quota of `group` below `mount` and of its ancestors. If the host's group is
/// not visible, as in a container, this is the mount's own.
fn smallest(mount: &Path, group: &Path, read: fn(PathBuf) -> Option<f64>) -> Option<f64> {
    let groups = group.ancestors().map(|group| mount.join(group));
    groups.filter_map(read).min_by(f64::total_cmp)
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
}
