//! What a component is follows from what it exports.

use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

/// The exports and imports of a component that decide how it is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The functions that it exports by themselves, in WIT's kebab-case.
    pub functions: Vec<String>,
    /// The interfaces that it exports, with their versions.
    pub interfaces: Vec<String>,
    /// Whether it imports any interface of WASI.
    pub imports_wasi: bool,
}

impl Shape {
    /// Read the shape off the component's type.
    pub fn of(component: &Component, engine: &Engine) -> Self {
        let ty = component.component_type();
        let mut shape = Self {
            functions: Vec::new(),
            interfaces: Vec::new(),
            imports_wasi: ty
                .imports(engine)
                .any(|(name, _)| name.starts_with("wasi:")),
        };
        for (name, item) in ty.exports(engine) {
            match item.ty {
                ComponentItem::ComponentFunc(_) => shape.functions.push(name.to_owned()),
                ComponentItem::ComponentInstance(_) => shape.interfaces.push(name.to_owned()),
                _ => {}
            }
        }
        shape
    }
}
