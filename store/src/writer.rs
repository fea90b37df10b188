//! The thread that writes.

use std::sync::mpsc::Receiver;
use std::time::Instant;

use futures_channel::oneshot;
use redb::{Database, Durability, ReadableTable, StorageError, Table};

use crate::change::Effect;
use crate::counts::CommitCounts;
use crate::error::StoreError;
use crate::file::{ENTRIES, StoreFile};
use crate::name::EntryName;
use crate::queue::{MAX_WAITING, Permit};

/// A write that waits for its transaction.
pub(crate) trait Write: Send {
    /// Applies the write in the transaction of `table`. Returns whether that changed anything.
    ///
    /// # Errors
    /// An error of the file. An error of this write alone is kept for its answer.
    fn apply(
        &mut self,
        table: &mut Table<'_, (&'static str, &'static str), &'static [u8]>,
    ) -> Result<bool, StorageError>;

    /// Answers the caller, once the transaction is durable or has failed.
    fn acknowledge(self: Box<Self>, committed: Result<(), StoreError>);
}

/// Serves `queue` until all its senders are dropped and it is empty.
pub(crate) fn run(file: &StoreFile, queue: &Receiver<Box<dyn Write>>, counts: &CommitCounts) {
    while let Ok(first) = queue.recv() {
        let mut batch = vec![first];
        batch.extend(queue.try_iter().take(MAX_WAITING - 1));
        file.recover();
        let started = Instant::now();
        let committed = file.with(|database| transact(database, &mut batch));
        match committed {
            Ok(true) => counts.committed(started.elapsed()),
            Ok(false) => {}
            Err(_) => counts.not_committed(),
        }
        let committed = committed.map(drop);
        for write in batch {
            write.acknowledge(committed.clone());
        }
        if committed.is_err() {
            // So that readers need not wait for the next write.
            file.recover();
        }
    }
}

/// A change of one entry. `F` is a function of the current value.
pub(crate) struct Update<T, F> {
    pub(crate) name: EntryName,
    /// Taken by `apply`.
    pub(crate) change: Option<F>,
    /// Set by `apply`.
    pub(crate) result: Option<Result<T, StoreError>>,
    pub(crate) reply: oneshot::Sender<Result<T, StoreError>>,
    /// Held until the answer is sent.
    pub(crate) _permit: Permit,
}

impl<T, F> Write for Update<T, F>
where
    T: Send,
    F: FnOnce(&EntryName, Option<&[u8]>) -> Result<(T, Effect), StoreError> + Send,
{
    fn apply(
        &mut self,
        table: &mut Table<'_, (&'static str, &'static str), &'static [u8]>,
    ) -> Result<bool, StorageError> {
        let Some(change) = self.change.take() else {
            return Ok(false);
        };
        let current = table.get(self.name.as_pair())?;
        let changed = change(&self.name, current.as_ref().map(|value| value.value()));
        drop(current);
        let (result, effect) = match changed {
            Ok((answer, effect)) => (Ok(answer), effect),
            Err(error) => (Err(error), Effect::Keep),
        };
        self.result = Some(result);
        match effect {
            Effect::Keep => return Ok(false),
            Effect::Put(value) => drop(table.insert(self.name.as_pair(), &value[..])?),
            Effect::Remove => drop(table.remove(self.name.as_pair())?),
        }
        Ok(true)
    }

    fn acknowledge(self: Box<Self>, committed: Result<(), StoreError>) {
        let Self { result, reply, .. } = *self;
        let result = committed.and_then(|()| result.unwrap_or(Err(StoreError::Closed)));
        // The caller may have dropped its future.
        let _ = reply.send(result);
    }
}

/// Applies the whole batch and makes it durable. Returns whether anything was committed.
fn transact(database: &Database, batch: &mut [Box<dyn Write>]) -> Result<bool, redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    let mut changed = false;
    {
        let mut table = transaction.open_table(ENTRIES)?;
        for write in batch {
            changed |= write.apply(&mut table)?;
        }
    }
    if changed {
        transaction.commit()?;
    } else {
        transaction.abort()?;
    }
    Ok(changed)
}
