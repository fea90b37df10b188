//! The occupancy of a mailbox, shared with other shards.
//!
//! A mailbox counts for itself alone until a process of another shard casts to it. From then on
//! the count is shared: the sender reserves space in the mailbox before it sends the message. So it
//! gets an error at once if the mailbox is full, and a message that was sent is not refused on arrival.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::mailbox::MailboxLimit;
use crate::message::SendError;

/// The shared count of one mailbox.
///
/// `Relaxed` is enough throughout: the counts guard no other memory, and the messages themselves
/// cross on the bus.
#[derive(Debug)]
pub(crate) struct Occupancy {
    limit: MailboxLimit,
    messages: AtomicUsize,
    bytes: AtomicUsize,
    /// Set when the process has ended.
    closed: AtomicBool,
}

impl Occupancy {
    pub(crate) fn new(limit: MailboxLimit, messages: usize, bytes: usize) -> Self {
        Self {
            limit,
            messages: AtomicUsize::new(messages),
            bytes: AtomicUsize::new(bytes),
            closed: AtomicBool::new(false),
        }
    }

    /// Reserves space for a message of this size.
    pub(crate) fn reserve(&self, size: usize) -> Result<(), SendError> {
        if self.is_closed() {
            return Err(SendError::NoProcess);
        }
        self.limit.check_size(size)?;
        let take = |count: &AtomicUsize, more: usize, most: usize| {
            let fits = |now: usize| now.checked_add(more).filter(|sum| *sum <= most);
            count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits)
        };
        take(&self.messages, 1, self.limit.messages).map_err(|_| SendError::MailboxFull)?;
        take(&self.bytes, size, self.limit.bytes).map_err(|_| {
            self.messages.fetch_sub(1, Ordering::Relaxed);
            SendError::MailboxFull
        })?;
        Ok(())
    }

    /// Counts a delivery again that was taken from the mailbox and is stashed.
    pub(crate) fn add(&self, size: usize) {
        self.messages.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(size, Ordering::Relaxed);
    }

    /// Releases the space of a message of this size.
    pub(crate) fn release(&self, size: usize) {
        self.messages.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(size, Ordering::Relaxed);
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    pub(crate) fn messages(&self) -> usize {
        self.messages.load(Ordering::Relaxed)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_taken_once_and_given_back() {
        let limit = MailboxLimit {
            messages: 2,
            bytes: 10,
        };
        let occupancy = Occupancy::new(limit, 0, 0);
        assert_eq!(occupancy.reserve(11), Err(SendError::TooLarge(10)));
        assert_eq!(occupancy.reserve(6), Ok(()));
        assert_eq!(occupancy.reserve(6), Err(SendError::MailboxFull), "bytes");
        assert_eq!(occupancy.reserve(4), Ok(()));
        assert_eq!(
            occupancy.reserve(0),
            Err(SendError::MailboxFull),
            "messages"
        );
        occupancy.release(6);
        assert_eq!((occupancy.messages(), occupancy.bytes()), (1, 4));
        assert_eq!(occupancy.reserve(6), Ok(()));
        occupancy.close();
        assert_eq!(occupancy.reserve(0), Err(SendError::NoProcess));
    }
}
