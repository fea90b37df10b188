//! The same as `small`, with a larger memory.

include!("../../small/src/probe.rs");
