//! Rewriting of a component.

mod actions;
mod additions;

use std::ops::Range;

use wasmparser::types::Types;
use wasmparser::{
    CanonicalFunction, CanonicalOption, Chunk, ComponentAlias, ComponentExport,
    ComponentExternalKind, ComponentTypeRef, Encoding, ExternalKind, Instance, Parser, Payload,
    Validator, WasmFeatures,
};

use self::actions::is_action;
use self::additions::Additions;
use crate::difference::Image;
use crate::module::{self, Surroundings};
use crate::sections::write;
use crate::{Added, Unsuited, result_size};

/// Gives a component the export [`RESET`](crate::RESET), and others.
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
    let actions = shape.actions(&types);
    let around = Surroundings {
        added,
        reallocs: shape.reallocs(main.instance)?,
        result: shape.largest_result(&types)?,
        others_fill_tables: true,
        actions: actions.as_ref().map(|actions| module::Actions {
            names: actions.functions.clone(),
            realloc: actions.realloc.clone(),
        }),
    };
    let core = component.get(main.code.clone()).unwrap_or_default();
    let core = module::rewrite(core, &around)?;

    let mut out = Vec::with_capacity(component.len() + core.len() / 2);
    out.extend_from_slice(component.get(..main.section.start).unwrap_or_default());
    write(&mut out, CORE_MODULE, &core);
    out.extend_from_slice(component.get(main.section.end..).unwrap_or_default());
    let mut additions = Additions::behind(&mut out, &types, main.instance);
    additions.reset();
    if added == Added::ResetAndSave {
        additions.save();
    }
    if let Some(actions) = &actions {
        let names = actions.names.iter().map(String::as_str);
        additions.calls(names, actions.memory);
    }
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
    functions: Vec<Function>,
    /// The functions that are exported: names and numbers.
    exports: Vec<(String, u32)>,
}

/// A function of the component's.
#[derive(Clone, Copy)]
enum Function {
    /// A core function, lifted.
    Lifted(Lifted),
    Other,
}

#[derive(Clone, Copy)]
struct Lifted {
    core: u32,
    memory: Option<u32>,
    realloc: Option<u32>,
    is_utf8: bool,
}

/// The actions that can be called in one piece.
struct Actions {
    names: Vec<String>,
    /// The exports of the main module that they are.
    functions: Vec<String>,
    realloc: String,
    /// The number of the guest's memory.
    memory: u32,
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
                Payload::ComponentImportSection(imports) => {
                    for import in imports {
                        if matches!(import?.ty, ComponentTypeRef::Func(_)) {
                            shape.functions.push(Function::Other);
                        }
                    }
                }
                Payload::ComponentExportSection(exports) => {
                    for export in exports {
                        shape.component_export(&export?);
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

    /// An export of a function is a function, too.
    fn component_export(&mut self, export: &ComponentExport<'_>) {
        if export.kind == ComponentExternalKind::Func {
            let function = self.functions.get(export.index as usize).copied();
            self.functions.push(function.unwrap_or(Function::Other));
            self.exports
                .push((export.name.name.to_owned(), export.index));
        }
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>) {
        match alias {
            ComponentAlias::CoreInstanceExport {
                kind: ExternalKind::Func,
                instance_index,
                name,
            } => self.core_functions.push(CoreFunction::Export {
                instance: *instance_index,
                name: (*name).to_owned(),
            }),
            ComponentAlias::InstanceExport {
                kind: ComponentExternalKind::Func,
                ..
            } => self.functions.push(Function::Other),
            _ => {}
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
                self.functions
                    .push(Function::Lifted(Lifted::of(*core_func_index, options)));
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
            (self.functions.len(), types.component_function_count()),
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

    /// The actions, if they can be called in one piece: they share an allocator, and text is UTF-8.
    fn actions(&self, types: &Types) -> Option<Actions> {
        let types = types.as_ref();
        let actions = self.exports.iter().filter_map(|(name, function)| {
            let ty = &types[types.component_function_at(*function)];
            match self.functions.get(*function as usize) {
                Some(Function::Lifted(lifted)) if is_action(types, ty) => Some((name, *lifted)),
                _ => None,
            }
        });
        let actions: Vec<(&String, Lifted)> = actions.collect();
        let (_, first) = actions.first()?;
        let realloc = |lifted: &Lifted| self.core_export(lifted.realloc?);
        let alike = |lifted: &Lifted| lifted.is_utf8 && realloc(lifted) == realloc(first);
        if !actions.iter().all(|(_, lifted)| alike(lifted)) {
            return None;
        }
        let functions = actions
            .iter()
            .map(|(_, lifted)| self.core_export(lifted.core));
        Some(Actions {
            names: actions.iter().map(|(name, _)| (*name).clone()).collect(),
            functions: functions
                .map(|name| name.map(str::to_owned))
                .collect::<Option<_>>()?,
            realloc: realloc(first)?.to_owned(),
            // The main module has one, and no other has any.
            memory: first.memory?,
        })
    }

    /// The name of a core function that an instance exports.
    fn core_export(&self, function: u32) -> Option<&str> {
        match self.core_functions.get(function as usize)? {
            CoreFunction::Export { name, .. } => Some(name),
            CoreFunction::Lowered(_) => None,
        }
    }
}

impl Lifted {
    fn of(core: u32, options: &[CanonicalOption]) -> Self {
        let mut this = Self {
            core,
            memory: None,
            realloc: None,
            is_utf8: true,
        };
        for option in options {
            match option {
                CanonicalOption::Memory(memory) => this.memory = Some(*memory),
                CanonicalOption::Realloc(function) => this.realloc = Some(*function),
                CanonicalOption::UTF16 | CanonicalOption::CompactUTF16 => this.is_utf8 = false,
                _ => {}
            }
        }
        this
    }
}

/// The number of the section of a core module (component model, Binary.md).
const CORE_MODULE: u8 = 1;
