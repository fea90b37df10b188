//! Modules of wasm-smith, of what the compilers of guests use.

use libfuzzer_sys::arbitrary::Unstructured;
use wasm_smith::{Config, MemoryOffsetChoices, Module};

/// A module whose functions end, if the bytes are enough for one: of the steps that they have left
/// each takes one.
pub fn module(bytes: &[u8], config: Config) -> Option<Vec<u8>> {
    let mut module = Module::new(config, &mut Unstructured::new(bytes)).ok()?;
    module.ensure_termination(STEPS).ok()?;
    Some(module.to_bytes())
}

pub fn config() -> Config {
    Config {
        bulk_memory_enabled: true,
        canonicalize_nans: true,
        custom_page_sizes_enabled: false,
        exceptions_enabled: false,
        gc_enabled: false,
        max_data_segments: 8,
        max_element_segments: 8,
        max_elements: 20,
        max_funcs: 30,
        max_globals: 12,
        max_instructions: 60,
        max_memory32_bytes: 1 << 20,
        max_memory64_bytes: 1 << 20,
        max_table_elements: 100,
        max_tables: 3,
        max_types: 20,
        max_values: 4,
        memory64_enabled: false,
        memory_offset_choices: MemoryOffsetChoices(90, 9, 1),
        // Wasmtime would need a garbage collector for those of others.
        reference_types_enabled: false,
        relaxed_simd_enabled: false,
        shared_everything_threads_enabled: false,
        threads_enabled: false,
        wide_arithmetic_enabled: false,
        ..Config::default()
    }
}

const STEPS: u32 = 300;
