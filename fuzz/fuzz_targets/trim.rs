//! A trimmed module is valid, has the imports and exports that it should, and does what it did.

#![no_main]

#[path = "../../build/src/rust/model/mod.rs"]
mod model;
mod smith;

use libfuzzer_sys::fuzz_target;
use rusm_build::fuzzing;
use wasm_smith::Config;

fuzz_target!(|bytes: &[u8]| {
    let Some((options, rest)) = model::Options::split(bytes) else {
        return;
    };
    let (shape, like) = options.shape(&mut |_, _| "unreachable".to_owned());
    let config = Config {
        module_shape: Some(like),
        ..smith::config()
    };
    if let Some(core) = smith::module(rest, config) {
        model::trims_without_a_trace(&shape, &core, options);
    }
});
