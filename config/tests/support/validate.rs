//! As much of JSON schema (draft 7) as the schema of `rusm.toml` uses. An unknown keyword fails the test.

use regex::Regex;
use serde_json::{Map, Value};

/// Returns what `schema` says against `value`.
pub(super) fn objections(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    Validator { root: schema }.check(schema, value, "", &mut found);
    found
}

struct Validator<'s> {
    root: &'s Value,
}

impl Validator<'_> {
    fn check(&self, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
        let schema = schema.as_object().expect("a schema is an object");
        for (keyword, rule) in schema {
            if !self.holds(schema, keyword, rule, value, at, found) {
                found.push(format!("{at}: {value} is against {keyword}: {rule}"));
            }
        }
    }

    /// Returns whether one rule holds; what is below `value` is checked, too.
    fn holds(
        &self,
        schema: &Map<String, Value>,
        keyword: &str,
        rule: &Value,
        value: &Value,
        at: &str,
        found: &mut Vec<String>,
    ) -> bool {
        let list = || rule.as_array().expect("a list");
        let count = || rule.as_u64().expect("a count") as usize;
        match (keyword, value) {
            ("$schema" | "title" | "description" | "default" | "definitions", _) => true,
            ("$ref", _) => {
                assert_eq!(schema.len(), 1, "draft 7 ignores what is beside a $ref");
                let pointer = rule.as_str().and_then(|rule| rule.strip_prefix('#'));
                let target = pointer.and_then(|pointer| self.root.pointer(pointer));
                self.check(target.expect("a definition"), value, at, found);
                true
            }
            ("anyOf", _) => list().iter().any(|schema| {
                let mut against = Vec::new();
                self.check(schema, value, at, &mut against);
                against.is_empty()
            }),
            ("enum", _) => list().contains(value),
            ("type", _) => match rule.as_str().expect("one type") {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "integer" => value.is_i64() || value.is_u64(),
                other => panic!("the test does not know the type {other}"),
            },
            ("minimum", Value::Number(number)) => number.as_f64() >= rule.as_f64(),
            ("maximum", Value::Number(number)) => number.as_f64() <= rule.as_f64(),
            ("minLength", Value::String(text)) => text.chars().count() >= count(),
            ("pattern", Value::String(text)) => {
                let pattern = Regex::new(rule.as_str().expect("a pattern"));
                pattern.expect("a regular expression").is_match(text)
            }
            ("minItems", Value::Array(items)) => items.len() >= count(),
            ("uniqueItems", Value::Array(items)) => {
                let mut items = items.iter().enumerate();
                let all = value.as_array().expect("it is one");
                items.all(|(index, item)| !all[..index].contains(item))
            }
            ("items", Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    self.check(rule, item, &format!("{at}.{index}"), found);
                }
                true
            }
            ("minProperties", Value::Object(entries)) => entries.len() >= count(),
            ("required", Value::Object(entries)) => {
                let mut keys = list().iter().filter_map(Value::as_str);
                keys.all(|key| entries.contains_key(key))
            }
            ("dependencies", Value::Object(entries)) => {
                let rules = rule.as_object().expect("a table of lists");
                let needed = rules.iter().filter(|(key, _)| entries.contains_key(*key));
                let mut needed = needed.flat_map(|(_, needs)| needs.as_array().expect("a list"));
                needed.all(|key| key.as_str().is_some_and(|key| entries.contains_key(key)))
            }
            ("propertyNames", Value::Object(entries)) => {
                for key in entries.keys() {
                    self.check(rule, &Value::String(key.clone()), at, found);
                }
                true
            }
            ("properties", Value::Object(entries)) => {
                for (key, schema) in rule.as_object().expect("a table of schemas") {
                    if let Some(value) = entries.get(key) {
                        self.check(schema, value, &format!("{at}.{key}"), found);
                    }
                }
                true
            }
            ("additionalProperties", Value::Object(entries)) => {
                let known = schema.get("properties").and_then(Value::as_object);
                let is_known = |key: &str| known.is_some_and(|known| known.contains_key(key));
                let others = entries.iter().filter(|(key, _)| !is_known(key));
                let mut others = others.peekable();
                if *rule == Value::Bool(false) {
                    return others.peek().is_none();
                }
                for (key, value) in others {
                    self.check(rule, value, &format!("{at}.{key}"), found);
                }
                true
            }
            (
                "minimum"
                | "maximum"
                | "minLength"
                | "pattern"
                | "minItems"
                | "uniqueItems"
                | "items"
                | "minProperties"
                | "required"
                | "dependencies"
                | "propertyNames"
                | "properties"
                | "additionalProperties",
                _,
            ) => true,
            _ => panic!("the test does not know the keyword {keyword}"),
        }
    }
}
