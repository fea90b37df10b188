//! The token that clients of the admin listener send.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use subtle::ConstantTimeEq;

use super::error::AdminError;

/// The token, as clients have to send it: `Authorization: Bearer TOKEN` (RFC 6750).
pub(super) struct Key(Vec<u8>);

impl Key {
    /// Reads the token from a file.
    ///
    /// # Errors
    /// If the file can't be read, or holds nothing that a client could send.
    pub(super) fn read(path: &Path) -> Result<Self, AdminError> {
        let unreadable = |error| AdminError::KeyFile {
            path: path.to_owned(),
            error,
        };
        // A pipe could keep the server waiting.
        if !path.metadata().map_err(unreadable)?.is_file() {
            return Err(AdminError::Key {
                path: path.to_owned(),
                reason: "it is not a regular file",
            });
        }
        let file = File::open(path).map_err(unreadable)?;
        let mut text = Vec::new();
        let read = file.take(MAX_KEY as u64 + 1).read_to_end(&mut text);
        read.map_err(unreadable)?;
        Self::parse(&text).map_err(|reason| AdminError::Key {
            path: path.to_owned(),
            reason,
        })
    }

    fn parse(text: &[u8]) -> Result<Self, &'static str> {
        let token = text.trim_ascii();
        if text.len() > MAX_KEY {
            return Err("it has more than 4096 bytes");
        }
        if token.is_empty() {
            return Err("it is empty");
        }
        if !token.iter().all(u8::is_ascii_graphic) {
            return Err("a token is one word of printable ASCII characters");
        }
        Ok(Self(token.to_vec()))
    }

    /// Returns whether this value of `Authorization` has the token. The time that takes says nothing about the token
    /// but its length.
    pub(super) fn admits(&self, authorization: Option<&[u8]>) -> bool {
        let token = authorization.and_then(|value| {
            let (scheme, token) = value.split_at_checked(SCHEME.len())?;
            let is_bearer = scheme.eq_ignore_ascii_case(SCHEME);
            is_bearer.then(|| token.trim_ascii())
        });
        token.is_some_and(|token| self.0.ct_eq(token).into())
    }
}

const SCHEME: &[u8] = b"Bearer ";
/// Bytes of the file.
const MAX_KEY: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_the_word_in_the_file() {
        let key = Key::parse(b" s3cret/+=\n").unwrap();
        for value in ["Bearer s3cret/+=", "bearer s3cret/+=", "BEARER  s3cret/+= "] {
            assert!(key.admits(Some(value.as_bytes())), "{value}");
        }
        for value in [
            "",
            "Bearer",
            "Bearer ",
            "s3cret/+=",
            "Basic s3cret/+=",
            "Bearer s3cret/+",
            "Bearer s3cret/+==",
        ] {
            assert!(!key.admits(Some(value.as_bytes())), "{value}");
        }
        assert!(!key.admits(None));
    }

    #[test]
    fn what_no_client_could_send_is_no_token() {
        for text in ["", " \n", "two words", "k\u{e9}y", "a\0b"] {
            assert!(Key::parse(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(Key::parse(&[b'a'; MAX_KEY + 1]).is_err());
    }
}
