//! Suggestions for misspelled words: "did you mean?"

/// Returns the candidate that `given` was most likely meant to be.
///
/// `-` and `_` are equal. Either a few letters are wrong (a third of the word at most), or whole
/// words are missing at an end: `max-memory` for `max-memory-mb`.
pub(crate) fn nearest<'a>(
    given: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let given = fold(given);
    let typos_allowed = (given.chars().count() / 3).max(1);
    (candidates.into_iter())
        .filter_map(|candidate| {
            let folded = fold(candidate);
            let typos = strsim::damerau_levenshtein(&given, &folded);
            if typos <= typos_allowed {
                Some((typos, candidate))
            } else if lacks_words(&given, &folded) {
                Some((usize::MAX, candidate))
            } else {
                None
            }
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Formats a list of allowed names: `a`, `b` and `c`.
pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<_> = (names.into_iter())
        .map(|name| format!("`{name}`"))
        .collect();
    match names.split_last() {
        None => "nothing".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

fn fold(name: &str) -> String {
    name.to_lowercase().replace('_', "-")
}

fn lacks_words(given: &str, candidate: &str) -> bool {
    let missing_before = candidate.strip_suffix(given);
    let missing_after = candidate.strip_prefix(given);
    !given.is_empty()
        && (missing_before.is_some_and(|rest| rest.ends_with('-'))
            || missing_after.is_some_and(|rest| rest.starts_with('-')))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 4] = ["listen", "component", "allow-network", "max-memory-mb"];

    #[test]
    fn finds_typos_and_missing_words() {
        for (given, meant) in [
            ("lisen", "listen"),
            ("Listen", "listen"),
            ("compnoent", "component"),
            ("allow_network", "allow-network"),
            ("network", "allow-network"),
            ("max-memory", "max-memory-mb"),
        ] {
            assert_eq!(nearest(given, KEYS), Some(meant), "{given}");
        }
    }

    #[test]
    fn keeps_quiet_about_what_is_far() {
        for given in ["port", "", "x", "memory-limit"] {
            assert_eq!(nearest(given, KEYS), None, "{given}");
        }
    }

    #[test]
    fn prefers_the_nearest() {
        assert_eq!(nearest("wait-m", ["wait-ms", "wait-m-x"]), Some("wait-ms"));
    }

    #[test]
    fn lists_as_a_sentence() {
        assert_eq!(list([]), "nothing");
        assert_eq!(list(["a"]), "`a`");
        assert_eq!(list(["a", "b", "c"]), "`a`, `b` and `c`");
    }
}
