//! The mail of one process: first in, first out, bounded, and open to a choosy reader. Pure.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::message::{Mail, SendError};
use crate::occupancy::Occupancy;
use crate::quota::MAX_WAITING_STREAMS;

/// How much mail may wait. What processes send counts; what the system tells them, of ends and
/// exits, does not: who has too much of that unread may watch and link nobody else.
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
    /// Whether a message of this size could be taken if nothing else waited.
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
    queue: VecDeque<Mail>,
    /// Set aside by the process; they count, too.
    stash: VecDeque<Mail>,
    load: Load,
    /// Streams that nobody has accepted.
    streams: usize,
    /// Mail of the system's.
    signals: usize,
    /// How often something was taken out of the queue, or put in anywhere but at its end: what a
    /// reader has seen of it, it has to look at again.
    shifts: u64,
}

/// What the mail counts for, except the system's.
#[derive(Debug)]
enum Load {
    Own {
        messages: usize,
        bytes: usize,
    },
    /// Processes of other shards take room, too.
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

/// How far a reader has looked.
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

    /// Put mail at the end; it is given back if it is refused.
    pub(crate) fn push(&mut self, delivery: Mail) -> Result<(), (SendError, Mail)> {
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

    /// Put mail at the end whose sender has taken room for it.
    pub(crate) fn push_reserved(&mut self, delivery: Mail) {
        self.queue.push_back(delivery);
    }

    /// The count of this mailbox, for processes of other shards.
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

    /// Count mail that was taken out.
    fn taken(&mut self, delivery: &Mail) {
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

    /// Take the first mail that is `wanted`; the others stay where they are. `seen` is how far
    /// the same reader had looked the last time.
    pub(crate) fn take(
        &mut self,
        seen: &mut Seen,
        mut wanted: impl FnMut(&Mail) -> bool,
    ) -> Option<Mail> {
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

    /// Set mail aside that was taken.
    pub(crate) fn stash(&mut self, delivery: Mail) {
        // It was in the mailbox before, so at most one more than the limit comes of it.
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

    /// Put what was set aside back to the front, in order.
    pub(crate) fn unstash(&mut self) {
        self.shifts += 1;
        while let Some(delivery) = self.stash.pop_back() {
            self.queue.push_front(delivery);
        }
    }

    /// Ends and exits that the process has not looked at.
    pub(crate) fn signals(&self) -> usize {
        self.signals
    }

    /// Streams that nobody has accepted.
    pub(crate) fn streams(&self) -> usize {
        self.streams
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len() + self.stash.len()
    }

    /// Messages and bytes that count.
    pub(crate) fn load(&self) -> (usize, usize) {
        match &self.load {
            Load::Own { messages, bytes } => (*messages, *bytes),
            Load::Shared(occupancy) => (occupancy.messages(), occupancy.bytes()),
        }
    }

    /// All of it, for what has to be answered when the process ends.
    pub(crate) fn into_deliveries(self) -> impl Iterator<Item = Mail> {
        if let Load::Shared(occupancy) = &self.load {
            occupancy.close();
        }
        self.stash.into_iter().chain(self.queue)
    }
}

fn is_stream(delivery: &Mail) -> bool {
    matches!(delivery, Mail::Stream { .. })
}

/// What mail counts for; nothing if it is the system's.
fn size(delivery: &Mail) -> Option<usize> {
    match delivery {
        Mail::Message(bytes) => Some(bytes.len()),
        Mail::Call(call) => Some(call.size()),
        Mail::Stream { .. } => Some(0),
        Mail::Down { .. } | Mail::Exit { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::exit::ExitReason;
    use crate::pid::Pid;

    fn message(text: &[u8]) -> Mail {
        Mail::Message(Bytes::copy_from_slice(text))
    }

    fn any(_: &Mail) -> bool {
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
        let is_b = |delivery: &Mail| *delivery == message(b"b");
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
            let mut count = |_: &Mail| {
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
        let exit = Mail::Exit {
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
