//! The cores that a node runs on.

use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::str::FromStr;

use thiserror::Error;

use crate::error::Fault;
use crate::manifest::Value;

/// The cores that shards are pinned to, one shard each.
///
/// As text (`cores = "0,2-3"`, `--cores 4`): a plain number is a count; a comma or a dash makes it
/// a list of cores and ranges of cores. So `4` is any four cores, `0,2-3` the cores 0, 2 and 3, and
/// `4-4` only core 4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cores {
    /// This number of the cores that the process may use.
    Count(NonZeroUsize),
    /// These cores, in this order: at least one, none twice.
    List(Vec<CoreId>),
}

/// The number that the operating system gives a core, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CoreId(pub usize);

impl Cores {
    pub(crate) fn read(value: &Value<'_>) -> Result<Self, Fault> {
        if value.is_integer() {
            let count = value.integer(1..=MAX_CORES as u64)?;
            return Self::count(count as usize)
                .map_err(|error| Fault::new(value.span(), error.to_string(), "here"));
        }
        if value.is_text() {
            let text = value.text()?;
            return (text.text.parse())
                .map_err(|error: CoresError| text.fault(error.to_string(), "in this").help(FORMS));
        }
        let items = (value.list())
            .map_err(|_| value.mismatch("a number of cores, or a list").help(FORMS))?;
        let mut list = Vec::new();
        for item in &items {
            let core = CoreId(item.integer(0..=MAX_CORES as u64 - 1)? as usize);
            push(&mut list, core)
                .map_err(|error| Fault::new(item.span(), error.to_string(), "again"))?;
        }
        Self::list(list)
            .map_err(|error| Fault::new(value.span(), error.to_string(), "empty").help(FORMS))
    }

    fn count(count: usize) -> Result<Self, CoresError> {
        match NonZeroUsize::new(count) {
            Some(cores) if count <= MAX_CORES => Ok(Self::Count(cores)),
            Some(_) => Err(CoresError::TooLarge(count.to_string())),
            None => Err(CoresError::None),
        }
    }

    fn list(list: Vec<CoreId>) -> Result<Self, CoresError> {
        if list.is_empty() {
            return Err(CoresError::None);
        }
        Ok(Self::List(list))
    }
}

impl FromStr for Cores {
    type Err = CoresError;

    fn from_str(text: &str) -> Result<Self, CoresError> {
        if !text.contains([',', '-']) {
            return Self::count(number(text)?);
        }
        let mut list = Vec::new();
        for item in text.split(',') {
            for core in range(item)? {
                push(&mut list, CoreId(core))?;
            }
        }
        Self::list(list)
    }
}

/// The error in a choice of cores.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CoresError {
    /// No core at all.
    #[error("a node needs at least one core")]
    None,
    /// Not a number, or nothing between two commas.
    #[error("`{0}` is not a core's number")]
    NotANumber(String),
    /// A number beyond what a machine can have.
    #[error("`{0}` is too large: cores are counted up to 1024")]
    TooLarge(String),
    /// A range whose end comes before its start.
    #[error("the range `{0}` is reversed")]
    Reversed(String),
    /// A core that was named before.
    #[error("core {} is named twice", .0.0)]
    Duplicate(CoreId),
}

fn push(list: &mut Vec<CoreId>, core: CoreId) -> Result<(), CoresError> {
    if list.contains(&core) {
        return Err(CoresError::Duplicate(core));
    }
    list.push(core);
    Ok(())
}

fn range(item: &str) -> Result<RangeInclusive<usize>, CoresError> {
    let (first, last) = match item.split_once('-') {
        Some((first, last)) => (core(first)?, core(last)?),
        None => (core(item)?, core(item)?),
    };
    if first > last {
        return Err(CoresError::Reversed(item.trim().to_owned()));
    }
    Ok(first..=last)
}

fn core(text: &str) -> Result<usize, CoresError> {
    match number(text)? {
        core if core < MAX_CORES => Ok(core),
        _ => Err(CoresError::TooLarge(text.trim().to_owned())),
    }
}

fn number(text: &str) -> Result<usize, CoresError> {
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(CoresError::NotANumber(text.to_owned()));
    }
    (text.parse()).map_err(|_| CoresError::TooLarge(text.to_owned()))
}

/// The number of cores in Linux's `cpu_set_t`.
const MAX_CORES: usize = 1024;

const FORMS: &str = "write how many (`4`), or which (`[0, 2]` or `\"0,2-3\"`)";

#[cfg(test)]
mod tests {
    use super::*;

    fn list(cores: &[usize]) -> Result<Cores, CoresError> {
        Ok(Cores::List(cores.iter().copied().map(CoreId).collect()))
    }

    #[test]
    fn a_plain_number_counts_and_the_rest_lists() {
        assert_eq!("4".parse(), Cores::count(4));
        assert_eq!("4-4".parse(), list(&[4]));
        assert_eq!("0,2-3".parse(), list(&[0, 2, 3]));
        assert_eq!(" 5 , 1 - 2 ".parse(), list(&[5, 1, 2]));
        assert_eq!("1023-1023".parse(), list(&[1023]));
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        for (text, words) in [
            ("0", "at least one"),
            ("", "``"),
            ("four", "`four`"),
            ("+1", "`+1`"),
            ("0,", "``"),
            ("-1", "``"),
            ("1-", "``"),
            ("1-2-3", "`2-3`"),
            ("3-2", "`3-2` is reversed"),
            ("1,1", "core 1 is named twice"),
            ("0-3,2", "core 2 is named twice"),
            ("1024-1024", "too large"),
            ("1025", "too large"),
            ("0-18446744073709551616", "too large"),
        ] {
            let error = text.parse::<Cores>().unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
