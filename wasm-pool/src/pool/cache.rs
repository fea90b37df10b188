//! Compiled components, kept on disk so that a second start compiles nothing.
//!
//! What is read here is run as machine code. So a directory counts only if nobody but this user
//! and root can write to it, or put another in its place; and a file only with its digest.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeSet;
use std::fs::{self, File, FileTimes, Metadata};
use std::hash::{Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use wasmtime::Engine;

use crate::pool::artifact::Artifact;
use crate::pool::compile::compile;

/// Directories of compiled components, by what they were compiled from and for.
///
/// Every failure of the cache is survived by compiling: a full disk, a file of an older
/// version, a file cut short, a directory that others can write to.
#[derive(Default)]
pub struct ArtifactCache {
    /// Looked into first, and never written to.
    ahead: Option<PathBuf>,
    own: Option<Own>,
}

/// A directory that is made, filled and pruned, once something is not found ahead.
struct Own {
    dir: PathBuf,
    is_open: OnceCell<bool>,
    /// The files that were asked for, if this is the directory of an image.
    image: Option<RefCell<BTreeSet<String>>>,
}

impl ArtifactCache {
    /// No cache: everything is compiled.
    pub fn disabled() -> Self {
        Self::default()
    }

    /// The same with a directory of what was compiled before, such as by `rusm compile`. It need
    /// not be there.
    #[must_use]
    pub fn with_ahead(mut self, dir: &Path) -> Self {
        self.ahead = match check_trusted(dir) {
            Ok(()) => Some(dir.to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                let dir = dir.display();
                tracing::warn!("{dir} is ignored, with all that is compiled in it: {error}");
                None
            }
        };
        self
    }

    /// The same with a directory for what is not found. It is made if it isn't there, for this
    /// user alone.
    #[must_use]
    pub fn with_own(mut self, dir: PathBuf) -> Self {
        self.own = Some(Own {
            dir,
            is_open: OnceCell::new(),
            image: None,
        });
        self
    }

    /// The directory of an image, which is filled for [`ArtifactCache::with_ahead`]: others may
    /// read it, and not write to it. Here it is an error if something can't be kept.
    ///
    /// # Errors
    /// When the directory can't be made, or others can write to it.
    pub fn for_image(dir: PathBuf) -> io::Result<Self> {
        make_dir(&dir, 0o755)?;
        check_trusted(&dir)?;
        Ok(Self {
            ahead: None,
            own: Some(Own {
                dir,
                is_open: OnceCell::from(true),
                image: Some(RefCell::default()),
            }),
        })
    }

    /// Remove what was not asked for from the directory of an image.
    ///
    /// # Errors
    /// When a file can't be removed.
    pub fn remove_others(&self) -> io::Result<()> {
        let Some(Own {
            dir,
            image: Some(names),
            ..
        }) = &self.own
        else {
            return Ok(());
        };
        for entry in Entry::all(dir) {
            if !names.borrow().iter().any(|name| entry.path.ends_with(name)) {
                fs::remove_file(&entry.path)?;
            }
        }
        Ok(())
    }

    /// The machine code of `wasm` for `engine`, and whether it was found or just compiled.
    ///
    /// # Errors
    /// When `wasm` isn't a component, or not one that this engine can compile.
    pub fn get(&self, engine: &Engine, wasm: &[u8]) -> wasmtime::Result<(Artifact, Origin)> {
        let name = file_name(engine, wasm);
        let find = |dir: &Path| {
            let path = dir.join(&name);
            let artifact = Artifact::new(read(&path)?.into(), wasm).ok()?;
            artifact.load(engine).is_ok().then_some(artifact)
        };
        if let Some(artifact) = self.ahead.as_deref().and_then(find) {
            return Ok((artifact, Origin::Cache));
        }
        let Some((own, dir)) = self.own.as_ref().and_then(|own| Some((own, own.open()?))) else {
            return Ok((compile(engine, wasm)?, Origin::Compiled));
        };
        let path = dir.join(&name);
        if let Some(names) = &own.image {
            names.borrow_mut().insert(name.clone());
        }
        if let Some(artifact) = find(dir) {
            note_use(&path);
            return Ok((artifact, Origin::Cache));
        }
        let artifact = compile(engine, wasm)?;
        let mode = if own.image.is_some() { 0o644 } else { 0o600 };
        match write(&path, artifact.code(), mode) {
            Err(error) if own.image.is_some() => return Err(error.into()),
            Err(error) => {
                tracing::warn!(%error, "the compiled component could not be kept for the next start");
            }
            Ok(()) => {}
        }
        Ok((artifact, Origin::Compiled))
    }
}

/// Where the machine code of a component came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was on disk.
    Cache,
    /// It was compiled just now.
    Compiled,
}

impl Own {
    /// The directory, if it can be used.
    fn open(&self) -> Option<&Path> {
        let is_open = self.is_open.get_or_init(|| {
            let opened = make_dir(&self.dir, 0o700).and_then(|()| check_trusted(&self.dir));
            match opened {
                Ok(()) => prune(&self.dir, SystemTime::now()),
                Err(error) => {
                    let dir = self.dir.display();
                    tracing::warn!(
                        "{dir} can't be used, components are compiled at every start: {error}"
                    );
                    return false;
                }
            }
            true
        });
        is_open.then_some(&self.dir)
    }
}

/// Make a directory, and those above it, if it isn't there.
fn make_dir(dir: &Path, mode: u32) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(mode).create(dir)
}

/// Whether only this user and root can write to `dir`, and put another directory in its place.
fn check_trusted(dir: &Path) -> io::Result<()> {
    let dir = dir.canonicalize()?;
    // The kernel says so without `unsafe`: it owns the directory that is about us.
    let user = fs::metadata("/proc/self")?.uid();
    for (depth, dir) in dir.ancestors().enumerate() {
        let found = fs::metadata(dir)?;
        if let Some(why) = distrust(&found, user, depth == 0) {
            let reason = format!("{} {why}", dir.display());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
        }
    }
    Ok(())
}

/// What makes a directory one that others can write to.
fn distrust(dir: &Metadata, user: u32, is_the_one: bool) -> Option<&'static str> {
    if dir.uid() != user && dir.uid() != 0 {
        return Some("belongs to another user");
    }
    // In a directory with the sticky bit, as /tmp, nobody can touch what is another user's.
    let is_sticky = dir.mode() & 0o1000 != 0;
    let others_write = dir.mode() & 0o022 != 0;
    (others_write && (is_the_one || !is_sticky)).then_some("can be written to by other users")
}

/// A file of the cache.
struct Entry {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

impl Entry {
    /// Those of `dir`, unfinished ones included.
    fn all(dir: &Path) -> Vec<Self> {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        let entries = entries.filter_map(|entry| {
            let path = entry.path();
            let ours = path
                .extension()
                .is_some_and(|ext| ext == "cwasm" || ext == "partial");
            let found = entry
                .metadata()
                .ok()
                .filter(|found| ours && found.is_file())?;
            Some(Self {
                path,
                bytes: found.len(),
                used: found.accessed().or_else(|_| found.modified()).ok()?,
            })
        });
        entries.collect()
    }
}

/// Remove what was not used for a long time, and of the rest what was not used for longest, until
/// it is small enough.
fn prune(dir: &Path, now: SystemTime) {
    let mut entries = Entry::all(dir);
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.used));
    let mut bytes = 0u64;
    for entry in entries {
        let age = now.duration_since(entry.used).unwrap_or_default();
        let is_partial = entry.path.extension().is_some_and(|ext| ext == "partial");
        bytes = bytes.saturating_add(entry.bytes);
        let is_old = age > if is_partial { UNFINISHED } else { UNUSED };
        if is_old || bytes > MAX_BYTES {
            // Another server may have been faster.
            let _ = fs::remove_file(&entry.path);
        }
    }
}

/// Note that a file was used, whatever the file system does by itself.
fn note_use(path: &Path) {
    let times = FileTimes::new().set_accessed(SystemTime::now());
    // Of a file that is another's, as root's, it stays as it is.
    let _ = File::open(path).and_then(|file| file.set_times(times));
}

/// The engine's hash covers Wasmtime's version, its settings and the CPU's features; what is compiled is the component
/// with its reset.
fn file_name(engine: &Engine, wasm: &[u8]) -> String {
    let mut settings = std::hash::DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut settings);
    rusm_wasm_reset::VERSION.hash(&mut settings);
    let content = blake3::hash(wasm).to_hex();
    format!("{}-{:016x}.cwasm", &content[..32], settings.finish())
}

/// A file is the digest of the code, and then the code.
fn read(path: &Path) -> Option<Vec<u8>> {
    let mut file = fs::read(path).ok()?;
    let (digest, code) = file.split_at_checked(blake3::OUT_LEN)?;
    let is_whole = blake3::hash(code).as_bytes() == digest;
    is_whole.then(|| file.split_off(blake3::OUT_LEN))
}

fn write(path: &Path, code: &[u8], mode: u32) -> io::Result<()> {
    // Two servers may start at once: each writes its own file, and the rename is atomic.
    let partial = path.with_extension(format!("{}.partial", std::process::id()));
    let mut file = fs::OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(mode)
        .open(&partial)?;
    let written = file
        .write_all(blake3::hash(code).as_bytes())
        .and_then(|()| file.write_all(code))
        .and_then(|()| fs::rename(&partial, path));
    if written.is_err() {
        let _ = fs::remove_file(&partial);
    }
    written
}

/// How long a file is kept that is not used.
const UNUSED: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long one that was not finished may be the work of a server that starts.
const UNFINISHED: Duration = Duration::from_secs(60 * 60);
/// How large the cache may be.
const MAX_BYTES: u64 = 1 << 30;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn chmod(dir: &Path, mode: u32) {
        fs::set_permissions(dir, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_directory_that_others_can_write_to_is_not_trusted() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("a/b");
        make_dir(&dir, 0o700).unwrap();
        check_trusted(&dir).unwrap();
        for mode in [0o720, 0o702, 0o777, 0o1777] {
            chmod(&dir, mode);
            let error = check_trusted(&dir).unwrap_err().to_string();
            assert!(
                error.ends_with("a/b can be written to by other users"),
                "{error}"
            );
        }
        chmod(&dir, 0o755);
        check_trusted(&dir).unwrap();
        // One above it, where it could be replaced.
        let above = place.path().join("a");
        chmod(&above, 0o777);
        assert!(check_trusted(&dir).is_err());
        chmod(&above, 0o1777);
        check_trusted(&dir).unwrap();
        // By whichever path it is reached.
        let link = place.path().join("link");
        std::os::unix::fs::symlink(&dir, &link).unwrap();
        check_trusted(&link).unwrap();
        chmod(&dir, 0o777);
        assert!(check_trusted(&link).is_err());
        let stranger = fs::metadata("/proc/self").unwrap().uid() + 1;
        let found = fs::metadata(place.path()).unwrap();
        if found.uid() != 0 {
            assert!(distrust(&found, stranger, true).is_some());
        }
    }

    #[test]
    fn what_is_not_used_is_removed() {
        let place = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        let hour = Duration::from_secs(3600);
        for (name, age) in [
            ("new.cwasm", hour),
            ("old.cwasm", 31 * 24 * hour),
            ("new.1.partial", Duration::from_secs(60)),
            ("old.2.partial", 2 * hour),
            ("not-ours", 1000 * 24 * hour),
        ] {
            let file = File::create(place.path().join(name)).unwrap();
            let times = FileTimes::new().set_accessed(now - age).set_modified(now);
            file.set_times(times).unwrap();
        }
        // Of all that fits only without it, what was used least lately goes.
        for (name, age) in [("large.cwasm", 3 * hour), ("larger.cwasm", 5 * hour)] {
            let file = File::create(place.path().join(name)).unwrap();
            file.set_len(MAX_BYTES / 2 + 1).unwrap();
            file.set_times(FileTimes::new().set_accessed(now - age))
                .unwrap();
        }
        prune(place.path(), now);
        let mut left: Vec<_> = fs::read_dir(place.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(
            left,
            ["large.cwasm", "new.1.partial", "new.cwasm", "not-ours"]
        );
    }
}
