//! The schema of `rusm.toml`, as tests use it.

#![allow(
    dead_code,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "each test uses a part, and fails by a panic"
)]

mod validate;

use serde_json::{Map, Value, json};

/// Returns the schema.
pub(crate) fn schema() -> Value {
    serde_json::from_str(rusm_config::SCHEMA).expect("the schema is JSON")
}

/// Returns what the schema says against a manifest. Returns `None` if the manifest is not TOML.
pub(crate) fn objections(manifest: &str) -> Option<Vec<String>> {
    let manifest: toml::Table = manifest.parse().ok()?;
    let manifest = serde_json::to_value(manifest).expect("TOML in JSON");
    Some(validate::objections(&schema(), &manifest))
}

/// A table with fixed keys.
pub(crate) struct Table {
    /// The way to it from the root.
    pub(crate) path: Vec<Step>,
    /// The properties of its keys.
    pub(crate) keys: Map<String, Value>,
}

/// A step of the way to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The value of this key.
    Key(String),
    /// The value of any key, such as the name of a component.
    Any,
    /// An entry of a list.
    Entry,
}

impl Table {
    /// Returns a manifest with this value at `key` of the table.
    pub(crate) fn manifest_with(&self, key: &str, value: &Value) -> String {
        let mut path = self.path.clone();
        path.push(Step::Key(key.to_owned()));
        manifest(&path, value)
    }

    /// Returns the key of the root that leads to it, if it isn't the root.
    pub(crate) fn root(&self) -> Option<&str> {
        match self.path.first() {
            Some(Step::Key(key)) => Some(key),
            _ => None,
        }
    }
}

/// Returns all tables of a manifest that have fixed keys.
pub(crate) fn tables() -> Vec<Table> {
    let mut tables = Vec::new();
    walk(&schema(), &mut Vec::new(), &mut |path, schema| {
        if let Some(Value::Object(keys)) = schema.get("properties") {
            assert_eq!(schema["additionalProperties"], json!(false), "{path:?}");
            tables.push(Table {
                path: path.to_vec(),
                keys: keys.clone(),
            });
        }
    });
    tables
}

/// Returns the ways to all values that are no tables with fixed keys.
pub(crate) fn values() -> Vec<Vec<Step>> {
    let mut values = Vec::new();
    walk(&schema(), &mut Vec::new(), &mut |path, schema| {
        let is_last = ["properties", "additionalProperties", "items"]
            .iter()
            .all(|rule| !matches!(schema.get(rule), Some(Value::Object(_))));
        if is_last && values.last().is_none_or(|last| last != path) {
            values.push(path.to_vec());
        }
    });
    values
}

/// Returns a manifest with this value at the end of `path`.
pub(crate) fn manifest(path: &[Step], value: &Value) -> String {
    as_toml(&at(path, value))
}

/// Writes JSON as TOML. It does not serialize the JSON itself: numbers become tables where a
/// crate beside this one turns on `arbitrary_precision` of `serde_json`.
pub(crate) fn as_toml(value: &Value) -> String {
    toml::to_string(&converted(value)).expect("JSON in TOML")
}

fn converted(value: &Value) -> toml::Value {
    match value {
        Value::Null => panic!("null in TOML"),
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => match number.as_i64() {
            Some(number) => number.into(),
            None => number.as_f64().expect("a number").into(),
        },
        Value::String(value) => value.as_str().into(),
        Value::Array(values) => toml::Value::Array(values.iter().map(converted).collect()),
        Value::Object(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| (key.clone(), converted(value)));
            toml::Value::Table(entries.collect())
        }
    }
}

/// Returns the tables and lists that lead to this value.
pub(crate) fn at(path: &[Step], value: &Value) -> Value {
    let steps = path.iter().rev();
    steps.fold(value.clone(), |value, step| match step {
        Step::Key(key) => json!({ key: value }),
        Step::Any => json!({ "a": value }),
        Step::Entry => json!([value]),
    })
}

fn walk(schema: &Value, path: &mut Vec<Step>, visit: &mut impl FnMut(&[Step], &Value)) {
    for alternative in schema
        .get("anyOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        walk(alternative, path, visit);
    }
    visit(path, schema);
    let mut walk_on = |step, schema: &Value| {
        path.push(step);
        walk(schema, path, visit);
        path.pop();
    };
    if let Some(Value::Object(keys)) = schema.get("properties") {
        for (key, schema) in keys {
            walk_on(Step::Key(key.clone()), schema);
        }
    }
    if let Some(schema @ Value::Object(_)) = schema.get("additionalProperties") {
        walk_on(Step::Any, schema);
    }
    if let Some(schema @ Value::Object(_)) = schema.get("items") {
        walk_on(Step::Entry, schema);
    }
}

/// Returns the keys that the reader takes in a table, and the name of the table in errors. An unknown key makes it say
/// both.
pub(crate) fn keys_of_reader(table: &Table) -> (String, Vec<String>) {
    let wrong = table.manifest_with("zzz", &json!(1));
    let error = rusm_config::parse("wrong", &wrong).expect_err("a key that there is not");
    let unknown = (error.problems())
        .find(|problem| problem.message().starts_with("unknown key `zzz`"))
        .unwrap_or_else(|| {
            panic!(
                "the reader takes no notice of an unknown key in\n{wrong}\n{error}\n\
                 config/src/schema.json has this table: does its reader call `Section::finish`?"
            )
        });
    let help = miette::Diagnostic::help(unknown).expect("help").to_string();
    let (name, list) = help.split_once(" takes ").expect("a list");
    let keys = list.split('`').skip(1).step_by(2);
    (name.to_owned(), keys.map(str::to_owned).collect())
}
