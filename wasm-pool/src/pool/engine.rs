//! The engine of one shard.

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::limits::PoolSize;
use crate::stack::CALL_STACK;

/// An engine that only compiles, for the engines whose memory slots take `memory_reservation`
/// bytes of address space: compiled code counts on them.
///
/// # Errors
/// When the CPU lacks what the compiler counts on.
pub fn compiler_engine(memory_reservation: u64) -> wasmtime::Result<Engine> {
    Engine::new(&compiler_config(memory_reservation))
}

/// The engine of one shard, with a pool of `size`.
///
/// # Errors
/// When the address space of the pool can't be had (`ulimit -v`, a container's limit).
pub fn shard_engine(size: &PoolSize) -> wasmtime::Result<Engine> {
    let mut config = compiler_config(size.memory_reservation);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool_config(size)));
    Engine::new(&config)
}

fn compiler_config(memory_reservation: u64) -> Config {
    let mut config = Config::new();
    config
        .memory_reservation(memory_reservation)
        .epoch_interruption(true)
        .concurrency_support(false)
        .wasm_component_model(true)
        .async_stack_size(CALL_STACK + HOST_STACK)
        .max_wasm_stack(CALL_STACK);
    config
}

fn pool_config(size: &PoolSize) -> PoolingAllocationConfig {
    let bytes = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(size.instances)
        .total_core_instances(size.instances.saturating_mul(CORE_INSTANCES))
        .max_core_instances_per_component(CORE_INSTANCES)
        .total_memories(size.instances.saturating_mul(size.memories_per_instance))
        .max_memories_per_component(size.memories_per_instance)
        .max_memories_per_module(size.memories_per_instance)
        .total_tables(size.instances.saturating_mul(size.tables_per_instance))
        .max_tables_per_component(size.tables_per_instance)
        .max_tables_per_module(size.tables_per_instance)
        .table_elements(size.table_elements as usize)
        .total_stacks(size.instances)
        .max_memory_size(bytes(size.max_memory))
        .linear_memory_keep_resident(bytes(size.keep_resident))
        .table_keep_resident(size.table_elements as usize * size_of::<usize>())
        .async_stack_keep_resident(STACK_RESIDENT)
        // A slot that is free stays mapped to the memory image of its last component.
        .max_unused_warm_slots(size.instances)
        .pagemap_scan(if size.scan_dirty_pages {
            Enabled::Auto
        } else {
            Enabled::No
        });
    pool
}

/// Core instances in a component: its own modules, and the shims between them.
const CORE_INSTANCES: u32 = 32;
/// Of a fiber's stack, the part of host functions.
const HOST_STACK: usize = 512 << 10;
/// Of a stack, what stays mapped between two processes.
const STACK_RESIDENT: usize = 64 * 1024;
