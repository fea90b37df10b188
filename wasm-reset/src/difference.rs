//! What an instance differs in from its first state, as bytes.
//!
//! Numbers are little-endian.
//!
//! | bytes | |
//! |---|---|
//! | 4 | pages of the memory |
//! | 8 each | the mutable globals, in their order |
//! | 4, 4, n | records until the end: place in the memory, length, content |

use crate::{Unsuited, component};

/// What is needed to make differences small.
#[derive(Clone, Debug, Default)]
pub struct Image {
    /// Where `bytes` are in the memory. The rest is 0.
    start: u32,
    bytes: Vec<u8>,
    /// Bytes of a difference before its records.
    head: usize,
}

impl Image {
    /// The first state of a component that was given [`crate::Added::ResetAndSave`].
    ///
    /// # Errors
    /// As of [`crate::rewrite`].
    pub fn of(component: &[u8]) -> Result<Self, Unsuited> {
        component::image(component)
    }

    pub(crate) fn new(memory: Option<(u32, Vec<u8>)>, globals: usize) -> Self {
        let (start, bytes) = memory.unwrap_or_default();
        Self {
            start,
            bytes,
            head: GLOBALS_AT as usize + globals * GLOBAL as usize,
        }
    }

    /// A difference without what does not differ. `None` if it is none.
    pub fn shrink(&self, difference: &[u8]) -> Option<Box<[u8]>> {
        let (head, mut records) = difference.split_at_checked(self.head)?;
        let mut out = head.to_vec();
        while !records.is_empty() {
            let (place, rest) = records.split_first_chunk()?;
            let (length, rest) = rest.split_first_chunk()?;
            let place = u32::from_le_bytes(*place);
            let (content, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            self.write_changes(place, content, &mut out)?;
            records = rest;
        }
        Some(out.into())
    }

    /// Writes the runs of words of `content` that are not those of the image. Ones that are near each other are one.
    fn write_changes(&self, place: u32, content: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let mut run = None;
        let mut at = place;
        for word in content.chunks(WORD) {
            let end = at.checked_add(word.len() as u32)?;
            if self.differs(at, word) {
                run = match run {
                    Some((start, stop)) if at - stop <= NEAR => Some((start, end)),
                    Some(before) => {
                        write_record(place, content, before, out)?;
                        Some((at, end))
                    }
                    None => Some((at, end)),
                };
            }
            at = end;
        }
        run.map_or(Some(()), |last| write_record(place, content, last, out))
    }

    fn differs(&self, place: u32, word: &[u8]) -> bool {
        let offset = (place as usize).wrapping_sub(self.start as usize);
        match self.bytes.get(offset..offset.wrapping_add(word.len())) {
            Some(image) => image != word,
            // Partly or wholly beside it.
            None => (0..).zip(word).any(|(index, byte)| {
                let image = self.bytes.get(offset.wrapping_add(index));
                image.copied().unwrap_or(0) != *byte
            }),
        }
    }
}

fn write_record(place: u32, content: &[u8], run: (u32, u32), out: &mut Vec<u8>) -> Option<()> {
    let (start, end) = run;
    let bytes = content.get((start - place) as usize..(end - place) as usize)?;
    out.extend(start.to_le_bytes());
    out.extend((end - start).to_le_bytes());
    out.extend(bytes);
    Some(())
}

/// Where the globals begin.
pub(crate) const GLOBALS_AT: u32 = 4;
/// Bytes of a global.
pub(crate) const GLOBAL: u32 = 8;
/// Bytes of a record before its content.
pub(crate) const RECORD_HEAD: u32 = 8;
/// What is compared at once.
const WORD: usize = 32;
/// Bytes between two runs that are less than what another record takes.
const NEAR: u32 = RECORD_HEAD;
