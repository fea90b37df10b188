//! The handle of a store, which shards hold.

use std::future::Future;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::{self, JoinHandle};

use futures_channel::oneshot;
use redb::StorageError;

use crate::change::{self, Effect};
use crate::counts::{CommitCounts, StoreStats};
use crate::error::{OpenError, StoreError};
use crate::file::StoreFile;
use crate::name::{EntryName, check_value, parse_bucket, parse_prefix};
use crate::queue::{Budget, MAX_WAITING};
use crate::reader::{self, Read, Snapshot};
use crate::writer::{self, Update, Write};

/// The durable store of a node: values by bucket and key. Clones are the same store.
///
/// The call itself enqueues the operation. So writes are done in the order of the calls, even if the
/// future is dropped. A write is acknowledged when it is on disk; a read sees all writes that were
/// acknowledged before its call.
///
/// Bucket and key have 1 to [`MAX_NAME`](crate::MAX_NAME) bytes, a value at most
/// [`MAX_VALUE`](crate::MAX_VALUE). A bucket exists while it has a key.
///
/// Each operation fails with
/// - [`StoreError::NameLength`] or [`StoreError::ValueLength`] when a limit is exceeded,
/// - [`StoreError::Busy`], at once, when 4096 operations of its kind, or writes of 64 MiB, wait,
/// - [`StoreError::Failed`] when the file can't be read or written,
/// - [`StoreError::Closed`] when the store was closed.
///
/// When the last clone is dropped the store closes as by [`Store::close`].
#[derive(Clone)]
pub struct Store(Arc<Shared>);

impl Store {
    /// Opens the store at `path`. Creates the file if it does not exist, but not its directory.
    ///
    /// The whole file is read and checked.
    ///
    /// # Errors
    /// When the file is in use, is not a store, is damaged or of a newer version, or the system
    /// refuses.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let file = Arc::new(StoreFile::open(path)?);
        let commits = Arc::<CommitCounts>::default();
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

    /// Returns the value; `None` if the key is absent.
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

    /// Returns whether the key exists.
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

    /// Lists the keys of `bucket` that begin with `prefix`, sorted by their bytes, at most `limit` of
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

    /// Lists the names of all buckets, sorted by their bytes.
    ///
    /// # Errors
    /// As all operations.
    pub fn buckets(
        &self,
    ) -> impl Future<Output = Result<Vec<String>, StoreError>> + Send + 'static + use<> {
        answered(self.read(Ok(()), |entries, ()| reader::buckets(entries)))
    }

    /// Sets the value, and replaces a previous one.
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

    /// Removes the key. Returns whether it existed.
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

    /// Sets `value` (`None`: removes the key) if the current value is `expected` (`None`: the key is
    /// absent). Returns whether it was.
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

    /// Adds `by` to the value, a number as decimal text, or to 0 if the key is absent. Returns the sum.
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

    /// Returns the number of transactions committed since the store was opened. Writes that were
    /// committed together count as one; writes that changed nothing do not count.
    pub fn commits(&self) -> u64 {
        self.0.commits.stats().commits()
    }

    /// Returns what was counted of the transactions since the store was opened. Any thread may ask.
    pub fn stats(&self) -> StoreStats {
        self.0.commits.stats()
    }

    /// Finishes the operations in the queues, closes the file, and waits for that. Further operations of
    /// other clones fail with [`StoreError::Closed`].
    pub fn close(self) {
        self.0.close();
    }

    fn read<N, T>(
        &self,
        names: Result<N, StoreError>,
        look: impl FnOnce(&Snapshot, N) -> Result<T, StorageError> + Send + 'static,
    ) -> Pending<T>
    where
        N: Send + 'static,
        T: Send + 'static,
    {
        names.and_then(|names| {
            let (reply, answer) = oneshot::channel();
            let read: Read = Box::new(move |file| {
                let found = reader::in_snapshot(file, |entries| look(entries, names));
                // The caller may have dropped its future.
                let _ = reply.send(found);
            });
            self.0.submit(|queues| &queues.reads, read)?;
            Ok(answer)
        })
    }

    /// Enqueues a write. `size` is the length of the values that the change holds, in bytes.
    fn write<T>(
        &self,
        bucket: &str,
        key: &str,
        size: Result<usize, StoreError>,
        change: impl FnOnce(&EntryName, Option<&[u8]>) -> Result<(T, Effect), StoreError>
        + Send
        + 'static,
    ) -> Pending<T>
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
    /// `None` when the store was closed. The threads end when the senders are dropped.
    queues: RwLock<Option<Queues>>,
    budget: Budget,
    commits: Arc<CommitCounts>,
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
        commits: Arc<CommitCounts>,
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
        queue(queues).try_send(job).map_err(|error| match error {
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
            // The answer to an operation may drop a task, and with it the last clone of the store.
            if thread.thread().id() != thread::current().id() {
                // A thread that panicked has printed it.
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

/// The receiver of an operation's answer, or the reason why it was not enqueued.
type Pending<T> = Result<oneshot::Receiver<Result<T, StoreError>>, StoreError>;

/// Waits for the answer. A thread that ends without answering drops its side.
async fn answered<T>(pending: Pending<T>) -> Result<T, StoreError> {
    pending?.await.unwrap_or(Err(StoreError::Closed))
}

/// The number of reader threads: a slow read does not block all others.
const READERS: usize = 2;
