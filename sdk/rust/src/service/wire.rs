//! Wire format of calls, as pure functions over bytes.
//!
//! The arguments of a call are a JSON array, its answer is JSON. What a function of iterators or
//! callbacks writes to the stream that answers a call comes in chunks: a byte that says what
//! follows, then
//!
//! | tag | what | content |
//! |---|---|---|
//! | 0 | an item | JSON |
//! | 1 | a call of a callback | which: four bytes, little-endian; then its argument as JSON |
//! | 2 | the answer, the last chunk | JSON |
//!
//! In the array of arguments a callback is its number, counted from 0 among the callbacks.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::CallError;

/// The arguments of a call: of a tuple, or of `[(); 0]`.
pub(crate) fn arguments<A: Serialize>(arguments: &A) -> Result<Vec<u8>, CallError> {
    serde_json::to_vec(arguments).map_err(|error| CallError::Encode(error.to_string()))
}

/// What a call answered.
pub(crate) fn answer<R: DeserializeOwned>(answer: &[u8]) -> Result<R, CallError> {
    serde_json::from_slice(answer).map_err(|error| CallError::Decode(error.to_string()))
}

/// A piece of the stream that answers a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chunk<'a> {
    Item(&'a [u8]),
    Callback { index: u32, argument: &'a [u8] },
    Answer(&'a [u8]),
}

impl<'a> Chunk<'a> {
    /// `None` if it is no such chunk.
    pub(crate) fn decode(chunk: &'a [u8]) -> Option<Self> {
        let (tag, content) = chunk.split_first()?;
        match *tag {
            ITEM => Some(Self::Item(content)),
            CALLBACK => {
                let (index, argument) = content.split_first_chunk()?;
                let index = u32::from_le_bytes(*index);
                Some(Self::Callback { index, argument })
            }
            ANSWER => Some(Self::Answer(content)),
            _ => None,
        }
    }
}

/// The chunk of an item.
pub(crate) fn item<T: Serialize>(item: &T) -> serde_json::Result<Vec<u8>> {
    chunk(vec![ITEM], item)
}

/// The chunk of a callback's call.
pub(crate) fn callback<T: Serialize>(index: u32, argument: &T) -> serde_json::Result<Vec<u8>> {
    let mut head = vec![CALLBACK];
    head.extend(index.to_le_bytes());
    chunk(head, argument)
}

/// The chunk of the answer.
pub(crate) fn final_answer<T: Serialize>(answer: &T) -> serde_json::Result<Vec<u8>> {
    chunk(vec![ANSWER], answer)
}

fn chunk<T: Serialize>(mut head: Vec<u8>, content: &T) -> serde_json::Result<Vec<u8>> {
    serde_json::to_writer(&mut head, content)?;
    Ok(head)
}

const ITEM: u8 = 0;
const CALLBACK: u8 = 1;
const ANSWER: u8 = 2;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn arguments_are_an_array_whatever_their_number() {
        assert_eq!(arguments(&[(); 0]).unwrap(), b"[]");
        assert_eq!(arguments(&("a",)).unwrap(), br#"["a"]"#);
        assert_eq!(arguments(&("a", 7, ())).unwrap(), br#"["a",7,null]"#);
    }

    #[test]
    fn an_argument_without_json_is_the_callers_error() {
        let keyed_by_lists = std::collections::BTreeMap::from([([1], 2)]);
        let error = arguments(&(keyed_by_lists,)).unwrap_err();
        assert!(matches!(error, CallError::Encode(_)), "{error}");
    }

    #[test]
    fn an_answer_is_what_was_asked_for_or_an_error() {
        assert_eq!(answer::<u64>(b"7"), Ok(7));
        assert_eq!(answer::<()>(b"null"), Ok(()));
        assert!(matches!(answer::<u64>(b"-7"), Err(CallError::Decode(_))));
        assert!(matches!(answer::<u64>(b"7 7"), Err(CallError::Decode(_))));
    }

    #[test]
    fn what_is_no_chunk_is_refused() {
        for chunk in [&b""[..], b"\x03{}", b"\x01", b"\x01abc"] {
            assert_eq!(Chunk::decode(chunk), None, "{chunk:?}");
        }
        let empty = Chunk::Callback {
            index: u32::MAX,
            argument: b"",
        };
        assert_eq!(Chunk::decode(b"\x01\xff\xff\xff\xff"), Some(empty));
    }

    proptest! {
        #[test]
        fn chunks_come_back_as_they_went(text in ".*", index: u32) {
            let json = serde_json::to_vec(&text).unwrap();
            let sent = [
                (item(&text).unwrap(), Chunk::Item(&json)),
                (final_answer(&text).unwrap(), Chunk::Answer(&json)),
                (callback(index, &text).unwrap(), Chunk::Callback { index, argument: &json }),
            ];
            for (bytes, chunk) in &sent {
                prop_assert_eq!(Chunk::decode(bytes), Some(*chunk));
            }
        }

        #[test]
        fn no_chunk_is_a_panic(chunk in prop::collection::vec(any::<u8>(), 0..16)) {
            let _ = Chunk::decode(&chunk);
        }
    }
}
