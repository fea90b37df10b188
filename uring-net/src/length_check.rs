//! The check that a streamed body is as long as its source said.

use crate::service::WrongLength;

/// The check of the content's length. The chunk that completes the length is held until the source has
/// ended: a client that had it would take a body for whole that is longer, or was not finished.
pub(crate) struct LengthCheck {
    /// The bytes that are still to come; `None` if the source has not said how many.
    left: Option<u64>,
    last: Option<Vec<u8>>,
}

impl LengthCheck {
    pub(crate) fn new(length: Option<u64>) -> Self {
        Self {
            left: length,
            last: None,
        }
    }

    /// Counts a chunk, and returns it if it may be sent.
    pub(crate) fn admit(&mut self, chunk: Vec<u8>) -> Result<Option<Vec<u8>>, WrongLength> {
        let Some(left) = &mut self.left else {
            return Ok(Some(chunk));
        };
        *left = left
            .checked_sub(chunk.len() as u64)
            .ok_or(WrongLength::TooLong)?;
        if *left > 0 || chunk.is_empty() {
            return Ok(Some(chunk));
        }
        self.last = Some(chunk);
        Ok(None)
    }

    /// Returns whether a chunk is held.
    pub(crate) fn holds_chunk(&self) -> bool {
        self.last.is_some()
    }

    /// Returns the chunk that was held, at the end of the source.
    pub(crate) fn end(&mut self) -> Result<Option<Vec<u8>>, WrongLength> {
        match self.left {
            Some(missing) if missing > 0 => Err(WrongLength::TooShort { missing }),
            _ => Ok(self.last.take()),
        }
    }

    /// Returns whether a body that ends here, without its source, is whole.
    pub(crate) fn is_complete(&self) -> bool {
        !self.holds_chunk() && self.left.is_none_or(|left| left == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_of_its_length_is_sent_once_its_source_has_ended() {
        let mut check = LengthCheck::new(Some(5));
        assert_eq!(check.admit(vec![1; 3]), Ok(Some(vec![1; 3])));
        assert!(!check.is_complete());
        assert_eq!(check.admit(vec![2; 2]), Ok(None));
        assert!(check.holds_chunk() && !check.is_complete());
        assert_eq!(check.admit(Vec::new()), Ok(Some(Vec::new())));
        assert_eq!(check.end(), Ok(Some(vec![2; 2])));
        assert!(check.is_complete());
    }

    #[test]
    fn another_length_is_noticed() {
        let mut check = LengthCheck::new(Some(5));
        assert_eq!(check.admit(vec![1; 6]), Err(WrongLength::TooLong));
        let mut check = LengthCheck::new(Some(5));
        assert_eq!(check.admit(vec![1; 5]), Ok(None));
        assert_eq!(check.admit(vec![1]), Err(WrongLength::TooLong));
        let mut check = LengthCheck::new(Some(5));
        assert_eq!(check.admit(vec![1; 4]), Ok(Some(vec![1; 4])));
        assert_eq!(check.end(), Err(WrongLength::TooShort { missing: 1 }));
        let mut check = LengthCheck::new(Some(0));
        assert_eq!(check.end(), Ok(None));
    }

    #[test]
    fn a_body_of_unknown_length_may_have_any() {
        let mut check = LengthCheck::new(None);
        assert_eq!(check.admit(vec![1; 6]), Ok(Some(vec![1; 6])));
        assert_eq!(check.end(), Ok(None));
        assert!(check.is_complete());
    }
}
