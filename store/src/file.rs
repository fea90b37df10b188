//! The file of the store.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use redb::{Builder, Database, ReadableDatabase, TableDefinition};
use tempfile::NamedTempFile;
use tracing::{error, info};

use crate::error::{OpenError, StoreError, with_sources};

/// All entries, by bucket and key. The pair is compared part by part, so the keys of a bucket are
/// adjacent, and can't be confused with another bucket's.
pub(crate) const ENTRIES: TableDefinition<'_, (&str, &str), &[u8]> =
    TableDefinition::new("entries");

/// The open file. After an error of the disk it may be closed for a while.
pub(crate) struct StoreFile {
    path: PathBuf,
    /// Written by [`StoreFile::recover`] alone.
    database: RwLock<Result<Database, StoreError>>,
    /// Set when the disk was full: redb refuses to go on until the file is reopened.
    was_full: AtomicBool,
}

impl StoreFile {
    /// Opens the store at `path`, and creates it if it does not exist.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let exists = path.try_exists();
        if !exists.map_err(|error| explain_io(path, error))? {
            create(path)?;
        }
        Ok(Self {
            path: path.to_owned(),
            database: RwLock::new(Ok(open(path)?)),
            was_full: AtomicBool::new(false),
        })
    }

    /// Runs `work` on the database.
    pub(crate) fn with<T>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, redb::Error>,
    ) -> Result<T, StoreError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let database = database.as_ref().map_err(Clone::clone)?;
        work(database).map_err(|error| self.explain(error))
    }

    /// Reopens the file if the disk was full.
    ///
    /// This is safe since a full disk is detected when pages are written, before the commit's `fsync`:
    /// the last commit is still intact. After a failed `fsync` it would not be safe, since the page
    /// cache may show pages that never reached the disk.
    pub(crate) fn recover(&self) {
        if !self.was_full.load(Ordering::Relaxed) {
            return;
        }
        let mut database = self
            .database
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        // Closes the file first: two cannot have it open.
        *database = Err(StoreError::Closed);
        *database = match open(&self.path) {
            Ok(database) => {
                self.was_full.store(false, Ordering::Relaxed);
                info!(store = %self.path.display(), "the store was opened again");
                Ok(database)
            }
            Err(error) => Err(StoreError::Failed(with_sources(&error).into())),
        };
    }

    fn explain(&self, error: redb::Error) -> StoreError {
        if let redb::Error::PreviousIo = error {
            return StoreError::Failed(
                "after an earlier error of the disk it does nothing more; restart the server"
                    .into(),
            );
        }
        error!(store = %self.path.display(), %error, "the store failed");
        if let redb::Error::Io(error) = &error
            && is_full(error)
        {
            self.was_full.store(true, Ordering::Relaxed);
        }
        StoreError::Failed(error.to_string().into())
    }
}

/// Creates the store under a temporary name first, so that a file at `path` is always a whole store.
fn create(path: &Path) -> Result<(), OpenError> {
    let unreadable = |error| explain_io(path, error);
    let directory = path.parent().filter(|parent| *parent != Path::new(""));
    let directory = directory.unwrap_or(Path::new("."));
    let file = NamedTempFile::new_in(directory).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => OpenError::NoDirectory {
            path: path.to_owned(),
            directory: directory.to_owned(),
        },
        _ => unreadable(error),
    })?;
    let database = builder().create(file.path());
    let database = database.map_err(|error| explain(path, error.into()))?;
    write_format(&database).map_err(|error| explain(path, error))?;
    drop(database);
    match file.persist_noclobber(path) {
        Ok(_) => {}
        // Another server created it in the meantime.
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(unreadable(error.error)),
    }
    // The name has to be as durable as the acknowledged writes.
    let directory = File::open(directory).map_err(unreadable)?;
    directory.sync_all().map_err(unreadable)
}

fn open(path: &Path) -> Result<Database, OpenError> {
    let database = builder().open(path);
    let database = database.map_err(|error| explain(path, error.into()))?;
    let found = read_format(&database).map_err(|error| explain(path, error))?;
    if found > FORMAT {
        return Err(OpenError::Newer {
            path: path.to_owned(),
            reason: format!("it has format {found}, and this version knows {FORMAT}"),
        });
    }
    Ok(database)
}

fn builder() -> Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE);
    // Without it redb may panic later on a file that was modified by other programs.
    builder.set_check_integrity_on_open(true);
    builder
}

fn write_format(database: &Database) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(META)?.insert(FORMAT_KEY, FORMAT)?;
    transaction.open_table(ENTRIES)?;
    Ok(transaction.commit()?)
}

fn read_format(database: &Database) -> Result<u64, redb::Error> {
    let transaction = database.begin_read()?;
    let meta = transaction.open_table(META)?;
    let format = meta.get(FORMAT_KEY)?.map(|format| format.value());
    // A newer format may store entries differently, so they are not read.
    if format.is_none_or(|format| format <= FORMAT) {
        transaction.open_table(ENTRIES)?;
    }
    format.ok_or_else(|| redb::Error::Corrupted("it doesn't say which format it has".into()))
}

fn explain(path: &Path, error: redb::Error) -> OpenError {
    let path = path.to_owned();
    let reason = error.to_string();
    match error {
        redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => {
            OpenError::InUse { path }
        }
        redb::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
            OpenError::NotAStore {
                path,
                reason: error.to_string(),
            }
        }
        redb::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            OpenError::Damaged {
                path,
                reason: "it ends too soon".into(),
            }
        }
        redb::Error::Io(error) => OpenError::Io { path, error },
        // A redb file of another program.
        redb::Error::TableDoesNotExist(_)
        | redb::Error::TableTypeMismatch { .. }
        | redb::Error::TableIsMultimap(_)
        | redb::Error::UpgradeRequired(_) => OpenError::NotAStore { path, reason },
        // redb has no error variant for this.
        redb::Error::Corrupted(_) if reason.contains("Expected file format version") => {
            OpenError::Newer { path, reason }
        }
        _ => OpenError::Damaged { path, reason },
    }
}

fn explain_io(path: &Path, error: io::Error) -> OpenError {
    OpenError::Io {
        path: path.to_owned(),
        error,
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

/// The format that this version writes, and the newest that it reads.
const FORMAT: u64 = 1;
const FORMAT_KEY: &str = "format";
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("rusm-store");

/// Bytes of the file that redb may keep in memory.
const CACHE: usize = 64 * 1024 * 1024;
