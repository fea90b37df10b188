//! Detects whether the kernel may swap out this process's memory.

use std::fs;
use std::path::Path;

/// Returns whether this machine has swap, and the process's control group allows it.
pub(crate) fn is_possible() -> bool {
    let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
    let group = read(Path::new("/proc/self/cgroup"));
    let limits = ancestors(&group).map(|group| {
        let root = Path::new("/sys/fs/cgroup");
        read(&root.join(group).join("memory.swap.max"))
    });
    has_swap(&read(Path::new("/proc/swaps"))) && !limits.into_iter().any(|limit| is_zero(&limit))
}

/// Returns the control groups (version 2) of a process, the innermost first, from
/// `/proc/self/cgroup`.
fn ancestors(group: &str) -> impl Iterator<Item = &Path> {
    let group = group.lines().find_map(|line| line.strip_prefix("0::/"));
    group
        .into_iter()
        .flat_map(|group| Path::new(group).ancestors())
}

/// Parses `/proc/swaps`, a table with a header line.
fn has_swap(swaps: &str) -> bool {
    swaps.lines().count() > 1
}

fn is_zero(limit: &str) -> bool {
    limit.trim() == "0"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_without_entries_is_no_swap() {
        assert!(!has_swap(""));
        assert!(!has_swap("Filename\tType\tSize\tUsed\tPriority\n"));
        assert!(has_swap("Filename\tType\n/dev/sda2 partition 1 0 -2\n"));
    }

    #[test]
    fn a_group_and_those_around_it_may_forbid_it() {
        let groups = "1:cpu:/x\n0::/system.slice/rusm.service\n";
        let found: Vec<_> = ancestors(groups).collect();
        let expected = ["system.slice/rusm.service", "system.slice", ""];
        assert_eq!(found, expected.map(Path::new));
        assert!(ancestors("").next().is_none());
        assert!(is_zero("0\n") && !is_zero("max\n") && !is_zero(""));
    }
}
