//! The directory that cargo builds into. With `CARGO_TARGET_DIR` set, many apps share one.
//!
//! Cargo gives what it links for WebAssembly no hash in its name, so crates of one name overwrite
//! each other's module there; and it does not notice, but calls the other's module its own and fresh.
//! So a build has the directory to itself until it has read its module, and a note beside each module
//! says whose it is.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// The directory, for one build alone until this is dropped.
pub(super) struct TargetDir {
    _lock: File,
}

impl TargetDir {
    /// Waits until no other build uses it.
    pub(super) fn lock(dir: &Path) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let lock = File::create(dir.join("rusm.lock"))?;
        lock.lock()?;
        Ok(Self { _lock: lock })
    }

    /// Whether `module` is what was linked for `package` (an id of cargo's).
    pub(super) fn is_of(&self, package: &str, module: &Path) -> bool {
        fs::read_to_string(note(module)).is_ok_and(|of| of == package)
    }

    /// `module` has been linked for `package`.
    pub(super) fn note(&self, package: &str, module: &Path) -> io::Result<()> {
        fs::write(note(module), package)
    }

    /// Makes cargo link `module` again: it does so when nothing is there.
    pub(super) fn forget(&self, module: &Path) -> io::Result<()> {
        let within_deps = || Some(module.parent()?.join("deps").join(module.file_name()?));
        for file in [Some(note(module)), within_deps(), Some(module.to_owned())] {
            match file.map(fs::remove_file) {
                Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

fn note(module: &Path) -> PathBuf {
    module.with_extension("wasm.package")
}
