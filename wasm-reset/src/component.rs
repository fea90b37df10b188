//! Rewriting of a component.

use std::ops::Range;

use wasm_encoder::{Encode, PrimitiveValType};
use wasmparser::types::Types;
use wasmparser::{
    CanonicalFunction, CanonicalOption, Chunk, ComponentAlias, Encoding, ExternalKind, Instance,
    Parser, Payload, Validator, WasmFeatures,
};

use crate::difference::Image;
use crate::module::{self, Surroundings};
use crate::sections::write;
use crate::{Added, RESET, RESTORE, SAVE, Unsuited, result_size};

/// Gives a component the export [`RESET`], and others.
///
/// A component suits if one core module of it has all the state, which is what linkers make of one program: others
/// may only join it with the host's functions. It has no resources: the numbers of their handles would tell of those
/// before.
///
/// # Errors
/// When the component does not suit.
pub fn rewrite(component: &[u8], added: Added) -> Result<Vec<u8>, Unsuited> {
    let shape = Shape::read(component)?;
    let types = Validator::new_with_features(KNOWN).validate_all(component)?;
    shape.check_complete(&types)?;
    let main = shape.main(component)?;
    shape.check_lifted(main.instance)?;
    let around = Surroundings {
        added,
        reallocs: shape.reallocs(main.instance)?,
        result: shape.largest_result(&types)?,
        others_fill_tables: true,
    };
    let core = component.get(main.code.clone()).unwrap_or_default();
    let core = module::rewrite(core, &around)?;

    let mut out = Vec::with_capacity(component.len() + core.len() / 2);
    out.extend_from_slice(component.get(..main.section.start).unwrap_or_default());
    write(&mut out, CORE_MODULE, &core);
    out.extend_from_slice(component.get(main.section.end..).unwrap_or_default());
    shape.export(&mut out, main.instance, &types, added);
    Validator::new_with_features(KNOWN).validate_all(&out)?;
    Ok(out)
}

/// The first state of the module of a component that has all the state.
pub(crate) fn image(component: &[u8]) -> Result<Image, Unsuited> {
    let shape = Shape::read(component)?;
    let main = shape.main(component)?;
    module::image(component.get(main.code).unwrap_or_default())
}

/// What a component may be made with: of what a core module may have, the module itself is asked.
const KNOWN: WasmFeatures = WasmFeatures::WASM3.union(WasmFeatures::COMPONENT_MODEL);

/// Checks that a component within has no code: it only gives an interface its types, which is how linkers export one.
fn check_without_code(component: &[u8]) -> Result<(), Unsuited> {
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::ModuleSection { .. }
            | Payload::InstanceSection(_)
            | Payload::ComponentCanonicalSection(_)
            | Payload::ComponentStartSection { .. } => {
                return Err(Unsuited::Has("components within that have code"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The parts of a component, as far as they matter.
#[derive(Default)]
struct Shape {
    modules: Vec<CoreModule>,
    core_instances: Vec<CoreInstance>,
    core_functions: Vec<CoreFunction>,
    /// Those that lifted and lowered functions get memory from.
    reallocs: Vec<u32>,
    /// Those that are lifted.
    lifted: Vec<u32>,
}

/// A core module: its section, and the bytes of it alone.
struct CoreModule {
    section: Range<usize>,
    code: Range<usize>,
}

enum CoreInstance {
    /// Of the module of this number.
    Of(u32),
    /// A bundle of functions.
    Functions,
}

enum CoreFunction {
    /// An export of a core instance.
    Export { instance: u32, name: String },
    /// A function of the component's, by its number, lowered.
    Lowered(u32),
}

/// The module that has the state.
struct Main {
    section: Range<usize>,
    code: Range<usize>,
    /// The number of its instance.
    instance: u32,
}

impl Shape {
    fn read(component: &[u8]) -> Result<Self, Unsuited> {
        let mut shape = Self::default();
        let mut parser = Parser::new(0);
        let mut at = 0;
        loop {
            let rest = component.get(at..).unwrap_or_default();
            let Chunk::Parsed { consumed, payload } = parser.parse(rest, true)? else {
                return Err(Unsuited::Has("an end amid a section"));
            };
            let start = at;
            at += consumed;
            match payload {
                Payload::Version {
                    encoding: Encoding::Module,
                    ..
                } => return Err(Unsuited::Has("no component around it")),
                Payload::ModuleSection {
                    unchecked_range: code,
                    ..
                } => {
                    at = code.end;
                    let section = start..code.end;
                    shape.modules.push(CoreModule { section, code });
                }
                Payload::InstanceSection(instances) => {
                    for instance in instances {
                        shape.core_instance(&instance?)?;
                    }
                }
                Payload::ComponentAliasSection(aliases) => {
                    for alias in aliases {
                        shape.alias(&alias?);
                    }
                }
                Payload::ComponentCanonicalSection(functions) => {
                    for function in functions {
                        shape.canonical(&function?)?;
                    }
                }
                Payload::ComponentSection {
                    unchecked_range, ..
                } => {
                    at = unchecked_range.end;
                    let within = component.get(unchecked_range).unwrap_or_default();
                    check_without_code(within)?;
                }
                Payload::ComponentStartSection { .. } => {
                    return Err(Unsuited::Has("a function that runs at the start"));
                }
                Payload::End(_) => return Ok(shape),
                _ => {}
            }
        }
    }

    fn core_instance(&mut self, instance: &Instance<'_>) -> Result<(), Unsuited> {
        self.core_instances.push(match instance {
            Instance::Instantiate { module_index, .. } => CoreInstance::Of(*module_index),
            Instance::FromExports(exports) => {
                let is_allowed = |kind| matches!(kind, ExternalKind::Func | ExternalKind::Table);
                if !exports.iter().all(|export| is_allowed(export.kind)) {
                    return Err(Unsuited::Has("modules that share memories or globals"));
                }
                CoreInstance::Functions
            }
        });
        Ok(())
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>) {
        if let ComponentAlias::CoreInstanceExport {
            kind: ExternalKind::Func,
            instance_index,
            name,
        } = alias
        {
            self.core_functions.push(CoreFunction::Export {
                instance: *instance_index,
                name: (*name).to_owned(),
            });
        }
    }

    fn canonical(&mut self, function: &CanonicalFunction) -> Result<(), Unsuited> {
        let options = match function {
            CanonicalFunction::Lift {
                core_func_index,
                options,
                ..
            } => {
                self.lifted.push(*core_func_index);
                options
            }
            CanonicalFunction::Lower {
                func_index,
                options,
            } => {
                self.core_functions.push(CoreFunction::Lowered(*func_index));
                options
            }
            _ => {
                return Err(Unsuited::Has(
                    "resources, or functions that are asynchronous",
                ));
            }
        };
        for option in options {
            match option {
                CanonicalOption::Realloc(function) => self.reallocs.push(*function),
                CanonicalOption::UTF8
                | CanonicalOption::UTF16
                | CanonicalOption::CompactUTF16
                | CanonicalOption::Memory(_)
                | CanonicalOption::PostReturn(_) => {}
                _ => return Err(Unsuited::Has("functions that are asynchronous")),
            }
        }
        Ok(())
    }

    /// Checks that nothing has come in by another way than those that are read here, such as an alias of a module:
    /// the numbers would be those of others.
    fn check_complete(&self, types: &Types) -> Result<(), Unsuited> {
        let types = types.as_ref();
        let known = [
            (self.modules.len(), types.module_count()),
            (self.core_instances.len(), types.core_instance_count()),
            (self.core_functions.len(), types.function_count()),
        ];
        match known.iter().all(|(read, all)| *read == *all as usize) {
            true => Ok(()),
            false => Err(Unsuited::Has(
                "modules that are not its own, or are there twice",
            )),
        }
    }

    /// Checks that only functions of the main module are called: in others, what is written to where an argument
    /// points would not be marked.
    fn check_lifted(&self, main: u32) -> Result<(), Unsuited> {
        let is_main = |function: &u32| {
            let function = self.core_functions.get(*function as usize);
            matches!(function, Some(CoreFunction::Export { instance, .. }) if *instance == main)
        };
        match self.lifted.iter().all(is_main) {
            true => Ok(()),
            false => Err(Unsuited::Has("functions of a module without state")),
        }
    }

    /// The one module that has state, and its one instance.
    fn main(&self, component: &[u8]) -> Result<Main, Unsuited> {
        let mut main = None;
        for (number, module) in (0u32..).zip(&self.modules) {
            let code = component.get(module.code.clone()).unwrap_or_default();
            if module::is_constant(code)? {
                continue;
            }
            if main.is_some() {
                return Err(Unsuited::Has("several modules with state"));
            }
            let mut instances = (0u32..)
                .zip(&self.core_instances)
                .filter(|(_, instance)| matches!(instance, CoreInstance::Of(of) if *of == number));
            let (Some((instance, _)), None) = (instances.next(), instances.next()) else {
                return Err(Unsuited::Has("no, or several, instances of a module"));
            };
            main = Some(Main {
                section: module.section.clone(),
                code: module.code.clone(),
                instance,
            });
        }
        main.ok_or(Unsuited::Has("no module with state"))
    }

    /// The exports of the main instance that give the host memory to write to.
    fn reallocs(&self, main: u32) -> Result<std::collections::BTreeSet<String>, Unsuited> {
        let names = self.reallocs.iter().map(|function| {
            match self.core_functions.get(*function as usize) {
                Some(CoreFunction::Export { instance, name }) if *instance == main => {
                    Ok(name.clone())
                }
                _ => Err(Unsuited::Has("an allocator that is another module's")),
            }
        });
        names.collect()
    }

    /// The most bytes that a host function writes to where the guest wants its result.
    fn largest_result(&self, types: &Types) -> Result<u32, Unsuited> {
        let types = types.as_ref();
        let mut largest = 0;
        for function in &self.core_functions {
            if let CoreFunction::Lowered(function) = function {
                let ty = &types[types.component_function_at(*function)];
                largest = largest.max(result_size::written(types, ty)?.unwrap_or(0));
            }
        }
        Ok(largest)
    }

    /// Writes what lifts and exports the functions that were added to the main module.
    fn export(&self, out: &mut Vec<u8>, main: u32, types: &Types, added: Added) {
        let types = types.as_ref();
        let functions = self.core_functions.len() as u32;
        let first_type = types.component_type_count();
        let first_function = types.component_function_count();
        let alias = |name: &'static str, sort: u8| {
            move |out: &mut Vec<u8>| {
                out.extend([CORE_SORT, sort, OF_CORE_EXPORT]);
                main.encode(out);
                name.encode(out);
            }
        };
        let export = |name: &'static str, function: u32| {
            move |out: &mut Vec<u8>| {
                out.push(0);
                name.encode(out);
                out.push(FUNCTION_SORT);
                function.encode(out);
                // It has the type that it has.
                out.push(0);
            }
        };
        item(out, ALIAS, alias(RESET, CORE_FUNCTION));
        item(out, COMPONENT_TYPE, |out| {
            // () -> bool
            out.extend([COMPONENT_FUNCTION, 0, 0]);
            PrimitiveValType::Bool.encode(out);
        });
        item(out, CANONICAL, |out| {
            out.extend([LIFT, 0]);
            functions.encode(out);
            0u32.encode(out);
            first_type.encode(out);
        });
        item(out, COMPONENT_EXPORT, export(RESET, first_function));
        if added == Added::Reset {
            return;
        }
        for (name, sort) in [
            (SAVE, CORE_FUNCTION),
            (module::SAVED, CORE_FUNCTION),
            (module::PLACE, CORE_FUNCTION),
            (RESTORE, CORE_FUNCTION),
            (module::MARKS, CORE_MEMORY),
        ] {
            item(out, ALIAS, alias(name, sort));
        }
        let (save, saved, place, restore) =
            (functions + 1, functions + 2, functions + 3, functions + 4);
        let memory = types.memory_count();
        let bytes = first_type + 1;
        item(out, COMPONENT_TYPE, |out| {
            out.push(LIST);
            PrimitiveValType::U8.encode(out);
        });
        item(out, COMPONENT_TYPE, |out| {
            // () -> list<u8>
            out.extend([COMPONENT_FUNCTION, 0, 0]);
            i64::from(bytes).encode(out);
        });
        item(out, COMPONENT_TYPE, |out| {
            // (bytes: list<u8>) -> bool
            out.extend([COMPONENT_FUNCTION, 1]);
            "bytes".encode(out);
            i64::from(bytes).encode(out);
            out.push(0);
            PrimitiveValType::Bool.encode(out);
        });
        item(out, CANONICAL, |out| {
            out.extend([LIFT, 0]);
            save.encode(out);
            out.extend([2, WITH_MEMORY]);
            memory.encode(out);
            out.push(WITH_POST_RETURN);
            saved.encode(out);
            (bytes + 1).encode(out);
        });
        item(out, CANONICAL, |out| {
            out.extend([LIFT, 0]);
            restore.encode(out);
            out.extend([2, WITH_MEMORY]);
            memory.encode(out);
            out.push(WITH_REALLOC);
            place.encode(out);
            (bytes + 2).encode(out);
        });
        // An export is a function of its own.
        item(out, COMPONENT_EXPORT, export(SAVE, first_function + 2));
        item(out, COMPONENT_EXPORT, export(RESTORE, first_function + 3));
    }
}

/// Writes a section of one item.
fn item(out: &mut Vec<u8>, id: u8, item: impl FnOnce(&mut Vec<u8>)) {
    let mut content = vec![1];
    item(&mut content);
    write(out, id, &content);
}

// Numbers of sections and kinds (component model, Binary.md).
const CORE_MODULE: u8 = 1;
const ALIAS: u8 = 6;
const COMPONENT_TYPE: u8 = 7;
const CANONICAL: u8 = 8;
const COMPONENT_EXPORT: u8 = 11;
const CORE_SORT: u8 = 0;
const CORE_FUNCTION: u8 = 0;
const CORE_MEMORY: u8 = 2;
const FUNCTION_SORT: u8 = 1;
const OF_CORE_EXPORT: u8 = 1;
const COMPONENT_FUNCTION: u8 = 0x40;
const LIST: u8 = 0x70;
const LIFT: u8 = 0;
const WITH_MEMORY: u8 = 3;
const WITH_REALLOC: u8 = 4;
const WITH_POST_RETURN: u8 = 5;
