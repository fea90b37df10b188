//! Runs cargo for one component.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::Deserialize;

use super::target_dir::TargetDir;
use super::toolchain::Toolchain;

/// A build of one component's crate.
pub(crate) struct CargoBuild<'a> {
    pub(crate) toolchain: &'a Toolchain,
    /// The directory of the crate.
    pub(crate) crate_dir: &'a Path,
    /// The target directory, unless the environment names another.
    pub(crate) target_dir: &'a Path,
    /// True for a library, false for a program.
    pub(crate) is_library: bool,
    /// The SDK to use in place of the registry's.
    pub(crate) sdk: Option<&'a Path>,
}

/// The output of the linker.
#[derive(Debug)]
pub(crate) struct Linked {
    /// The core module, with its WIT metadata in custom sections.
    pub(crate) core_module: Vec<u8>,
    /// The local files and directories that were read, except the crate's own.
    pub(crate) inputs: BTreeSet<PathBuf>,
}

/// The reason why there is no module.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CargoError {
    /// Cargo could not be started, or its output could not be read.
    #[error("running cargo")]
    Run(#[from] std::io::Error),
    /// Cargo failed, and has printed the reason.
    #[error("cargo failed, see above")]
    Failed,
    /// Cargo succeeded without making a module.
    #[error("cargo has made no WebAssembly module of this crate")]
    NoModule,
}

impl CargoBuild<'_> {
    /// Compiles and links. Cargo's messages go to the terminal unchanged.
    ///
    /// All settings are arguments, so neither the author's crate nor the compilation of its
    /// dependencies changes: the linker's flags apply to the last crate only.
    pub(crate) fn run(&self, link_args: &[String]) -> Result<Linked, CargoError> {
        let target_dir = match std::env::var_os("CARGO_TARGET_DIR") {
            // As in cargo, a relative path is relative to the working directory of `rusm`, not to
            // the crate.
            Some(dir) => std::path::absolute(dir)?,
            None => self.target_dir.to_owned(),
        };
        let dir = TargetDir::lock(&target_dir)?;
        let mut module = self.compile(&target_dir, link_args)?;
        if module.is_fresh && !dir.is_of(&module.package, &module.path) {
            dir.forget(&module.path)?;
            module = self.compile(&target_dir, link_args)?;
        }
        dir.note(&module.package, &module.path)?;
        Ok(Linked {
            core_module: std::fs::read(&module.path)?,
            inputs: module.inputs(self.crate_dir),
        })
    }

    fn compile(&self, target_dir: &Path, link_args: &[String]) -> Result<Module, CargoError> {
        let mut cargo = self.toolchain.cargo();
        cargo
            .current_dir(self.crate_dir)
            .arg("--message-format=json-render-diagnostics")
            .arg("--target-dir")
            .arg(target_dir);
        if self.is_library {
            cargo.args(["--lib", "--crate-type=cdylib"]);
        }
        if let Some(sdk) = self.sdk {
            let path = toml::Value::String(sdk.to_string_lossy().into_owned());
            cargo.arg("--config").arg(format!(
                "patch.crates-io.{}.path={path}",
                super::sdk::PACKAGE
            ));
        }
        cargo
            .arg("--")
            .args(self.toolchain.rustc_args())
            .arg(link_arg("--skip-wit-component"));
        cargo.args(link_args.iter().map(|arg| link_arg(arg)));

        let mut child = cargo.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut messages = Messages::default();
        if let Some(stdout) = child.stdout.take() {
            for line in BufReader::new(stdout).lines() {
                messages.take(&line?);
            }
        }
        if !child.wait()?.success() {
            return Err(CargoError::Failed);
        }
        messages.module()
    }
}

fn link_arg(arg: &str) -> OsString {
    format!("-Clink-arg={arg}").into()
}

/// A module, as cargo's messages describe it.
#[derive(Debug)]
struct Module {
    path: PathBuf,
    /// The ID of its package.
    package: String,
    /// True if cargo did not have to build it.
    is_fresh: bool,
    /// The manifests of the packages with local sources.
    local: BTreeSet<PathBuf>,
}

impl Module {
    /// Returns the local files and directories that were read, except `crate_dir`.
    fn inputs(self, crate_dir: &Path) -> BTreeSet<PathBuf> {
        let mut inputs: BTreeSet<PathBuf> = self
            .local
            .iter()
            .filter_map(|m| Some(m.parent()?.to_owned()))
            .collect();
        // Macros and build scripts read files outside their crates, too; cargo lists them.
        let dep_info = std::fs::read_to_string(self.path.with_extension("d")).unwrap_or_default();
        for file in dep_info_files(&dep_info) {
            if !inputs.iter().any(|dir| file.starts_with(dir)) {
                inputs.insert(file);
            }
        }
        inputs.remove(crate_dir);
        inputs
    }
}

/// The state of reading cargo's messages.
#[derive(Default)]
struct Messages {
    local: BTreeSet<PathBuf>,
    /// The last module: dependencies come before the crate that was asked for.
    last: Option<Message>,
}

impl Messages {
    /// Reads one line of `--message-format=json` (the Cargo book, "External tools"). Other messages
    /// are ignored.
    fn take(&mut self, line: &str) {
        let Ok(artifact) = serde_json::from_str::<Message>(line) else {
            return;
        };
        if artifact.reason != "compiler-artifact" {
            return;
        }
        if artifact.package_id.starts_with("path+file:") {
            self.local.insert(artifact.manifest_path.clone());
        }
        if artifact.module().is_some() {
            self.last = Some(artifact);
        }
    }

    fn module(self) -> Result<Module, CargoError> {
        let last = self.last.ok_or(CargoError::NoModule)?;
        Ok(Module {
            path: last.module().ok_or(CargoError::NoModule)?.to_owned(),
            package: last.package_id,
            is_fresh: last.fresh,
            local: self.local,
        })
    }
}

/// Returns the prerequisites of a makefile's rule, `target: file file`. Spaces in names are escaped
/// with a backslash.
fn dep_info_files(dep_info: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in dep_info.lines() {
        let Some((_, list)) = line.split_once(": ") else {
            continue;
        };
        for file in list.replace("\\ ", "\0").split_whitespace() {
            files.push(PathBuf::from(file.replace('\0', " ")));
        }
    }
    files
}

#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    package_id: String,
    #[serde(default)]
    manifest_path: PathBuf,
    #[serde(default)]
    filenames: Vec<PathBuf>,
    #[serde(default)]
    fresh: bool,
}

impl Message {
    fn module(&self) -> Option<&Path> {
        let is_module = |file: &&PathBuf| file.extension() == Some("wasm".as_ref());
        Some(self.filenames.iter().find(is_module)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_and_the_local_packages_are_told_from_the_messages() {
        let mut messages = Messages::default();
        for line in [
            r#"{"reason":"compiler-artifact","package_id":"registry+https://example.test#serde@1.0.0","manifest_path":"/r/serde/Cargo.toml","filenames":["/t/libserde.rlib"]}"#,
            r#"{"reason":"compiler-artifact","package_id":"path+file:///sdk/rust#rusm-rs@0.8.0","manifest_path":"/sdk/rust/Cargo.toml","filenames":["/t/librusm_rs.rlib"]}"#,
            r#"{"reason":"compiler-artifact","package_id":"path+file:///app/hello#0.1.0","manifest_path":"/app/hello/Cargo.toml","filenames":["/t/hello.wasm"],"fresh":true}"#,
            r#"{"reason":"build-finished","success":true}"#,
            "not json",
        ] {
            messages.take(line);
        }
        let module = messages.module().unwrap();
        assert_eq!(module.path, Path::new("/t/hello.wasm"));
        assert_eq!(module.package, "path+file:///app/hello#0.1.0");
        assert!(module.is_fresh);
        assert_eq!(
            module.inputs(Path::new("/app/hello")),
            BTreeSet::from([PathBuf::from("/sdk/rust")])
        );
    }

    #[test]
    fn no_module_is_an_error() {
        let error = Messages::default().module().unwrap_err();
        assert!(matches!(error, CargoError::NoModule));
    }

    #[test]
    fn dep_info_may_have_spaces_in_names() {
        let files = dep_info_files("/t/a.wasm: /my\\ app/src/lib.rs /wit/runtime.wit\n");
        assert_eq!(
            files,
            [
                PathBuf::from("/my app/src/lib.rs"),
                "/wit/runtime.wit".into()
            ]
        );
    }
}
