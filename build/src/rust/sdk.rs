//! The SDK's sources, carried in the binary: an app builds against the SDK that fits its `rusm`,
//! wherever it is built.

use std::io;
use std::path::{Path, PathBuf};

use super::toolchain::cache_dir;

/// The package that a guest depends on.
pub(crate) const PACKAGE: &str = "rusm-rs";
/// Its version, the same as that of all of RUSM.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The directory of that package below the unpacked sources.
const PACKAGE_DIR: &str = "sdk/rust";

// `FILES: &[(&str, &[u8])]`, path below the repository's root and content, sorted by path.
include!(concat!(env!("OUT_DIR"), "/sdk_sources.rs"));

/// Unpacks the SDK into the cache, unless it is there, and gives the directory of [`PACKAGE`].
///
/// Each version of the sources has a directory of its own, named by their hash and complete from
/// the moment it exists.
pub(crate) fn unpack() -> io::Result<PathBuf> {
    let cache = cache_dir().ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::NotFound,
            "neither XDG_CACHE_HOME nor HOME is set",
        )
    })?;
    unpack_into(&cache.join("sdk"))
}

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
            // Another process was faster; its directory is as good.
            Err(_) if version.is_dir() => {}
            result => result?,
        }
    }
    Ok(version.join(PACKAGE_DIR))
}

/// Names the version of the sources in this binary: sixteen hexadecimal digits of their hash.
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
}
