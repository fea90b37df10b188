//! The settings of a component's `Cargo.toml` that affect the build.

use std::path::{Path, PathBuf};

use semver::{Version, VersionReq};
use serde::Deserialize;
use toml::Table;

use super::layout::MemoryLayout;
use super::sdk;
use crate::BoxError;

/// The relevant parts of a component's `Cargo.toml`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// From `[package.metadata.rusm]`.
    pub(crate) layout: MemoryLayout,
    /// True if it has a library. A crate with only `src/main.rs` is built as a program: crates of
    /// `wasi:http` export from either.
    pub(crate) is_library: bool,
    /// True if the crate takes the SDK of our version from the registry, and so must get ours
    /// instead.
    pub(crate) wants_sdk: bool,
}

impl Manifest {
    /// Reads the manifest in `crate_dir`. Dependencies may be inherited from a workspace whose root
    /// is that directory or an ancestor, up to `app_dir`.
    pub(crate) fn read(crate_dir: &Path, app_dir: &Path) -> Result<Self, ManifestError> {
        let manifest = read_table(&crate_dir.join("Cargo.toml"))?;
        let metadata = manifest
            .get("package")
            .and_then(|p| p.get("metadata")?.get("rusm"));
        let sizes: Sizes = metadata.cloned().map_or(Ok(Sizes::default()), |sizes| {
            sizes
                .try_into()
                .map_err(|error: toml::de::Error| ManifestError {
                    file: crate_dir.join("Cargo.toml"),
                    reason: format!("in [package.metadata.rusm]: {}", error.message()).into(),
                })
        })?;
        Ok(Self {
            layout: sizes.layout(),
            is_library: manifest.contains_key("lib")
                || crate_dir.join("src/lib.rs").is_file()
                || !crate_dir.join("src/main.rs").is_file(),
            wants_sdk: wants_sdk(&manifest, crate_dir, app_dir)?,
        })
    }
}

/// The reason why a manifest can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{file} can't be used")]
pub struct ManifestError {
    file: PathBuf,
    #[source]
    reason: BoxError,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Sizes {
    stack_kib: Option<u16>,
    heap_kib: Option<u16>,
}

impl Sizes {
    fn layout(&self) -> MemoryLayout {
        let bytes = |kib: Option<u16>| kib.map(|kib| u32::from(kib) * 1024);
        let default = MemoryLayout::default();
        MemoryLayout {
            stack: bytes(self.stack_kib).unwrap_or(default.stack),
            heap: bytes(self.heap_kib).unwrap_or(default.heap),
        }
    }
}

fn wants_sdk(manifest: &Table, crate_dir: &Path, app_dir: &Path) -> Result<bool, ManifestError> {
    let Some(dependency) = manifest
        .get("dependencies")
        .and_then(|d| d.get(sdk::PACKAGE))
    else {
        return Ok(false);
    };
    if dependency.get("workspace").is_none() {
        return Ok(is_ours(dependency));
    }
    for dir in crate_dir
        .ancestors()
        .take_while(|dir| dir.starts_with(app_dir))
    {
        let file = dir.join("Cargo.toml");
        if !file.is_file() {
            continue;
        }
        let root = read_table(&file)?;
        let inherited = root
            .get("workspace")
            .and_then(|w| w.get("dependencies")?.get(sdk::PACKAGE));
        if let Some(inherited) = inherited {
            return Ok(is_ours(inherited));
        }
    }
    Ok(false)
}

/// Returns whether a dependency comes from the registry, in a version that ours satisfies.
fn is_ours(dependency: &toml::Value) -> bool {
    let is_from_registry = ["path", "git"]
        .iter()
        .all(|source| dependency.get(source).is_none());
    let required = dependency.as_str().or_else(|| {
        let version = dependency.get("version")?;
        version.as_str()
    });
    // Cargo reports invalid requirements.
    let required = required.and_then(|text| VersionReq::parse(text).ok());
    let ours = Version::parse(sdk::VERSION).ok();
    let fits = required
        .zip(ours)
        .is_none_or(|(required, ours)| required.matches(&ours));
    is_from_registry && fits
}

fn read_table(file: &Path) -> Result<Table, ManifestError> {
    let error = |reason: BoxError| ManifestError {
        file: file.to_owned(),
        reason,
    };
    let text = std::fs::read_to_string(file).map_err(|e| error(e.into()))?;
    text.parse().map_err(|e: toml::de::Error| error(e.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(manifest: &str, workspace: &str) -> Result<Manifest, ManifestError> {
        let app = tempfile::tempdir().unwrap();
        let component = app.path().join("components/hello");
        std::fs::create_dir_all(&component).unwrap();
        std::fs::write(component.join("Cargo.toml"), manifest).unwrap();
        std::fs::write(app.path().join("Cargo.toml"), workspace).unwrap();
        Manifest::read(&component, app.path())
    }

    #[test]
    fn the_sdk_is_provided_only_to_who_takes_it_from_the_registry() {
        let wants = |manifest, workspace| read(manifest, workspace).unwrap().wants_sdk;
        assert!(wants("[dependencies]\nrusm-rs = \"0.8\"", ""));
        assert!(wants(
            "[dependencies]\nrusm-rs = { version = \"0.8\", features = [] }",
            ""
        ));
        assert!(wants("[dependencies]\nrusm-rs = \"*\"", ""));
        // The registry's own: cargo would not use ours, and print a warning.
        for other in [
            "[dependencies]\nrusm-rs = \"0.7\"",
            "[dependencies]\nrusm-rs = \"=0.7.0\"",
            "[dependencies]\nrusm-rs = \"1\"",
        ] {
            assert!(!wants(other, ""), "{other}");
        }
        assert!(!wants(
            "[dependencies]\nrusm-rs.workspace = true",
            "[workspace.dependencies]\nrusm-rs = { version = \"0.7\" }"
        ));
        assert!(!wants(
            "[dependencies]\nrusm-rs = { path = \"../sdk\" }",
            ""
        ));
        assert!(!wants("[dependencies]\nserde = \"1\"", ""));
        let inherits = "[dependencies]\nrusm-rs.workspace = true";
        assert!(wants(
            inherits,
            "[workspace.dependencies]\nrusm-rs = \"0.8\""
        ));
        assert!(!wants(
            inherits,
            "[workspace.dependencies]\nrusm-rs = { path = \"sdk\" }"
        ));
    }

    #[test]
    fn a_crate_with_a_program_alone_is_no_library() {
        let app = tempfile::tempdir().unwrap();
        let sources = app.path().join("src");
        std::fs::create_dir_all(&sources).unwrap();
        let is_library = |manifest: &str| {
            std::fs::write(app.path().join("Cargo.toml"), manifest).unwrap();
            Manifest::read(app.path(), app.path()).unwrap().is_library
        };
        // Cargo reports that it has neither.
        assert!(is_library(""));
        std::fs::write(sources.join("main.rs"), "").unwrap();
        assert!(!is_library(""));
        assert!(is_library("[lib]\npath = \"src/main.rs\""));
        std::fs::write(sources.join("lib.rs"), "").unwrap();
        assert!(is_library(""));
    }

    #[test]
    fn sizes_come_from_the_metadata() {
        let sized = "[package.metadata.rusm]\nstack-kib = 128";
        let layout = read(sized, "").unwrap().layout;
        assert_eq!(layout.stack, 128 * 1024);
        assert_eq!(layout.heap, MemoryLayout::default().heap);
        let error = read("[package.metadata.rusm]\nstack = 1", "").unwrap_err();
        let error = crate::with_sources(&error);
        assert!(error.contains("stack-kib"), "{error}");
    }
}
