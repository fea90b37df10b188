//! Compiles a crate to a core module.

mod cargo;
mod fit;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod guard;
pub(crate) mod layout;
mod manifest;
#[cfg(test)]
mod model;
mod sdk;
mod target_dir;
mod toolchain;
pub(crate) mod trim;

pub(crate) use cargo::CargoBuild;
pub use cargo::CargoError;
pub(crate) use fit::{Fitted, fit};
pub use layout::MemoryLayout;
pub(crate) use manifest::Manifest;
pub use manifest::ManifestError;
pub(crate) use sdk::{
    CARGO_CONFIG, is_made as is_made_config, show_to_cargo as show_sdk_to_cargo,
    unpack as unpack_sdk, version as sdk_version,
};
pub(crate) use toolchain::identity;
pub use toolchain::{TARGET, Toolchain, ToolchainError};
pub use trim::TrimError;
