//! From a crate to a core module.

mod cargo;
mod fit;
mod guard;
pub(crate) mod layout;
mod manifest;
mod sdk;
mod toolchain;
pub(crate) mod trim;

pub use cargo::CargoError;
pub(crate) use cargo::{CargoBuild, Linked};
pub(crate) use fit::{Fitted, fit};
pub use layout::MemoryLayout;
pub(crate) use manifest::Manifest;
pub use manifest::ManifestError;
pub(crate) use sdk::{unpack as unpack_sdk, version as sdk_version};
pub(crate) use toolchain::identity;
pub use toolchain::{TARGET, Toolchain, ToolchainError};
