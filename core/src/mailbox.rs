//! The mailbox of one process: first in, first out, bounded, with selective receive. Pure.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::message::{Delivery, SendError};
use crate::occupancy::Occupancy;
use crate::quota::MAX_WAITING_STREAMS;

/// The bounds of a mailbox. Messages, calls and streams count. Exits and ends of monitored processes
/// do not: a process with too many of them unread can't set new links and monitors instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailboxLimit {
    /// Messages, calls and streams.
    pub messages: usize,
    /// Bytes of all of them.
    pub bytes: usize,
}

impl Default for MailboxLimit {
    /// 10 000 messages of 16 MiB together.
    fn default() -> Self {
        Self {
            messages: 10_000,
            bytes: 16 << 20,
        }
    }
}

impl MailboxLimit {
    /// Fails if a message of this size does not fit into an empty mailbox.
    pub(crate) fn check_size(&self, size: usize) -> Result<(), SendError> {
        if size > self.bytes {
            return Err(SendError::TooLarge(self.bytes));
        }
        Ok(())
    }
}

#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    limit: MailboxLimit,
    queue: VecDeque<Delivery>,
    /// Received and set aside by the process, to be received again; they count, too.
    stash: VecDeque<Delivery>,
    load: Load,
    /// Streams that were not accepted yet.
    streams: usize,
    /// Exits and ends of monitored processes.
    signals: usize,
    /// Counts removals, and insertions other than at the end. When it changes, a reader has to
    /// search from the front again.
    shifts: u64,
}

/// The messages and bytes that count.
#[derive(Debug)]
enum Load {
    Own {
        messages: usize,
        bytes: usize,
    },
    /// Counted together with processes of other shards, which reserve space, too.
    Shared(Arc<Occupancy>),
}

impl Default for Load {
    fn default() -> Self {
        Self::Own {
            messages: 0,
            bytes: 0,
        }
    }
}

/// The position up to which a reader has searched.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    shifts: u64,
    count: usize,
}

impl Mailbox {
    pub(crate) fn new(limit: MailboxLimit) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    /// Appends a delivery. Returns it if the mailbox is full.
    pub(crate) fn push(&mut self, delivery: Delivery) -> Result<(), (SendError, Delivery)> {
        if let Some(size) = size(&delivery) {
            let streams = self.streams + usize::from(is_stream(&delivery));
            if streams > MAX_WAITING_STREAMS {
                return Err((SendError::MailboxFull, delivery));
            }
            if let Err(error) = self.reserve(size) {
                return Err((error, delivery));
            }
            self.streams = streams;
        } else {
            self.signals += 1;
        }
        self.queue.push_back(delivery);
        Ok(())
    }

    /// Appends a delivery for which its sender has reserved space.
    pub(crate) fn push_reserved(&mut self, delivery: Delivery) {
        self.queue.push_back(delivery);
    }

    /// Returns the count of this mailbox, shared with other shards from here on.
    pub(crate) fn share(&mut self) -> Arc<Occupancy> {
        match &self.load {
            Load::Shared(occupancy) => occupancy.clone(),
            Load::Own { messages, bytes } => {
                let occupancy = Arc::new(Occupancy::new(self.limit, *messages, *bytes));
                self.load = Load::Shared(occupancy.clone());
                occupancy
            }
        }
    }

    fn reserve(&mut self, size: usize) -> Result<(), SendError> {
        self.limit.check_size(size)?;
        match &mut self.load {
            Load::Shared(occupancy) => occupancy.reserve(size),
            Load::Own { messages, bytes } => {
                let fits = bytes.saturating_add(size) <= self.limit.bytes;
                if *messages >= self.limit.messages || !fits {
                    return Err(SendError::MailboxFull);
                }
                *messages += 1;
                *bytes += size;
                Ok(())
            }
        }
    }

    /// Counts a delivery out that was removed.
    fn taken(&mut self, delivery: &Delivery) {
        let Some(size) = size(delivery) else {
            self.signals -= 1;
            return;
        };
        self.streams -= usize::from(is_stream(delivery));
        match &mut self.load {
            Load::Shared(occupancy) => occupancy.release(size),
            Load::Own { messages, bytes } => {
                *messages -= 1;
                *bytes -= size;
            }
        }
    }

    /// Takes the first delivery that is `wanted`; the others stay in order. `seen` is the position up
    /// to which the same reader searched the last time.
    pub(crate) fn take(
        &mut self,
        seen: &mut Seen,
        mut wanted: impl FnMut(&Delivery) -> bool,
    ) -> Option<Delivery> {
        if seen.shifts != self.shifts {
            *seen = Seen {
                shifts: self.shifts,
                count: 0,
            };
        }
        let found = (seen.count..self.queue.len()).find(|index| wanted(&self.queue[*index]));
        let Some(index) = found else {
            seen.count = self.queue.len();
            return None;
        };
        let delivery = self.queue.remove(index)?;
        self.shifts += 1;
        self.taken(&delivery);
        Some(delivery)
    }

    /// Stashes a delivery that was taken.
    pub(crate) fn stash(&mut self, delivery: Delivery) {
        // It was in the mailbox before, so the limit is exceeded by one at most.
        match (size(&delivery), &mut self.load) {
            (None, _) => self.signals += 1,
            (Some(size), Load::Shared(occupancy)) => occupancy.add(size),
            (Some(size), Load::Own { messages, bytes }) => {
                *messages += 1;
                *bytes += size;
            }
        }
        self.streams += usize::from(is_stream(&delivery));
        self.stash.push_back(delivery);
    }

    /// Moves the stash back to the front of the queue, in order.
    pub(crate) fn unstash(&mut self) {
        self.shifts += 1;
        while let Some(delivery) = self.stash.pop_back() {
            self.queue.push_front(delivery);
        }
    }

    /// Returns the number of unread exits and ends of monitored processes.
    pub(crate) fn signals(&self) -> usize {
        self.signals
    }

    /// Returns the number of streams that were not accepted yet.
    pub(crate) fn streams(&self) -> usize {
        self.streams
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len() + self.stash.len()
    }

    /// Returns the messages and bytes that count.
    pub(crate) fn load(&self) -> (usize, usize) {
        match &self.load {
            Load::Own { messages, bytes } => (*messages, *bytes),
            Load::Shared(occupancy) => (occupancy.messages(), occupancy.bytes()),
        }
    }

    /// Closes the mailbox, and returns its deliveries, some of which have to be answered when the
    /// process ends.
    pub(crate) fn into_deliveries(self) -> impl Iterator<Item = Delivery> {
        if let Load::Shared(occupancy) = &self.load {
            occupancy.close();
        }
        self.stash.into_iter().chain(self.queue)
    }
}

fn is_stream(delivery: &Delivery) -> bool {
    matches!(delivery, Delivery::Stream { .. })
}

/// Returns the bytes that a delivery counts for; `None` if it does not count.
fn size(delivery: &Delivery) -> Option<usize> {
    match delivery {
        Delivery::Message(bytes) => Some(bytes.len()),
        Delivery::Call(call) => Some(call.size()),
        Delivery::Stream { .. } => Some(0),
        Delivery::Down { .. } | Delivery::Exit { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::exit::ExitReason;
    use crate::pid::Pid;

    fn message(text: &[u8]) -> Delivery {
        Delivery::Message(Bytes::copy_from_slice(text))
    }

    fn any(_: &Delivery) -> bool {
        true
    }

    fn limited(messages: usize, bytes: usize) -> Mailbox {
        Mailbox::new(MailboxLimit { messages, bytes })
    }

    #[test]
    fn a_choosy_reader_leaves_the_rest_in_order() {
        let mut mailbox = limited(10, 100);
        for text in [b"a", b"b", b"c"] {
            mailbox.push(message(text)).unwrap();
        }
        let mut seen = Seen::default();
        let is_b = |delivery: &Delivery| *delivery == message(b"b");
        assert_eq!(mailbox.take(&mut seen, is_b), Some(message(b"b")));
        assert_eq!(mailbox.take(&mut seen, is_b), None);
        mailbox.push(message(b"b")).unwrap();
        assert_eq!(mailbox.take(&mut seen, is_b), Some(message(b"b")));
        assert_eq!(mailbox.take(&mut seen, any), Some(message(b"a")));
        assert_eq!(mailbox.take(&mut seen, any), Some(message(b"c")));
    }

    #[test]
    fn what_was_seen_is_not_looked_at_again() {
        let mut mailbox = limited(10, 100);
        let mut seen = Seen::default();
        let mut looks = 0;
        for _ in 0..10 {
            mailbox.push(message(b"x")).unwrap();
            let mut count = |_: &Delivery| {
                looks += 1;
                false
            };
            assert_eq!(mailbox.take(&mut seen, &mut count), None);
        }
        assert_eq!(looks, 10);
    }

    #[test]
    fn full_is_full_for_messages_and_not_for_the_system() {
        let mut mailbox = limited(2, 3);
        let refused = |mailbox: &mut Mailbox, text| {
            let refused = mailbox.push(message(text));
            refused.map_err(|(error, delivery)| (error, delivery == message(text)))
        };
        mailbox.push(message(b"ab")).unwrap();
        let full = Err((SendError::MailboxFull, true));
        assert_eq!(refused(&mut mailbox, b"cd"), full, "too many bytes");
        let too_large = Err((SendError::TooLarge(3), true));
        assert_eq!(refused(&mut mailbox, b"abcd"), too_large);
        mailbox.push(message(b"c")).unwrap();
        assert_eq!(refused(&mut mailbox, b""), full, "too many messages");
        let exit = Delivery::Exit {
            from: Pid::from_raw(1),
            reason: ExitReason::Normal,
        };
        mailbox.push(exit).unwrap();
        assert_eq!(mailbox.len(), 3);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_reordered_by_stashing(texts in prop::collection::vec(any_text(), 0..20), asides in 0usize..20) {
            let mut mailbox = limited(100, 1000);
            for text in &texts {
                mailbox.push(message(text)).unwrap();
            }
            let mut seen = Seen::default();
            for _ in 0..asides {
                if let Some(delivery) = mailbox.take(&mut seen, any) {
                    mailbox.stash(delivery);
                }
            }
            mailbox.unstash();
            for text in &texts {
                prop_assert_eq!(mailbox.take(&mut seen, any), Some(message(text)));
            }
            prop_assert_eq!((mailbox.len(), mailbox.load()), (0, (0, 0)));
        }
    }

    fn any_text() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(proptest::arbitrary::any::<u8>(), 0..5)
    }
}
