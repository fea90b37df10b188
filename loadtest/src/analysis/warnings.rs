//! The generator's warnings, without repetition.

use crate::model::Report;

/// Collects the warnings of all runs. Those that differ only in numbers are merged: the text is the
/// first run's, with the number of runs that gave it.
pub(crate) fn of(report: &Report) -> Vec<String> {
    let mut kinds: Vec<(String, &str, usize)> = Vec::new();
    for warning in report.runs.iter().flat_map(|run| &run.generator.warnings) {
        let kind: String = warning.chars().filter(|c| !c.is_ascii_digit()).collect();
        match kinds.iter_mut().find(|(other, ..)| *other == kind) {
            Some((.., runs)) => *runs += 1,
            None => kinds.push((kind, warning, 1)),
        }
    }
    kinds
        .into_iter()
        .map(|(_, warning, runs)| match runs {
            1 => warning.to_owned(),
            _ => format!(
                "{warning} (So or alike in {runs} of {} runs.)",
                report.runs.len()
            ),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn warnings_that_differ_in_numbers_are_one() {
        let mut report = sample::peak_report();
        for (place, run) in report.runs.iter_mut().enumerate().skip(1) {
            run.generator.warnings.push(format!("{place} were late"));
        }
        let warnings = of(&report);
        assert_eq!(warnings, ["1 were late (So or alike in 9 of 10 runs.)"]);
    }
}
