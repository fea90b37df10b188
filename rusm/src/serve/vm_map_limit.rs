//! The kernel's limit of memory mappings, which the pools may reach.

use std::fs;

/// Warns if not all instances can be alive at once. `instances` is the sum over all shards, each with so many
/// `memories`.
pub(super) fn warn_if_scarce(instances: u64, memories: u64) {
    let Ok(text) = fs::read_to_string("/proc/sys/vm/max_map_count") else {
        return;
    };
    let Ok(allowed) = text.trim().parse() else {
        return;
    };
    if let Some(enough) = enough_for(instances, memories, allowed) {
        tracing::warn!(
            "the kernel's vm.max_map_count of {allowed} is enough for some {enough} live instances, \
             and the pools have {instances}: `sysctl -w vm.max_map_count={}`",
            needed(instances, memories)
        );
    }
}

/// Returns how many instances the kernel allows, if that is fewer than `instances`.
fn enough_for(instances: u64, memories: u64, allowed: u64) -> Option<u64> {
    (needed(instances, memories) > allowed).then(|| {
        let slots = instances * per_slot(memories) + OTHERS;
        allowed.saturating_sub(slots) / PER_INSTANCE
    })
}

fn needed(instances: u64, memories: u64) -> u64 {
    instances * (per_slot(memories) + PER_INSTANCE) + OTHERS
}

fn per_slot(memories: u64) -> u64 {
    PER_SLOT + PER_FURTHER_MEMORY * memories.saturating_sub(1)
}

/// Mappings of a slot of the pool, used or not; measured.
const PER_SLOT: u64 = 2;
/// Of each memory beyond the first.
const PER_FURTHER_MEMORY: u64 = 2;
/// Further mappings of a live instance: its memory image, its heap, its stack; measured.
const PER_INSTANCE: u64 = 4;
/// Mappings of code, the allocator and rings.
const OTHERS: u64 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_pool_is_no_matter_and_a_huge_one_is() {
        assert_eq!(enough_for(64 * 256, 1, 65_530 * 2), None);
        assert_eq!(enough_for(2 * 256, 2, 65_530), None);
        assert_eq!(enough_for(20_000, 1, 65_530), Some((65_530 - 41_000) / 4));
        assert_eq!(enough_for(20_000, 2, needed(20_000, 2)), None);
        assert_eq!(enough_for(1 << 20, 1, 65_530), Some(0));
    }
}
