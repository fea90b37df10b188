//! Text that comes in pieces, which may end inside of a character.

/// Puts text together. Invalid UTF-8 is found at its first invalid byte.
#[derive(Debug, Default)]
pub(super) struct TextBuilder {
    text: String,
    /// The beginning of a character.
    partial: Partial,
}

/// Not UTF-8.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotText;

impl TextBuilder {
    pub(super) fn len(&self) -> usize {
        self.text.len() + self.partial.len
    }

    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Result<(), NotText> {
        while self.partial.len > 0 {
            let Some((&byte, after)) = bytes.split_first() else {
                return Ok(());
            };
            self.partial.push(byte);
            bytes = after;
            if let Some(character) = whole(self.partial.bytes())? {
                self.text.push_str(character);
                self.partial.len = 0;
            }
        }
        match str::from_utf8(bytes) {
            Ok(text) => self.text.push_str(text),
            Err(error) if error.error_len().is_some() => return Err(NotText),
            Err(error) => {
                let (text, partial) = bytes
                    .split_at_checked(error.valid_up_to())
                    .unwrap_or_default();
                self.text.push_str(str::from_utf8(text).unwrap_or_default());
                for byte in partial {
                    self.partial.push(*byte);
                }
            }
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<String, NotText> {
        match self.partial.len {
            0 => Ok(self.text),
            _ => Err(NotText),
        }
    }
}

/// The beginning of a character, which has four bytes at most.
#[derive(Debug, Default)]
struct Partial {
    bytes: [u8; 4],
    len: usize,
}

impl Partial {
    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// The character that the bytes are, if they aren't only its beginning.
fn whole(bytes: &[u8]) -> Result<Option<&str>, NotText> {
    match str::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.error_len().is_some() => Err(NotText),
        Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The text, or at which byte it was found that there is none.
    fn byte_by_byte(bytes: &[u8]) -> Result<String, usize> {
        let mut builder = TextBuilder::default();
        for (index, byte) in bytes.iter().enumerate() {
            builder.push(&[*byte]).map_err(|NotText| index)?;
            assert_eq!(builder.len(), index + 1);
        }
        builder.finish().map_err(|NotText| bytes.len())
    }

    #[test]
    fn the_first_byte_that_cannot_be_is_found_at_once() {
        for (bytes, at) in [
            (&b"a\xff"[..], 1),
            (b"\x80", 0),
            (b"\xc0", 0),
            (b"\xc3a", 1),
            (b"\xce\xba\xed\xa0\x80", 3),
            (b"\xf4\x90\x80\x80", 1),
            (b"\xf0\x8f", 1),
            (b"\xf0\x90\x80\x41", 3),
            (b"\xe2\x82", 2),
        ] {
            assert_eq!(byte_by_byte(bytes), Err(at), "{bytes:x?}");
        }
    }

    proptest! {
        #[test]
        fn pieces_make_what_the_whole_makes(
            bytes in prop_oneof![
                any::<String>().prop_map(String::into_bytes),
                prop::collection::vec(any::<u8>(), 0..8),
                prop::collection::vec(
                    prop::sample::select(&b"a\x80\xbf\xc3\xe0\xed\xf0\xf4"[..]), 0..8
                ),
            ],
            step in 1..5_usize,
        ) {
            let whole = String::from_utf8(bytes.clone()).ok();
            prop_assert_eq!(byte_by_byte(&bytes).ok(), whole.clone());
            let mut builder = TextBuilder::default();
            let pushed = bytes.chunks(step).try_for_each(|piece| builder.push(piece));
            prop_assert_eq!(pushed.and_then(|()| builder.finish()).ok(), whole);
        }
    }
}
