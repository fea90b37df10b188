//! `docs/configuration.md` cannot rot: its examples are right, and it knows every key.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail loudly"
)]

mod support;

const GUIDE: &str = include_str!("../../docs/configuration.md");

/// The text of the guide's `toml` blocks.
fn examples() -> Vec<&'static str> {
    (GUIDE.split("```toml\n").skip(1))
        .map(|rest| rest.split_once("```").expect("the end of a block").0)
        .collect()
}

#[test]
fn every_example_is_a_manifest() {
    // The secrets of the examples are not here.
    let variables = rusm_config::Lenient(rusm_config::Environment { dir: "/".into() });
    for example in examples() {
        if let Err(error) = rusm_config::parse_with("an example", example, &variables) {
            panic!("{error}\n{example}");
        }
    }
}

#[test]
fn the_full_example_is_full() {
    let full = examples()
        .into_iter()
        .max_by_key(|example| example.len())
        .unwrap();
    for (section, key) in keys() {
        let is_key = |line: &str| {
            (line.trim_start().split(['=', ' ']).next() == Some(&key))
                || line.starts_with(&format!("[{key}"))
                || line.starts_with(&format!("[[{key}"))
                || line.starts_with(&format!("[serve.{key}"))
                || line.contains(&format!(", {key} ="))
                || line.contains(&format!("{{ {key} ="))
        };
        assert!(full.lines().any(is_key), "{section} {key}");
    }
}

#[test]
fn every_key_has_its_row() {
    for (section, key) in keys() {
        let row = GUIDE.contains(&format!("\n| `{key}` |"));
        let heading =
            GUIDE.contains(&format!("[{key}")) || GUIDE.contains(&format!("[serve.{key}"));
        assert!(row || heading, "{section} {key}");
    }
}

/// Every table and key that a manifest may have.
fn keys() -> Vec<(String, String)> {
    let tables = support::tables();
    assert!(tables.len() >= 9);
    let tables = tables.iter().map(support::keys_of_reader);
    let keys: Vec<_> = tables
        .flat_map(|(section, keys)| keys.into_iter().map(move |key| (section.clone(), key)))
        .collect();
    assert!(keys.len() > 40, "{keys:?}");
    keys
}
