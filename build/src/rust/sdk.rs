//! The SDK's sources, embedded in the binary: an app builds with the SDK of its `rusm`, on any
//! machine.

use std::io;
use std::path::{Path, PathBuf};

use super::toolchain::cache_dir;
use crate::app::write_whole;

/// The package that a guest depends on.
pub(crate) const PACKAGE: &str = "rusm-rs";
/// Its version, which all of RUSM shares.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The directory of that package below the unpacked sources.
const PACKAGE_DIR: &str = "sdk/rust";

// `FILES: &[(&str, &[u8])]`, path below the repository's root and content, sorted by path.
include!(concat!(env!("OUT_DIR"), "/sdk_sources.rs"));

/// Unpacks the SDK into the cache, unless it is there. Returns the directory of [`PACKAGE`].
///
/// Each version of the sources has its own directory, named by their hash and complete as soon as
/// it exists.
pub(crate) fn unpack() -> io::Result<PathBuf> {
    let cache = cache_dir().ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::NotFound,
            "neither XDG_CACHE_HOME nor HOME is set",
        )
    })?;
    unpack_into(&cache.join("sdk"))
}

/// Names the unpacked SDK in the app's `.cargo/config.toml`, so that cargo and editors use the one
/// of `rusm build`. A file that the author has written is not changed. No build needs the file, so
/// a failure to write it is only reported.
pub(crate) fn show_to_cargo(app_dir: &Path) {
    if let Err(error) = write_cargo_config(app_dir) {
        let file = app_dir.join(CARGO_CONFIG);
        crate::note(format_args!(
            "{} is not written, so cargo and editors may not find {PACKAGE}: {error}",
            file.display()
        ));
    }
}

fn write_cargo_config(app_dir: &Path) -> io::Result<()> {
    let file = app_dir.join(CARGO_CONFIG);
    let known = match std::fs::read(&file) {
        Ok(known) if !is_made(&known) => return Ok(()),
        Ok(known) => known,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    let path = toml::Value::String(unpack()?.to_string_lossy().into_owned());
    let config = format!("{MADE}\n[patch.crates-io]\n{PACKAGE} = {{ path = {path} }}\n");
    if known == config.as_bytes() {
        return Ok(());
    }
    write_whole(&file, config.as_bytes())
}

/// Returns whether [`show_to_cargo`] wrote this configuration of cargo. Such a file differs between
/// machines, and does not affect a build.
pub(crate) fn is_made(cargo_config: &[u8]) -> bool {
    cargo_config.starts_with(MADE.as_bytes())
}

/// The path below an app's directory.
pub(crate) const CARGO_CONFIG: &str = ".cargo/config.toml";
const MADE: &str = "# Made by rusm, which makes it anew: cargo and editors take the SDK of this version of rusm.\n\
                    # Without these two lines the file is yours.";

fn unpack_into(versions: &Path) -> io::Result<PathBuf> {
    let version = versions.join(version());
    if !version.is_dir() {
        std::fs::create_dir_all(versions)?;
        let unpacked = tempfile::tempdir_in(versions)?;
        for (path, content) in FILES {
            let file = unpacked.path().join(path);
            if let Some(dir) = file.parent() {
                std::fs::create_dir_all(dir)?;
            }
            std::fs::write(file, content)?;
        }
        match std::fs::rename(unpacked.path(), &version) {
            // Another process was faster; its directory is equal.
            Err(_) if version.is_dir() => {}
            result => result?,
        }
    }
    Ok(version.join(PACKAGE_DIR))
}

/// Returns the version of the embedded sources: sixteen hexadecimal digits of their hash.
pub(crate) fn version() -> String {
    let mut hasher = blake3::Hasher::new();
    for (path, content) in FILES {
        for part in [path.as_bytes(), content] {
            hasher
                .update(&(part.len() as u64).to_le_bytes())
                .update(part);
        }
    }
    hasher.finalize().to_hex().chars().take(16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unpacking_twice_gives_the_same_complete_package() {
        let cache = tempfile::tempdir().unwrap();
        let first = unpack_into(cache.path()).unwrap();
        assert!(first.join("Cargo.toml").is_file());
        assert!(first.join("src/lib.rs").is_file());
        assert_eq!(unpack_into(cache.path()).unwrap(), first);
        assert_eq!(std::fs::read_dir(cache.path()).unwrap().count(), 1);
    }

    #[test]
    fn cargo_is_shown_the_sdk_unless_the_author_has_said_where_it_is() {
        let app = tempfile::tempdir().unwrap();
        let file = app.path().join(CARGO_CONFIG);
        write_cargo_config(app.path()).unwrap();
        let made = std::fs::read(&file).unwrap();
        assert!(is_made(&made));
        let table: toml::Table = String::from_utf8(made.clone()).unwrap().parse().unwrap();
        let path = table["patch"]["crates-io"][PACKAGE]["path"]
            .as_str()
            .unwrap();
        assert!(Path::new(path).join("Cargo.toml").is_file());

        // Of another version.
        std::fs::write(&file, format!("{MADE}\n[patch.crates-io]\n")).unwrap();
        write_cargo_config(app.path()).unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), made);

        std::fs::write(&file, "[net]\noffline = true\n").unwrap();
        write_cargo_config(app.path()).unwrap();
        assert!(!is_made(&std::fs::read(&file).unwrap()));
    }
}
