//! Mailbox bounds: keys of `[components.<name>]`.

use crate::manifest::Section;

/// The bounds of the mailbox of each process of a component. A message that exceeds them is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// Messages that may wait: 1 to 1 000 000.
    pub messages: usize,
    /// Bytes that they may have together: 1 KiB to 4 GiB.
    pub bytes: usize,
}

impl Mailbox {
    /// Reads the bounds in a `[components.<name>]`.
    pub(crate) fn read(section: &mut Section<'_>) -> Self {
        let default = Self::default();
        Self {
            messages: section
                .get("mailbox-messages", |v| v.integer(1..=1_000_000))
                .map_or(default.messages, |count| count as usize),
            bytes: section
                .get("mailbox-kb", |v| v.integer(1..=4 << 20))
                .map_or(default.bytes, |kibibytes| (kibibytes << 10) as usize),
        }
    }
}

impl Default for Mailbox {
    fn default() -> Self {
        Self {
            messages: 10_000,
            bytes: 16 << 20,
        }
    }
}
