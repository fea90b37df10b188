//! Faults of values that had variables. What a variable holds may be a secret, so no fault may quote it.

use crate::error::{Fault, Faults};
use crate::variables::{Expanded, ExpandedValue};

/// Replaces the faults that may quote the content of a variable.
///
/// `as_written` are the faults of the same manifest, read with its variables as they are written. The reader finds the
/// same fault there, with `${NAME}` for the value; so nothing depends on what a fault quotes, or how.
pub(crate) fn conceal(faults: Faults, as_written: Faults, expanded: &Expanded) -> Faults {
    let mut as_written = as_written.into_inner();
    let mut conceal = |fault: Fault| {
        let touched = (fault.labels.iter()).find_map(|(place, _)| expanded.at(place));
        let Some((start, value)) = touched else {
            return without(fault, "a value", |content| content.len() >= LONG, expanded);
        };
        // Two values that are wrong together may each be right as they are written.
        if fault.labels.len() > 1 {
            let written = format!("the value of `{}`", value.written);
            return without(fault, &written, |content| !content.is_empty(), expanded);
        }
        let is_same = |other: &Fault| {
            let place = other.labels.first().map(|(place, _)| place);
            let at = place.and_then(|place| expanded.at(place));
            other.labels.len() == 1 && at.is_some_and(|(at, _)| at == start)
        };
        match as_written.iter().position(is_same) {
            Some(index) => as_written.swap_remove(index),
            None => unspecific(&fault, value),
        }
    };
    let concealed = faults.into_inner().into_iter();
    concealed.map(&mut conceal).collect()
}

/// Returns the fault without its texts that have the content of a variable in them.
fn without(
    mut fault: Fault,
    name: &str,
    counts: impl Fn(&str) -> bool,
    expanded: &Expanded,
) -> Fault {
    let has_content = |text: &str| {
        let mut contents = expanded.contents().filter(|content| counts(content));
        contents.any(|content| text.contains(content))
    };
    if has_content(&fault.message) {
        fault.message = format!("{name} is not valid here");
    }
    for (_, label) in &mut fault.labels {
        if has_content(label) {
            *label = "here".to_owned();
        }
    }
    fault.help = fault.help.filter(|help| !has_content(help));
    fault
}

/// Returns a fault that says nothing of the value but its place.
fn unspecific(fault: &Fault, value: &ExpandedValue) -> Fault {
    let place = (fault.labels.first()).map_or(0..0, |(place, _)| place.clone());
    let message = format!("the value of `{}` is not valid here", value.written);
    Fault::new(place, message, "what its variables hold")
        .help("the value is not shown, since it may be a secret")
}

/// Content of so many bytes is in no other text by chance.
const LONG: usize = 16;
