//! The directory that cargo builds into. With `CARGO_TARGET_DIR` set, many apps share one.
//!
//! The name of a linked WebAssembly module has no hash, so crates with the same name overwrite each
//! other's module, and cargo reports the other's module as its own and fresh. Therefore a build
//! locks the directory until it has read its module, and a note beside each module names its
//! package.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// The directory, locked for one build until this is dropped.
pub(super) struct TargetDir {
    _lock: File,
}

impl TargetDir {
    /// Locks the directory; waits until no other build uses it.
    pub(super) fn lock(dir: &Path) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let lock = File::create(dir.join("rusm.lock"))?;
        lock.lock()?;
        Ok(Self { _lock: lock })
    }

    /// Returns whether `module` was linked for `package` (a package ID of cargo).
    pub(super) fn is_of(&self, package: &str, module: &Path) -> bool {
        fs::read_to_string(note(module)).is_ok_and(|of| of == package)
    }

    /// Records that `module` has been linked for `package`.
    pub(super) fn note(&self, package: &str, module: &Path) -> io::Result<()> {
        fs::write(note(module), package)
    }

    /// Removes `module`, so that cargo links it again.
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
