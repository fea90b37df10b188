//! The custom section of a component that contains its source map.

use super::SourceMap;
use crate::section;

/// Appends a source map to a component.
#[cfg(feature = "typescript")]
pub(crate) fn attach(component: &mut Vec<u8>, source_map: &str) {
    section::append(component, SECTION, source_map.as_bytes());
}

/// Returns the source map that a component carries, if any.
pub fn of(component: &[u8]) -> Option<SourceMap> {
    let map = section::read(component, SECTION)?;
    Some(SourceMap::new(std::str::from_utf8(map).ok()?))
}

const SECTION: &str = "rusm:source-map";

#[cfg(all(test, feature = "typescript"))]
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
        let map = of(&component).unwrap();
        assert_eq!(map.locate("at bundle.js:1:1"), "at a.ts:3:1");
    }
}
