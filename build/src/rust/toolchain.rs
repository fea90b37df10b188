//! Finds a Rust toolchain that compiles guests.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::BoxError;

/// The target of Rust guests.
pub const TARGET: &str = "wasm32-wasip2";

/// A toolchain that compiles for [`TARGET`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Toolchain {
    /// `rustc` has the target's standard library.
    Installed,
    /// Installed by `scripts/setup-guest-toolchain.sh` from Debian's packages: it compiles the
    /// standard library with the guest.
    Fallback(Fallback),
}

/// The parts of the fallback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fallback {
    dir: PathBuf,
    manifest: FallbackManifest,
}

impl Toolchain {
    /// Finds a toolchain: the one that `$RUSM_GUEST_TOOLCHAIN` names; else `$RUSTC` or the `rustc`
    /// on the path, if it has the target; else the fallback in
    /// `${XDG_CACHE_HOME:-~/.cache}/rusm/guest-toolchain`.
    pub fn find() -> Result<Self, ToolchainError> {
        if let Some(dir) = named_dir() {
            return Fallback::open(&dir)?
                .map(Self::Fallback)
                .ok_or(ToolchainError::NotLaid { dir });
        }
        if rustc_has_target() {
            return Ok(Self::Installed);
        }
        let fallback = cache_dir().map(|cache| Fallback::open(&cache.join(FALLBACK_DIR)));
        match fallback.transpose()?.flatten() {
            Some(fallback) => Ok(Self::Fallback(fallback)),
            None if rustc_path().is_none() => Err(ToolchainError::NoRustc),
            None => Err(ToolchainError::None),
        }
    }

    /// Returns the `cargo` command, with the environment and flags that this toolchain needs before
    /// those of `rustc`.
    pub(crate) fn cargo(&self) -> Command {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["rustc", "--release", "--target", TARGET]);
        if let Self::Fallback(fallback) = self {
            // Stable compilers forbid building the standard library.
            cargo
                .env("RUSTC", &fallback.manifest.rustc)
                .env("RUSTC_BOOTSTRAP", "1");
            cargo
                .env_remove("RUSTC_WRAPPER")
                .arg("-Zbuild-std=std,panic_abort");
        }
        cargo
    }

    /// Returns the flags of `rustc` for the guest's own crate.
    pub(crate) fn rustc_args(&self) -> Vec<OsString> {
        let Self::Fallback(Fallback { dir, manifest }) = self else {
            return Vec::new();
        };
        let with_path = |flag: &str, path: &Path| {
            let mut arg = OsString::from(flag);
            arg.push(path);
            arg
        };
        vec![
            with_path("-Clinker=", &dir.join("bin/wasm-component-ld")),
            with_path("-Clink-arg=--wasm-ld-path=", &manifest.wasm_ld),
            "-Clink-self-contained=no".into(),
            with_path("-L", &dir.join("usr/lib").join(TARGET)),
        ]
    }
}

/// The reason why there is no toolchain.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ToolchainError {
    /// No toolchain compiles for the target.
    #[error(
        "no Rust toolchain here compiles for {TARGET}: run `rustup target add {TARGET}`, or \
         scripts/setup-guest-toolchain.sh of RUSM's sources where that is not possible"
    )]
    None,
    /// There is no compiler.
    #[error(
        "neither PATH nor RUSTC names a Rust compiler: install Rust, for example with rustup, or mend PATH"
    )]
    NoRustc,
    /// `$RUSM_GUEST_TOOLCHAIN` names a directory without a toolchain.
    #[error(
        "{ENV}={dir} holds no toolchain: run scripts/setup-guest-toolchain.sh of RUSM's sources, \
         or unset the variable to use the rustc on the path"
    )]
    NotLaid {
        /// The directory.
        dir: PathBuf,
    },
    /// The description of the fallback cannot be read.
    #[error("{file} can't be used; remove {dir} and run scripts/setup-guest-toolchain.sh again")]
    Broken {
        /// The file.
        file: PathBuf,
        /// Its directory.
        dir: PathBuf,
        /// The reason.
        #[source]
        reason: BoxError,
    },
}

impl Fallback {
    /// Returns `None` if there is no complete installation.
    fn open(dir: &Path) -> Result<Option<Self>, ToolchainError> {
        let file = dir.join(MANIFEST);
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(broken(file, dir, error)),
        };
        let manifest: FallbackManifest =
            toml::from_str(&text).map_err(|error| broken(file.clone(), dir, error))?;
        for part in [
            &manifest.rustc,
            &manifest.wasm_ld,
            &dir.join("bin/wasm-component-ld"),
        ] {
            if !part.exists() {
                return Err(broken(file, dir, format!("{} is gone", part.display())));
            }
        }
        Ok(Some(Self {
            dir: dir.to_owned(),
            manifest,
        }))
    }
}

fn broken(file: PathBuf, dir: &Path, reason: impl Into<BoxError>) -> ToolchainError {
    ToolchainError::Broken {
        file,
        dir: dir.to_owned(),
        reason: reason.into(),
    }
}

/// The file that the set-up script writes beside the fallback's parts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct FallbackManifest {
    rustc: PathBuf,
    wasm_ld: PathBuf,
}

/// Returns a text that changes with the compiler, from files alone: running `rustc` takes longer
/// than everything else that decides whether a component is stale.
///
/// `None` if there is no compiler.
pub(crate) fn identity() -> Option<String> {
    if let Some(dir) = named_dir() {
        return std::fs::read_to_string(dir.join(MANIFEST)).ok();
    }
    let mut identity = String::new();
    for file in [
        rustc_path(),
        cache_dir().map(|cache| cache.join(FALLBACK_DIR).join(MANIFEST)),
    ] {
        let Some(file) = file else { continue };
        let Ok(metadata) = file.metadata() else {
            continue;
        };
        identity.push_str(&format!(
            "{} {} {:?}\n",
            file.display(),
            metadata.len(),
            metadata.modified().ok()
        ));
    }
    if identity.is_empty() {
        return None;
    }
    // The `rustc` of rustup runs another one, which its variable or settings name.
    identity.push_str(&format!("{:?}\n", std::env::var_os("RUSTUP_TOOLCHAIN")));
    if let Some(rustup) = rustup_home() {
        identity
            .push_str(&std::fs::read_to_string(rustup.join("settings.toml")).unwrap_or_default());
        let mut toolchains: Vec<_> = std::fs::read_dir(rustup.join("update-hashes"))
            .into_iter()
            .flatten()
            .flatten()
            .map(|file| {
                (
                    file.file_name(),
                    std::fs::read(file.path()).unwrap_or_default(),
                )
            })
            .collect();
        toolchains.sort();
        identity.push_str(&format!("{toolchains:?}"));
    }
    Some(identity)
}

/// Returns `${XDG_CACHE_HOME:-~/.cache}/rusm`.
pub(crate) fn cache_dir() -> Option<PathBuf> {
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let caches = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(caches.join("rusm"))
}

fn named_dir() -> Option<PathBuf> {
    std::env::var_os(ENV)
        .filter(|dir| !dir.is_empty())
        .map(PathBuf::from)
}

fn rustc() -> OsString {
    std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())
}

fn rustc_path() -> Option<PathBuf> {
    let rustc = PathBuf::from(rustc());
    if rustc.components().count() > 1 {
        return Some(rustc);
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(&rustc))
        .find(|file| file.is_file())
}

fn rustup_home() -> Option<PathBuf> {
    let named = std::env::var_os("RUSTUP_HOME").map(PathBuf::from);
    named.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".rustup")))
}

fn rustc_has_target() -> bool {
    let Ok(output) = Command::new(rustc()).args(["--print", "sysroot"]).output() else {
        return false;
    };
    let Ok(sysroot) = String::from_utf8(output.stdout) else {
        return false;
    };
    output.status.success()
        && Path::new(sysroot.trim_end())
            .join("lib/rustlib")
            .join(TARGET)
            .join("lib")
            .is_dir()
}

const ENV: &str = "RUSM_GUEST_TOOLCHAIN";
const FALLBACK_DIR: &str = "guest-toolchain";
const MANIFEST: &str = "toolchain.toml";

#[cfg(test)]
mod tests {
    use super::*;

    fn lay(dir: &Path, wasm_ld: &Path) {
        std::fs::create_dir_all(dir.join("bin")).unwrap();
        std::fs::write(dir.join("bin/wasm-component-ld"), "").unwrap();
        let manifest =
            format!("release = \"1.96.0\"\nrustc = \"/bin/sh\"\nwasm-ld = {wasm_ld:?}\n");
        std::fs::write(dir.join(MANIFEST), manifest).unwrap();
    }

    #[test]
    fn a_laid_fallback_is_opened_and_links_with_its_own_parts() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Fallback::open(dir.path()).unwrap(), None);
        lay(dir.path(), Path::new("/bin/sh"));
        let toolchain = Toolchain::Fallback(Fallback::open(dir.path()).unwrap().unwrap());
        let args = toolchain.rustc_args();
        assert!(
            args.contains(&"-Clink-arg=--wasm-ld-path=/bin/sh".into()),
            "{args:?}"
        );
        assert!(
            toolchain
                .cargo()
                .get_args()
                .any(|arg| arg == "-Zbuild-std=std,panic_abort")
        );
    }

    #[test]
    fn a_fallback_that_lost_a_part_says_which() {
        let dir = tempfile::tempdir().unwrap();
        lay(dir.path(), &dir.path().join("wasm-ld-19"));
        let error = crate::with_sources(&Fallback::open(dir.path()).unwrap_err());
        assert!(error.contains("wasm-ld-19 is gone"), "{error}");
    }
}
