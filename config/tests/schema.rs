//! The schema of `rusm.toml` agrees with the reader and with the guide. `tests/errors.rs` and `tests/manifest.rs` show
//! all their manifests to it, too.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail loudly"
)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

#[test]
fn it_has_the_tables_and_keys_of_the_reader() {
    for table in support::tables() {
        let (name, of_reader) = support::keys_of_reader(&table);
        let of_reader: BTreeSet<_> = of_reader.into_iter().collect();
        let of_schema: BTreeSet<_> = table.keys.keys().cloned().collect();
        assert_eq!(
            of_reader, of_schema,
            "{name}: the keys of the reader (left) and of config/src/schema.json (right)"
        );
    }
}

#[test]
fn it_has_the_texts_and_defaults_of_the_guide() {
    let mut wrong = String::new();
    let mut rows = 0;
    for table in support::tables() {
        for (key, schema) in &table.keys {
            let description = schema["description"].as_str().unwrap_or_default();
            let Some(row) = row(table.root(), key) else {
                assert!(!description.is_empty(), "{key} has no description");
                continue;
            };
            rows += 1;
            if description != row.meaning || schema.get("default") != row.default.as_ref() {
                let path = &table.path;
                let (description, default) = (json!(row.meaning), row.default);
                let default = default.map(|default| format!(", \"default\": {default}"));
                wrong += &format!(
                    "{path:?} {key}: \"description\": {description}{}\n",
                    default.unwrap_or_default()
                );
            }
        }
    }
    assert!(rows > 60, "{rows}");
    assert!(wrong.is_empty(), "in config/src/schema.json:\n{wrong}");
}

#[test]
fn a_default_is_what_the_reader_takes_for_a_missing_key() {
    let mut defaults = 0;
    for table in support::tables() {
        for (key, schema) in &table.keys {
            let Some(default) = schema.get("default") else {
                continue;
            };
            let read = |entry: Value| {
                let mut manifest = support::at(&table.path, &entry);
                add_required(&mut manifest);
                let manifest = support::as_toml(&manifest);
                let app = rusm_config::parse("rusm.toml", &manifest);
                format!(
                    "{:?}",
                    app.unwrap_or_else(|error| panic!("{error}\n{manifest}"))
                )
            };
            assert_eq!(read(json!({ key: default })), read(json!({})), "{key}");
            defaults += 1;
        }
    }
    assert!(defaults > 25, "{defaults}");
}

#[test]
fn it_takes_what_is_in_the_repository() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for dir in ["examples", "rusm/tests/apps", "build/src/scaffold/template"] {
        find_manifests(&root.join(dir), &mut files);
    }
    assert!(files.len() >= 16, "{files:?}");
    for file in files {
        let text = fs::read_to_string(&file)
            .unwrap()
            .replace("{{name}}", "shop");
        assert_eq!(
            support::objections(&text),
            Some(vec![]),
            "{}",
            file.display()
        );
    }
    let examples = GUIDE.split("```toml\n").skip(1);
    for example in examples.map(|rest| rest.split_once("```").unwrap().0) {
        assert_eq!(support::objections(example), Some(vec![]), "{example}");
    }
}

/// Adds the keys without which a table is an error.
fn add_required(manifest: &mut Value) {
    for (table, keys) in [
        ("/serve/0", json!({ "listen": "[::1]:1", "component": "c" })),
        (
            "/serve/0/tls",
            json!({ "cert": "c", "key": "k", "client-ca": "a" }),
        ),
        (
            "/serve/0/tls/additional/0",
            json!({ "cert": "c", "key": "k" }),
        ),
        ("/admin", json!({ "listen": "[::1]:2" })),
        ("/capabilities/a/preopen/0", json!({ "host": "/" })),
    ] {
        if let Some(Value::Object(table)) = manifest.pointer_mut(table) {
            let Value::Object(keys) = keys else { continue };
            table.extend(keys);
        }
    }
}

/// A row of the guide.
struct Row {
    meaning: String,
    default: Option<Value>,
}

/// Returns the row of a key in the section of this table of the root.
fn row(root: Option<&str>, key: &str) -> Option<Row> {
    let section = format!("[{}", root?);
    let mut sections = GUIDE.split("\n## ").skip(1);
    let section = sections.find(|text| text.lines().next().unwrap().contains(&section))?;
    let tables = section
        .split("| Key | Type | Default | Meaning |\n")
        .skip(1);
    let mut rows = tables.flat_map(|table| table.lines().take_while(|line| line.starts_with('|')));
    let row = rows.find(|line| line.starts_with(&format!("| `{key}` |")))?;
    let row = row
        .trim()
        .strip_prefix('|')
        .unwrap()
        .strip_suffix('|')
        .unwrap();
    let cells: Vec<_> = row.split('|').map(str::trim).collect();
    let [_, _, default, meaning] = cells[..] else {
        panic!("not four cells: {row}");
    };
    let default = default
        .strip_prefix('`')
        .and_then(|text| text.strip_suffix('`'));
    Some(Row {
        meaning: without_links(meaning),
        default: default.and_then(|text| serde_json::from_str(text).ok()),
    })
}

/// Returns Markdown with the texts of its links alone: an editor has nowhere to lead to.
fn without_links(text: &str) -> String {
    let link = regex::Regex::new(r"\[(`[^`]*`|[^\[\]]*)\]\([^)]*\)").unwrap();
    link.replace_all(text, "$1").into_owned()
}

fn find_manifests(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir()
            && !["target", "node_modules"]
                .iter()
                .any(|skip| path.ends_with(skip))
        {
            find_manifests(&path, found);
        } else if path.file_name().is_some_and(|name| name == "rusm.toml") {
            found.push(path);
        }
    }
}

const GUIDE: &str = include_str!("../../docs/configuration.md");
