//! Every size of the pool, from the one setting an operator knows and from the components.
//!
//! Pure: no engine, no system call.

use wasmtime::ResourcesRequired;

/// What one instance of a component takes, at the least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Linear memories.
    pub memories: u32,
    /// The largest initial memory, in bytes.
    pub initial_memory: u64,
    /// Tables of functions.
    pub tables: u32,
    /// The largest initial table, in elements.
    pub table_elements: u64,
    /// What its capability profile lets a memory grow to, in bytes.
    pub max_memory: u64,
}

impl Footprint {
    /// The footprint of a component that needs `required`, of which `initial_memory` bytes in its own largest memory,
    /// and may grow to `max_memory` bytes.
    pub fn new(required: &ResourcesRequired, initial_memory: u64, max_memory: u64) -> Self {
        Self {
            memories: required.num_memories,
            initial_memory,
            tables: required.num_tables,
            table_elements: required.max_initial_table_size.unwrap_or(0),
            max_memory,
        }
    }
}

/// The sizes of one shard's pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolSize {
    /// Instances that can be alive at once; so many fibers too.
    pub instances: u32,
    /// Memories one instance may have, and slots for all of them.
    pub memories_per_instance: u32,
    /// Tables one instance may have, and slots for all of them.
    pub tables_per_instance: u32,
    /// Elements a table slot has room for.
    pub table_elements: u32,
    /// Bytes a memory may grow to.
    pub max_memory: u64,
    /// Bytes of a memory that are reset in place when its instance ends, and so stay mapped.
    pub keep_resident: u64,
    /// Whether the kernel is asked which pages were written before they are reset.
    pub scan_dirty_pages: bool,
    /// Address space set aside for each memory slot, guards not counted.
    pub memory_reservation: u64,
}

impl PoolSize {
    /// The pool of one of `shards` shards, with `instances` at once of any of `components`.
    pub fn derive(instances: u32, shards: u32, components: &[Footprint]) -> Self {
        let most = |size: fn(&Footprint) -> u64| components.iter().map(size).max().unwrap_or(0);
        let largest = most(|c| c.initial_memory);
        let memories = most(|c| u64::from(c.memories)).max(1) as u32;
        let max_memory = most(|c| c.max_memory.max(c.initial_memory)).max(WASM_PAGE);
        // Beyond this, asking which pages were touched costs less than putting back all of them.
        let scan_dirty_pages = largest > SMALL_MEMORY;
        let keep_resident = largest.min(LARGEST_RESIDENT);
        let slots = u64::from(instances) * u64::from(shards) * u64::from(memories);
        // A slot of the full 32-bit range needs no bounds check in compiled code.
        let memory_reservation = if slots.saturating_mul(FULL_RANGE + GUARD) <= ADDRESS_SPACE {
            FULL_RANGE
        } else {
            max_memory.next_multiple_of(WASM_PAGE)
        };
        Self {
            instances,
            memories_per_instance: memories,
            tables_per_instance: most(|c| u64::from(c.tables)).max(1) as u32,
            table_elements: most(|c| c.table_elements).clamp(MIN_TABLE, MAX_TABLE) as u32,
            max_memory,
            keep_resident,
            scan_dirty_pages,
            memory_reservation,
        }
    }

    /// The same where pages may be swapped out: the kernel does not tell such a page from one that
    /// was never touched, and what one process has left in it would reach the next. So all are put
    /// back.
    #[must_use]
    pub fn for_swapped_memory(self) -> Self {
        Self {
            scan_dirty_pages: false,
            ..self
        }
    }
}

pub(super) const WASM_PAGE: u64 = 64 * 1024;
/// Up to here a whole memory is put back at each reset. For 64 KiB that takes 1.0 µs, and for 192
/// KiB 3.0; to ask the kernel and put back 32 KiB that were touched takes 0.5 µs in either.
const SMALL_MEMORY: u64 = WASM_PAGE;
/// More than this is given back to the kernel when an instance ends.
const LARGEST_RESIDENT: u64 = 4 * 1024 * 1024;
/// The whole range of a 32-bit memory.
pub const FULL_RANGE: u64 = 4 << 30;
const GUARD: u64 = 32 << 20;
/// Half of the 47 bits that a process has.
const ADDRESS_SPACE: u64 = 1 << 46;
const MIN_TABLE: u64 = 64;
const MAX_TABLE: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HANDLER: Footprint = Footprint {
        memories: 1,
        initial_memory: 2 * WASM_PAGE,
        tables: 1,
        table_elements: 40,
        max_memory: 64 << 20,
    };

    #[test]
    fn a_handler_is_reset_in_place_where_it_was_touched() {
        let pool = PoolSize::derive(256, 2, &[HANDLER]);
        assert_eq!(pool.keep_resident, HANDLER.initial_memory);
        assert!(pool.scan_dirty_pages);
        assert_eq!(pool.memory_reservation, FULL_RANGE);
    }

    #[test]
    fn a_page_of_memory_is_reset_whole() {
        let lean = Footprint {
            initial_memory: WASM_PAGE,
            ..HANDLER
        };
        let pool = PoolSize::derive(256, 2, &[lean]);
        assert_eq!(pool.keep_resident, WASM_PAGE);
        assert!(!pool.scan_dirty_pages);
    }

    #[test]
    fn what_may_be_swapped_out_is_reset_whole() {
        let pool = PoolSize::derive(256, 2, &[HANDLER]).for_swapped_memory();
        assert!(!pool.scan_dirty_pages);
        assert_eq!(pool.keep_resident, HANDLER.initial_memory);
    }

    #[test]
    fn a_large_guest_beside_it_stays_resident() {
        let large = Footprint {
            initial_memory: 24 * WASM_PAGE,
            ..HANDLER
        };
        let pool = PoolSize::derive(256, 2, &[HANDLER, large]);
        assert!(pool.scan_dirty_pages);
        assert_eq!(pool.keep_resident, large.initial_memory);
    }

    proptest! {
        #[test]
        fn the_pool_fits_every_component_and_the_address_space(
            instances in 1u32..=10_000,
            shards in 1u32..=256,
            pages in 0u64..=1024,
            grown in 1u64..=4096,
            tables in 0u32..=4,
        ) {
            let component = Footprint {
                memories: 1,
                initial_memory: pages * WASM_PAGE,
                tables,
                table_elements: 100,
                max_memory: grown << 20,
            };
            let pool = PoolSize::derive(instances, shards, &[HANDLER, component]);
            prop_assert!(pool.max_memory >= component.initial_memory.max(component.max_memory));
            prop_assert!(pool.memory_reservation >= pool.max_memory || pool.memory_reservation == FULL_RANGE);
            prop_assert!(pool.tables_per_instance >= tables);
            prop_assert!(pool.keep_resident <= LARGEST_RESIDENT.max(SMALL_MEMORY));
        }
    }
}
