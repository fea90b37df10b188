//! Whatever processes of two shards do to one another, their quotas hold, nothing that was well is
//! lost, and when they have ended nothing is left of them.

#![no_main]

#[path = "../../core/tests/model/mod.rs"]
mod model;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| model::run(&model::decode(bytes)));
