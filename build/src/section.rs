//! Custom sections of a component.

use wasmparser::{Parser, Payload};

/// Returns the content of the component's own section of this name, not of a nested one.
pub(crate) fn read<'c>(component: &'c [u8], name: &str) -> Option<&'c [u8]> {
    let mut depth = 0usize;
    for payload in Parser::new(0).parse_all(component) {
        match payload.ok()? {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::CustomSection(section) if depth == 1 && section.name() == name => {
                return Some(section.data());
            }
            _ => {}
        }
    }
    None
}

/// Appends a section.
#[cfg(feature = "components")]
pub(crate) fn append(component: &mut Vec<u8>, name: &str, data: &[u8]) {
    use wasm_encoder::{ComponentSection, CustomSection};

    let section = CustomSection {
        name: name.into(),
        data: data.into(),
    };
    section.append_to_component(component);
}
