//! A module that was given the memory of its layout is valid and does what it did; with what the
//! linker tells of it, it is the one that the linker would have made of that size.

#![no_main]

#[path = "../../build/src/rust/model/mod.rs"]
mod model;
mod smith;

use libfuzzer_sys::fuzz_target;
use rusm_build::fuzzing;
use wasm_smith::Config;

fuzz_target!(|bytes: &[u8]| match bytes {
    [0..128, bytes @ ..] => model::fits_as_linked(bytes),
    [_, stack, heap, bytes @ ..] => {
        let layout = fuzzing::MemoryLayout {
            stack: u32::from(*stack) * 1024,
            heap: u32::from(*heap) * 1024,
        };
        let config = Config {
            generate_custom_sections: true,
            max_imports: 4,
            max_memories: 2,
            ..smith::config()
        };
        if let Some(core) = smith::module(bytes, config) {
            model::fits_without_a_trace(&core, layout);
        }
    }
    _ => {}
});
