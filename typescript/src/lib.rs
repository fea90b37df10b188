//! From an author's TypeScript to a core module that has evaluated it.
//!
//! [`bundle()`] makes one ES module of the author's sources and npm packages. The runner
//! (`sdk/typescript/runner.wasm`) is QuickJS with RUSM's runtime: [`snapshot()`] runs its
//! initialisation once, with the bundle, and keeps the memory, so an instance of what it gives
//! starts where that has ended. What the author's module exports is its [`Description`], and
//! [`name_exports`] gives the snapshot these exports, with their types in WIT. [`SourceMap`] finds
//! the author's places for those in the bundle.
//!
//! Nothing here writes a file, and nothing but [`bundle()`] reads one.

mod bundle;
mod component;
mod description;
mod snapshot;
mod source_map;

pub use bundle::{BUNDLE_FILE, Bundle, BundleError, RUNTIME_MODULE, bundle};
pub use component::{ComponentError, name_exports};
pub use description::{Description, Kind};
pub use snapshot::{SnapshotError, snapshot};
pub use source_map::SourceMap;
