//! Encodes the linker's core module as a component: a pure function over bytes.

use wasmparser::{Encoding, Parser, Payload};
use wit_component::ComponentEncoder;
use wit_parser::{Resolve, Type, TypeDefKind, TypeOwner, WorldId, WorldItem};

use crate::BoxError;
use crate::grants::{self, Grants};
use crate::rust::TrimError;
use crate::rust::trim::{self, Trimmed};

/// A finished component.
#[derive(Debug)]
pub(crate) struct Component {
    /// The validated binary.
    pub(crate) bytes: Vec<u8>,
    /// The properties of the component.
    pub(crate) shape: Shape,
}

/// The properties of a component that determine the cost of a fresh instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// The size of the binary in bytes.
    pub bytes: usize,
    /// The names of the imported interfaces, types alone included.
    pub imports: Vec<String>,
    /// The number of core modules: one, or three if an import needs the guest's memory.
    pub core_modules: usize,
    /// The number of core instances in each instance of it.
    pub core_instances: usize,
    /// The initial memory in bytes, over all core modules.
    pub initial_memory: u64,
}

impl Shape {
    /// Reads a component's binary.
    pub fn of(component: &[u8]) -> Result<Self, ComponentError> {
        let mut shape = Self {
            bytes: component.len(),
            ..Self::default()
        };
        let mut nesting = Vec::new();
        for payload in Parser::new(0).parse_all(component) {
            let payload = payload.map_err(ComponentError::read)?;
            match payload {
                Payload::Version { encoding, .. } => {
                    shape.core_modules += usize::from(encoding == Encoding::Module);
                    nesting.push(encoding);
                }
                Payload::End(_) => {
                    nesting.pop();
                }
                Payload::MemorySection(memories) => {
                    for memory in memories {
                        let memory = memory.map_err(ComponentError::read)?;
                        let page = 1u64 << memory.page_size_log2.unwrap_or(16);
                        shape.initial_memory += memory.initial.saturating_mul(page);
                    }
                }
                Payload::ComponentImportSection(imports) if nesting.len() == 1 => {
                    for import in imports {
                        let import = import.map_err(ComponentError::read)?;
                        if matches!(import.ty, wasmparser::ComponentTypeRef::Instance(_)) {
                            shape.imports.push(import.name.name.to_owned());
                        }
                    }
                }
                Payload::InstanceSection(instances) => {
                    for instance in instances {
                        let instance = instance.map_err(ComponentError::read)?;
                        if matches!(instance, wasmparser::Instance::Instantiate { .. }) {
                            shape.core_instances += 1;
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(shape)
    }
}

/// Makes a component of a linked core module, and records the WASI capabilities that it was built
/// without.
pub(crate) fn componentize(core: &[u8], grants: Grants) -> Result<Component, ComponentError> {
    let (_, bindgen) = wit_component::metadata::decode(core).map_err(ComponentError::read)?;
    let actions = actions(&bindgen.resolve, bindgen.world);
    let Trimmed { core, withheld } = trim::trim(core, &trim::Options { grants, actions })?;
    let mut bytes = ComponentEncoder::default()
        .validate(true)
        .module(&core)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| ComponentError::Encode(error.into()))?;
    grants::attach_withheld(&mut bytes, withheld);
    let shape = Shape::of(&bytes)?;
    Ok(Component { bytes, shape })
}

/// The reason why a module could not be made a component.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ComponentError {
    /// The module can't be read.
    #[error("reading the linked module")]
    Read(#[source] BoxError),
    /// The module and its WIT world do not fit together.
    #[error("making a component of the linked module")]
    Encode(#[source] BoxError),
    /// See [`TrimError`].
    #[error(transparent)]
    Trim(#[from] TrimError),
}

impl ComponentError {
    pub(crate) fn read(error: impl Into<BoxError>) -> Self {
        Self::Read(error.into())
    }
}

/// Returns the actions of a handler's world: one that exports only functions which take the
/// `request` of `rusm:runtime/http` first. With other exports, the functions of a service or `run`,
/// an instance may live longer than one call, and so needs to free memory.
fn actions(resolve: &Resolve, world: WorldId) -> Option<Vec<String>> {
    let action = |export: &WorldItem| match export {
        WorldItem::Function(function) => {
            let first = function.params.first()?;
            is_request(resolve, &first.ty).then(|| function.name.clone())
        }
        _ => None,
    };
    let actions: Option<Vec<String>> = resolve.worlds[world].exports.values().map(action).collect();
    actions.filter(|actions| !actions.is_empty())
}

fn is_request(resolve: &Resolve, ty: &Type) -> bool {
    let Type::Id(id) = ty else { return false };
    let def = &resolve.types[*id];
    if let TypeDefKind::Type(alias) = &def.kind {
        return is_request(resolve, alias);
    }
    let TypeOwner::Interface(interface) = def.owner else {
        return false;
    };
    let interface = &resolve.interfaces[interface];
    let package = interface.package.map(|id| &resolve.packages[id].name);
    def.name.as_deref() == Some("request")
        && interface.name.as_deref() == Some("http")
        && package.is_some_and(|name| name.namespace == "rusm" && name.name == "runtime")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actions_of(exports: &str) -> Option<Vec<String>> {
        let wit = format!(
            "{}\nworld guest {{\n    use http.{{request, response}};\n    {exports}\n}}\n",
            include_str!("../../wit/runtime.wit")
        );
        let mut resolve = Resolve::default();
        let package = resolve.push_str("runtime.wit", &wit).unwrap();
        let world = resolve.packages[package].worlds["guest"];
        actions(&resolve, world)
    }

    /// Returns the names of the instances that a component exports.
    fn exported_interfaces(component: &[u8]) -> Vec<String> {
        let mut names = Vec::new();
        let mut depth = 0;
        for payload in Parser::new(0).parse_all(component) {
            match payload.unwrap() {
                Payload::Version { .. } => depth += 1,
                Payload::End(_) => depth -= 1,
                Payload::ComponentExportSection(exports) if depth == 1 => {
                    names.extend(exports.into_iter().map(|e| e.unwrap().name.name.to_owned()));
                }
                _ => {}
            }
        }
        names
    }

    #[test]
    fn a_websocket_exports_its_interface() {
        let wit = format!(
            "{}\nworld guest {{\n    export websocket;\n}}\n",
            include_str!("../../wit/runtime.wit")
        );
        let mut resolve = Resolve::default();
        let package = resolve.push_str("runtime.wit", &wit).unwrap();
        let world = resolve.packages[package].worlds["guest"];
        // With the names that the SDK's `#[websocket]` gives them.
        let mut core = wat::parse_str(
            r#"(module
                (import "wasi:cli/environment@0.2.3" "get-environment" (func $e (param i32)))
                (memory (export "memory") 1)
                (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
                (func (export "cm32p2|rusm:runtime/websocket@0.1|open") (call $e (i32.const 8)))
                (func (export "cm32p2|rusm:runtime/websocket@0.1|message") (param i32 i32 i32))
                (func (export "cm32p2|rusm:runtime/websocket@0.1|close") (param i32 i32 i32))
                (func (export "rusm-virtual:wasi:cli/environment#get-environment") (param i32)))"#,
        )
        .unwrap();
        let encoding = wit_component::StringEncoding::UTF8;
        wit_component::embed_component_metadata(&mut core, &resolve, world, encoding).unwrap();
        let component = componentize(&core, Grants::default()).unwrap();
        assert_eq!(
            exported_interfaces(&component.bytes),
            ["rusm:runtime/websocket@0.1.0"]
        );
        let withheld = Grants {
            env: true,
            ..Grants::default()
        };
        assert_eq!(grants::withheld(&component.bytes), withheld);
    }

    #[test]
    fn a_handler_has_actions_and_nothing_that_lives_on() {
        let action = "export index: func(request: request) -> response;";
        assert_eq!(actions_of(action), Some(vec!["index".to_owned()]));
        assert_eq!(actions_of(""), None);
        for other in [
            "export get: func(args: list<u8>) -> result<list<u8>, string>;",
            "export run: func();",
            "export streams;",
        ] {
            assert_eq!(actions_of(other), None, "{other}");
            assert_eq!(actions_of(&format!("{action} {other}")), None, "{other}");
        }
    }
}
