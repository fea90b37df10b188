//! What shards hold.

use std::future::Future;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::{self, JoinHandle};

use futures_channel::oneshot;
use redb::StorageError;

use crate::change::{self, Effect};
use crate::error::{OpenError, StoreError};
use crate::file::StoreFile;
use crate::name::{EntryName, check_value, parse_bucket, parse_prefix};
use crate::queue::{Budget, MAX_WAITING};
use crate::reader::{self, Read, Snapshot};
use crate::writer::{self, Update, Write};

/// The durable store of a node: values in buckets, by key. Clones are the same store.
///
/// Every operation is put into its queue by the call itself, so writes are done in the order of
/// the calls, and are done even if the future is dropped. A write is acknowledged when it is on
/// disk; a read sees everything that was acknowledged before it was asked for.
///
/// Bucket and key have 1 to [`MAX_NAME`](crate::MAX_NAME) bytes, a value at most
/// [`MAX_VALUE`](crate::MAX_VALUE). A bucket exists while it has a key.
///
/// Each operation fails with
/// - [`StoreError::NameLength`] or [`StoreError::ValueLength`] when a limit is not kept,
/// - [`StoreError::Busy`], at once, when 4096 operations of its kind, or writes of 64 MiB, wait,
/// - [`StoreError::Failed`] when the file can't be read or written,
/// - [`StoreError::Closed`] when the store was closed.
///
/// When the last clone is dropped the store closes as by [`Store::close`].
#[derive(Clone)]
pub struct Store(Arc<Shared>);

impl Store {
    /// Open the store at `path`. The file is made if it isn't there; its directory is not.
    ///
    /// The whole file is read and checked.
    ///
    /// # Errors
    /// When the file is in use, is no store, is damaged or of a newer version, or the system
    /// refuses.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let file = Arc::new(StoreFile::open(path)?);
        let commits = Arc::new(AtomicU64::new(0));
        let (writes, write_queue) = sync_channel(MAX_WAITING);
        let (reads, read_queue) = sync_channel(MAX_WAITING);
        let store = Self(Arc::new(Shared {
            queues: RwLock::new(Some(Queues { writes, reads })),
            budget: Budget::default(),
            commits: commits.clone(),
            threads: Mutex::default(),
        }));
        store.0.start_writer(file.clone(), write_queue, commits)?;
        let read_queue = Arc::new(Mutex::new(read_queue));
        for _ in 0..READERS {
            store.0.start_reader(file.clone(), read_queue.clone())?;
        }
        Ok(store)
    }

    /// The value; none if the key is absent.
    ///
    /// # Errors
    /// As all operations.
    pub fn get(
        &self,
        bucket: &str,
        key: &str,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, StoreError>> + Send + 'static + use<> {
        let name = EntryName::parse(bucket, key);
        answered(self.read(name, |entries, name| reader::get(entries, name.as_pair())))
    }

    /// Whether the key is there.
    ///
    /// # Errors
    /// As all operations.
    pub fn exists(
        &self,
        bucket: &str,
        key: &str,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send + 'static + use<> {
        let name = EntryName::parse(bucket, key);
        answered(self.read(name, |entries, name| {
            reader::exists(entries, name.as_pair())
        }))
    }

    /// The keys of `bucket` that begin with `prefix`, sorted by their bytes, at most `limit` of
    /// them (0: all).
    ///
    /// # Errors
    /// As all operations.
    pub fn list(
        &self,
        bucket: &str,
        prefix: &str,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<String>, StoreError>> + Send + 'static + use<> {
        let names = parse_bucket(bucket).and_then(|bucket| Ok((bucket, parse_prefix(prefix)?)));
        answered(self.read(names, move |entries, (bucket, prefix)| {
            reader::list(entries, &bucket, &prefix, limit)
        }))
    }

    /// The names of all buckets, sorted by their bytes.
    ///
    /// # Errors
    /// As all operations.
    pub fn buckets(
        &self,
    ) -> impl Future<Output = Result<Vec<String>, StoreError>> + Send + 'static + use<> {
        answered(self.read(Ok(()), |entries, ()| reader::buckets(entries)))
    }

    /// Set the value, whatever was there.
    ///
    /// # Errors
    /// As all operations.
    pub fn set(
        &self,
        bucket: &str,
        key: &str,
        value: Vec<u8>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send + 'static + use<> {
        let size = check_value(&value);
        answered(self.write(bucket, key, size, |_, _| Ok(((), Effect::Put(value)))))
    }

    /// Remove the key; whether it was there.
    ///
    /// # Errors
    /// As all operations.
    pub fn delete(
        &self,
        bucket: &str,
        key: &str,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send + 'static + use<> {
        answered(self.write(bucket, key, Ok(0), |_, current| Ok(change::delete(current))))
    }

    /// If the value is `expected` (none: the key is absent), make it `value` (none: remove the
    /// key); whether it was.
    ///
    /// # Errors
    /// As all operations.
    pub fn compare_and_set(
        &self,
        bucket: &str,
        key: &str,
        expected: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send + 'static + use<> {
        let values = expected.iter().chain(&value);
        let size = values.map(|value| check_value(value)).sum();
        answered(self.write(bucket, key, size, move |_, current| {
            Ok(change::compare_and_set(current, expected.as_deref(), value))
        }))
    }

    /// Add `by` to the number that the value is as decimal text, or to 0 if the key is absent; the
    /// sum.
    ///
    /// # Errors
    /// [`StoreError::NotANumber`] and [`StoreError::Overflow`], which leave the value as it is,
    /// and those of all operations.
    pub fn increment(
        &self,
        bucket: &str,
        key: &str,
        by: i64,
    ) -> impl Future<Output = Result<i64, StoreError>> + Send + 'static + use<> {
        answered(self.write(bucket, key, Ok(0), move |name, current| {
            change::increment(name, current, by)
        }))
    }

    /// How many transactions were made durable since the store was opened. Writes that were done
    /// together count as one; what changed nothing is not counted.
    pub fn commits(&self) -> u64 {
        self.0.commits.load(Ordering::Relaxed)
    }

    /// Finish what was asked for, and close the file. Waits for that. What is asked of other
    /// clones from now on fails with [`StoreError::Closed`].
    pub fn close(self) {
        self.0.close();
    }

    fn read<N, T>(
        &self,
        names: Result<N, StoreError>,
        look: impl FnOnce(&Snapshot, N) -> Result<T, StorageError> + Send + 'static,
    ) -> Asked<T>
    where
        N: Send + 'static,
        T: Send + 'static,
    {
        names.and_then(|names| {
            let (reply, answer) = oneshot::channel();
            let read: Read = Box::new(move |file| {
                let found = reader::in_snapshot(file, |entries| look(entries, names));
                // Who asked may have gone.
                let _ = reply.send(found);
            });
            self.0.submit(|queues| &queues.reads, read)?;
            Ok(answer)
        })
    }

    /// `size` are the bytes of the values that the change has with it.
    fn write<T>(
        &self,
        bucket: &str,
        key: &str,
        size: Result<usize, StoreError>,
        change: impl FnOnce(&EntryName, Option<&[u8]>) -> Result<(T, Effect), StoreError>
        + Send
        + 'static,
    ) -> Asked<T>
    where
        T: Send + 'static,
    {
        EntryName::parse(bucket, key).and_then(|name| {
            let permit = self.0.budget.take(name.len() + size?)?;
            let (reply, answer) = oneshot::channel();
            let write = Update {
                name,
                change: Some(change),
                result: None,
                reply,
                _permit: permit,
            };
            let write: Box<dyn Write> = Box::new(write);
            self.0.submit(|queues| &queues.writes, write)?;
            Ok(answer)
        })
    }
}

struct Shared {
    /// None when the store was closed. The threads end when the senders are gone.
    queues: RwLock<Option<Queues>>,
    budget: Budget,
    commits: Arc<AtomicU64>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

struct Queues {
    writes: SyncSender<Box<dyn Write>>,
    reads: SyncSender<Read>,
}

impl Shared {
    fn start_writer(
        &self,
        file: Arc<StoreFile>,
        queue: Receiver<Box<dyn Write>>,
        commits: Arc<AtomicU64>,
    ) -> Result<(), OpenError> {
        self.start("store-writer", move || writer::run(&file, &queue, &commits))
    }

    fn start_reader(
        &self,
        file: Arc<StoreFile>,
        queue: Arc<Mutex<Receiver<Read>>>,
    ) -> Result<(), OpenError> {
        self.start("store-reader", move || reader::run(&file, &queue))
    }

    fn start(&self, name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), OpenError> {
        let thread = thread::Builder::new().name(name.to_owned()).spawn(run);
        let thread = thread.map_err(OpenError::Thread)?;
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.push(thread);
        Ok(())
    }

    fn submit<J>(
        &self,
        queue: impl FnOnce(&Queues) -> &SyncSender<J>,
        job: J,
    ) -> Result<(), StoreError> {
        let queues = self.queues.read().unwrap_or_else(PoisonError::into_inner);
        let queues = queues.as_ref().ok_or(StoreError::Closed)?;
        queue(queues)
            .try_send(job)
            .map_err(|refused| match refused {
                TrySendError::Full(_) => StoreError::Busy,
                TrySendError::Disconnected(_) => StoreError::Closed,
            })
    }

    fn close(&self) {
        let mut queues = self.queues.write().unwrap_or_else(PoisonError::into_inner);
        *queues = None;
        drop(queues);
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            // An answer may drop a task, and that the last clone of the store.
            if thread.thread().id() != thread::current().id() {
                // A thread that panicked has said so.
                let _ = thread.join();
            }
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.close();
    }
}

/// Where the answer to an operation will be; or why it is in no queue.
type Asked<T> = Result<oneshot::Receiver<Result<T, StoreError>>, StoreError>;

/// The answer, once it is there. A thread that ends without it drops its side.
async fn answered<T>(asked: Asked<T>) -> Result<T, StoreError> {
    asked?.await.unwrap_or(Err(StoreError::Closed))
}

/// One that waits for the disk, or makes a long list, doesn't hold up all the others.
const READERS: usize = 2;
