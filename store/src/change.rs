//! Writes as pure functions of the current value (`None`: the key is absent).

use std::str;

use crate::error::StoreError;
use crate::name::EntryName;

/// The effect of a write on its entry.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Keep,
    Put(Vec<u8>),
    Remove,
}

pub(crate) fn delete(current: Option<&[u8]>) -> (bool, Effect) {
    match current {
        Some(_) => (true, Effect::Remove),
        None => (false, Effect::Keep),
    }
}

pub(crate) fn compare_and_set(
    current: Option<&[u8]>,
    expected: Option<&[u8]>,
    value: Option<Vec<u8>>,
) -> (bool, Effect) {
    if current != expected {
        return (false, Effect::Keep);
    }
    let effect = match (value, current) {
        (Some(value), _) => Effect::Put(value),
        (None, Some(_)) => Effect::Remove,
        (None, None) => Effect::Keep,
    };
    (true, effect)
}

/// Adds `by` to a decimal number. `name` is used only in errors.
pub(crate) fn increment(
    name: &EntryName,
    current: Option<&[u8]>,
    by: i64,
) -> Result<(i64, Effect), StoreError> {
    let (bucket, key) = name.as_pair();
    let number = current.map_or(Some(0), parse_number);
    let number = number.ok_or_else(|| StoreError::NotANumber {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
    })?;
    let sum = number.checked_add(by).ok_or_else(|| StoreError::Overflow {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        number,
        by,
    })?;
    Ok((sum, Effect::Put(sum.to_string().into_bytes())))
}

fn parse_number(text: &[u8]) -> Option<i64> {
    str::from_utf8(text).ok()?.parse().ok()
}
