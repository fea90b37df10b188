//! The source map that a component carries for the log of who runs it: a custom section.

use std::sync::Arc;

use rusm_typescript::SourceMap;
use rusm_wasm_pool::Locate;
use wasm_encoder::{ComponentSection, CustomSection};
use wasmparser::{Parser, Payload};

/// Appends a source map to a component.
pub(crate) fn attach(component: &mut Vec<u8>, source_map: &str) {
    let section = CustomSection {
        name: SECTION.into(),
        data: source_map.as_bytes().into(),
    };
    section.append_to_component(component);
}

/// What the lines of a component go through on their way to the log, if it carries a source map.
pub(crate) fn of(component: &[u8]) -> Option<Locate> {
    let mut depth = 0usize;
    for payload in Parser::new(0).parse_all(component) {
        match payload.ok()? {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::CustomSection(section) if depth == 1 && section.name() == SECTION => {
                let map = SourceMap::new(std::str::from_utf8(section.data()).ok()?);
                return Some(Arc::new(move |line: String| map.locate(&line).into_owned()));
            }
            _ => {}
        }
    }
    None
}

const SECTION: &str = "rusm:source-map";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_carries_its_source_map() {
        let mut component = wat::parse_str("(component (core module))").unwrap();
        assert!(of(&component).is_none());
        let padding = "x".repeat(300);
        let map = format!(
            r#"{{"version":3,"sources":["a.ts"],"names":["{padding}"],"mappings":"AAEA"}}"#
        );
        attach(&mut component, &map);
        wasmparser::validate(&component).unwrap();
        let locate = of(&component).unwrap();
        assert_eq!(locate("at bundle.js:1:1".into()), "at a.ts:3:1");
    }
}
