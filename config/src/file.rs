//! Files of an operator, read with a bound.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Reads a file of text of at most 1 MiB. It may be a pipe, but a device has no end.
pub(crate) fn read_bounded(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?
        .take(MAX_FILE + 1)
        .read_to_string(&mut text)?;
    match text.len() as u64 {
        0..=MAX_FILE => Ok(text),
        _ => Err(io::ErrorKind::FileTooLarge.into()),
    }
}

const MAX_FILE: u64 = 1 << 20;
