//! QuickJS with RUSM's runtime in it, as a core module that `rusm build` snapshots together with an
//! author's bundle.
//!
//! - `exports`: what the snapshot and the component's exports call, by C's calling convention
//! - `engine`: the one QuickJS context of an instance, and the loop that runs an entry to its end
//! - `compile`: modules, compiled to bytecode
//! - `memory`: where its objects lie
//! - `entry`: what an entry is given, and what it answered
//! - `host`: what JavaScript can ask for (`../../runtime/host.d.ts`)
//! - `build`: what there is only while the snapshot is made

mod build;
mod compile;
mod engine;
mod entry;
mod exports;
mod host;
mod memory;

mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "wit"],
        world: "rusm:typescript/runner",
        generate_all,
    });
}
