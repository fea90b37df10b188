//! Rewriting of a core module.

mod body;
mod call_functions;
mod coverage;
mod marked_runs;
mod marks;
mod read;
mod reset_function;
mod save_functions;
mod surroundings;

use std::collections::BTreeMap;

use wasm_encoder::{Encode, Instruction as I, ValType};
use wasmparser::{ElementItems, ElementKind, ExternalKind, Validator, WasmFeatures};

use crate::difference;
use crate::sections::{Items, write};
use crate::{Added, RESET, RESTORE, SAVE, Unsuited};
use body::Instrumented;
use call_functions::{CallFunctions, Within};
use marks::{Marks, PAGES};
use read::Module;
use reset_function::{Image, ResetFunction};
use save_functions::SaveFunctions;
pub use surroundings::{Actions, Surroundings};

/// Gives a core module the export [`RESET`], `() -> i32`: 1 if the instance is what it was right after
/// instantiation, 0 if it has to be thrown away.
///
/// With [`Added::ResetAndSave`] it also gets [`SAVE`] and [`RESTORE`], as they are lifted: with [`MARKS`] as their
/// memory, [`SAVED`] after the first, and [`PLACE`] for what the second is given.
///
/// For each action it gets the function [`call_name`], `(i32, i32) -> i32`, as `func(request: list<u8>) -> list<u8>` is
/// lifted, with [`MARKS`] as its memory and [`FRAME`] as its allocator; and [`RESPONSE`], as `func() -> response` is,
/// with the memory of the guest.
///
/// # Errors
/// When the module has what can't be put back, or is invalid.
pub fn rewrite(core: &[u8], around: &Surroundings) -> Result<Vec<u8>, Unsuited> {
    let module = read(core)?;
    module.check(around)?;
    let rewritten = Rewriting::of(&module, around)?.write()?;
    // What is made here is as valid as what it is made from; a limit of the format may be exceeded.
    let with_marks = KNOWN.union(WasmFeatures::MULTI_MEMORY);
    Validator::new_with_features(with_marks).validate_all(&rewritten)?;
    Ok(rewritten)
}

/// Whether an instance of a module has no state that changes after instantiation, and only passes calls on.
///
/// # Errors
/// When the module is invalid, or uses what is not known here.
pub(crate) fn is_constant(core: &[u8]) -> Result<bool, Unsuited> {
    read(core)?.is_constant()
}

/// The first state of a module, for differences from it.
///
/// # Errors
/// As of [`rewrite`].
pub fn image(core: &[u8]) -> Result<difference::Image, Unsuited> {
    let module = read(core)?;
    let globals = module.saved_globals()?;
    Ok(difference::Image::new(module.image()?, globals.len()))
}

fn read(core: &[u8]) -> Result<Module<'_>, Unsuited> {
    Validator::new_with_features(KNOWN).validate_all(core)?;
    Module::read(core)
}

/// What compilers make of programs of one thread. Of its instructions, each that changes state is treated in the
/// modules `body` or `read`: a proposal may only be added together with its own.
const KNOWN: WasmFeatures = WasmFeatures::WASM2
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::RELAXED_SIMD);

/// A module, and what is added to it.
struct Rewriting<'m, 'a> {
    module: &'m Module<'a>,
    types: Items,
    functions: Items,
    memories: Items,
    bodies: Items,
    exports: Items,
    elements: Items,
    data: Items,
}

impl<'m, 'a> Rewriting<'m, 'a> {
    fn of(module: &'m Module<'a>, around: &Surroundings) -> Result<Self, Unsuited> {
        let mut this = Self {
            module,
            types: module.items(TYPE),
            functions: module.items(FUNCTION),
            memories: module.items(MEMORY),
            bodies: Items::default(),
            exports: Items::default(),
            elements: module.items(ELEMENT),
            data: module.items(DATA),
        };
        let marks = this.marks(around.added)?;
        // The numbers of functions are given before there are any bodies: those of the module come first.
        let mut added = Vec::new();
        if let Some(marks) = marks {
            added.push(marks.mark_function());
        }
        let wrapped = this.wrap_imports(around, marks, &mut added)?;
        this.export(around, marks, &wrapped, &mut added)?;
        for body in &module.bodies {
            let function = Instrumented {
                body,
                params: module.params_of(body.function)?,
                marks,
                wrapped: &wrapped,
            };
            let bytes = function.encode()?;
            this.bodies.add(|out| bytes.encode(out));
        }
        for body in added {
            this.bodies.add(|out| body.encode(out));
        }
        Ok(this)
    }

    /// The marks of the memory, and the function that marks a range.
    fn marks(&mut self, added: Added) -> Result<Option<Marks>, Unsuited> {
        let Some(pages) = self.module.memory else {
            return Ok(None);
        };
        let size = pages.saturating_mul(WASM_PAGE);
        if size > MAX_MEMORY {
            return Err(Unsuited::Has("a memory of more than 4 MiB"));
        }
        let memory = self
            .memories
            .add(|out| out.extend([WITH_MAXIMUM, PAGES, PAGES]));
        let ty = self.add_type(&[ValType::I32, ValType::I32], &[]);
        let function = self.add_function(ty);
        Ok(Some(Marks {
            memory,
            function,
            size: size as u32,
            of_all: added == Added::ResetAndSave,
        }))
    }

    /// Wraps the imported functions that may write to where their last parameter points: which is called instead
    /// of which.
    fn wrap_imports(
        &mut self,
        around: &Surroundings,
        marks: Option<Marks>,
        added: &mut Vec<Vec<u8>>,
    ) -> Result<BTreeMap<u32, u32>, Unsuited> {
        let mut wrapped = BTreeMap::new();
        let (Some(marks), true) = (marks, around.result > 0) else {
            return Ok(wrapped);
        };
        for (function, ty) in (0u32..).zip(&self.module.imported_functions) {
            let params = self.module.param_types(*ty)?;
            if params.last() != Some(&wasmparser::ValType::I32) {
                continue;
            }
            if self.module.referenced.contains(&function) {
                return Err(Unsuited::Has("a table of the host's functions"));
            }
            added.push(marks.import_wrapper(function, params.len() as u32, around.result));
            wrapped.insert(function, self.add_function(*ty));
        }
        Ok(wrapped)
    }

    /// Writes the exports: those of the module, with the ones that give memory to the host wrapped, and the reset.
    fn export(
        &mut self,
        around: &Surroundings,
        marks: Option<Marks>,
        wrapped: &BTreeMap<u32, u32>,
        added: &mut Vec<Vec<u8>>,
    ) -> Result<(), Unsuited> {
        // What is called instead of the functions that are exported.
        let mut functions = BTreeMap::new();
        for export in &self.module.exports {
            if crate::is_added(export.name) || ADDED.contains(&export.name) {
                return Err(Unsuited::Has("an export of a name that is added"));
            }
            let mut index = export.index;
            if let Some(marks) = marks
                && around.reallocs.contains(export.name)
                && export.kind == ExternalKind::Func
            {
                added.push(marks.realloc_wrapper(index));
                index = self.add_function(self.module.type_of(index)?);
            }
            let kind = match export.kind {
                ExternalKind::Func | ExternalKind::FuncExact => 0,
                ExternalKind::Table => 1,
                ExternalKind::Memory => 2,
                ExternalKind::Global => 3,
                ExternalKind::Tag => 4,
            };
            if kind == 0 {
                index = wrapped.get(&index).copied().unwrap_or(index);
                functions.insert(export.name, index);
            }
            self.exports.add(|out| {
                export.name.encode(out);
                out.push(kind);
                index.encode(out);
            });
        }
        let body = self.reset_body(marks)?;
        added.push(body);
        let reset = self.export_function(RESET, &[], &[ValType::I32]);
        if around.added == Added::ResetAndSave {
            self.export_save(marks, added)?;
        }
        if let (Some(actions), Some(marks)) = (&around.actions, marks) {
            let realloc = functions.get(actions.realloc.as_str());
            let realloc = *realloc.ok_or(Unsuited::Has("an allocator that is not exported"))?;
            let functions = actions
                .names
                .iter()
                .map(|name| functions.get(name.as_str()));
            let functions: Option<Vec<u32>> = functions.map(Option::<&u32>::copied).collect();
            let functions = functions.ok_or(Unsuited::Has("an action that is not exported"))?;
            let calls = CallFunctions {
                marks,
                realloc,
                reset,
            };
            self.export_calls(calls, &functions, added);
        }
        if around.added == Added::ResetAndSave || around.actions.is_some() {
            let marks = marks.ok_or(Unsuited::Has("no memory"))?;
            self.exports.add(|out| {
                MARKS.encode(out);
                out.push(2);
                marks.memory.encode(out);
            });
        }
        Ok(())
    }

    fn export_calls(&mut self, calls: CallFunctions, actions: &[u32], added: &mut Vec<Vec<u8>>) {
        const I32: ValType = ValType::I32;
        let mut number = |params: &[ValType], results: &[ValType]| {
            let ty = self.add_type(params, results);
            self.add_function(ty)
        };
        let within = Within {
            block: number(&[I32; 2], &[I32]),
            take: number(&[I32; 2], &[I32]),
            pairs: number(&[I32; 3], &[I32; 2]),
            lower: number(&[I32], &[I32; 10]),
            respond: number(&[I32], &[I32]),
        };
        added.push(calls.block());
        added.push(calls.take(within));
        added.push(calls.pairs(within));
        added.push(calls.lower(within));
        added.push(calls.respond());
        added.push(CallFunctions::place());
        self.export_function(FRAME, &[I32; 4], &[I32]);
        added.push(calls.response());
        self.export_function(RESPONSE, &[], &[I32]);
        for (place, action) in actions.iter().enumerate() {
            added.push(CallFunctions::call(within, *action));
            self.export_function(&call_name(place), &[I32; 2], &[I32]);
        }
    }

    fn export_save(
        &mut self,
        marks: Option<Marks>,
        added: &mut Vec<Vec<u8>>,
    ) -> Result<(), Unsuited> {
        const I32: ValType = ValType::I32;
        let marks = marks.ok_or(Unsuited::Has("no memory"))?;
        let globals = self.module.saved_globals()?;
        let functions = SaveFunctions {
            marks,
            globals: &globals,
        };
        added.push(functions.save());
        self.export_function(SAVE, &[], &[I32]);
        added.push(functions.saved());
        self.export_function(SAVED, &[I32], &[]);
        added.push(functions.place());
        self.export_function(PLACE, &[I32, I32, I32, I32], &[I32]);
        added.push(functions.restore());
        self.export_function(RESTORE, &[I32, I32], &[I32]);
        Ok(())
    }

    /// Adds and exports a function whose body is the next one; its number.
    fn export_function(&mut self, name: &str, params: &[ValType], results: &[ValType]) -> u32 {
        let ty = self.add_type(params, results);
        let function = self.add_function(ty);
        self.exports.add(|out| {
            name.encode(out);
            out.push(0);
            function.encode(out);
        });
        function
    }

    fn reset_body(&mut self, marks: Option<Marks>) -> Result<Vec<u8>, Unsuited> {
        let image = self.module.image()?;
        let image = image.map(|(start, bytes)| Image {
            segment: self.data.add(|out| {
                out.push(PASSIVE);
                bytes.encode(out);
            }),
            start,
            end: start + bytes.len() as u32,
        });
        let mut reset = ResetFunction::begin();
        if let Some(marks) = marks {
            reset.memory(marks, image);
        }
        if self.module.changes_tables {
            self.reset_tables(&mut reset)?;
        }
        for global in &self.module.mutable_globals {
            reset.global(global.index, global.init);
        }
        Ok(reset.end())
    }

    fn reset_tables(&mut self, reset: &mut ResetFunction) -> Result<(), Unsuited> {
        for table in &self.module.tables {
            reset.check_table(table.index, table.initial);
        }
        for table in &self.module.tables {
            reset.clear_table(table);
        }
        for element in &self.module.elements {
            let ElementKind::Active {
                table_index,
                offset_expr,
            } = &element.kind
            else {
                continue;
            };
            let (segment, count) = passive(&mut self.elements, &element.items)?;
            reset.fill_table(
                table_index.unwrap_or(0),
                segment,
                read::content(offset_expr),
                count,
            );
        }
        Ok(())
    }

    fn add_type(&mut self, params: &[ValType], results: &[ValType]) -> u32 {
        self.types.add(|out| {
            out.push(FUNCTION_TYPE);
            params.encode(out);
            results.encode(out);
        })
    }

    /// The function's number.
    fn add_function(&mut self, ty: u32) -> u32 {
        let imported = self.module.imported_functions.len() as u32;
        imported + self.functions.add(|out| ty.encode(out))
    }

    fn write(&self) -> Result<Vec<u8>, Unsuited> {
        let mut out = wasm_encoder::Module::HEADER.to_vec();
        let as_it_is = |out: &mut Vec<u8>, id| {
            if let Some(content) = self.module.sections.get(&id) {
                write(out, id, content);
            }
        };
        self.types.write(&mut out, TYPE);
        as_it_is(&mut out, IMPORT);
        self.functions.write(&mut out, FUNCTION);
        as_it_is(&mut out, TABLE);
        self.memories.write(&mut out, MEMORY);
        as_it_is(&mut out, GLOBAL);
        self.exports.write(&mut out, EXPORT);
        self.elements.write(&mut out, ELEMENT);
        let mut count = Vec::new();
        self.data.count().encode(&mut count);
        write(&mut out, DATA_COUNT, &count);
        self.bodies.write(&mut out, CODE);
        self.data.write(&mut out, DATA);
        for custom in &self.module.customs {
            write(&mut out, CUSTOM, custom);
        }
        Ok(out)
    }
}

/// Adds the elements of an active segment as a passive one: its number, and how many they are.
fn passive(elements: &mut Items, items: &ElementItems<'_>) -> Result<(u32, u32), Unsuited> {
    match items {
        ElementItems::Functions(functions) => {
            let all: Vec<u32> = functions.clone().into_iter().collect::<Result<_, _>>()?;
            let segment = elements.add(|out| {
                out.extend([PASSIVE, FUNCTION_ELEMENTS]);
                all.as_slice().encode(out);
            });
            Ok((segment, all.len() as u32))
        }
        ElementItems::Expressions(ty, expressions) => {
            let all: Vec<_> = expressions.clone().into_iter().collect::<Result<_, _>>()?;
            let segment = elements.add(|out| {
                out.extend([PASSIVE_EXPRESSIONS, read::ref_type(*ty)]);
                (all.len() as u32).encode(out);
                for expression in &all {
                    out.extend_from_slice(read::content(expression));
                    I::End.encode(out);
                }
            });
            Ok((segment, all.len() as u32))
        }
    }
}

/// The memory of the marks.
pub const MARKS: &str = "rusm-marks";
/// What is to be called after [`SAVE`], `(i32)`.
pub const SAVED: &str = "rusm-saved";
/// What gives [`RESTORE`] its memory, of the type of `cabi_realloc`.
pub const PLACE: &str = "rusm-place";
/// What says where a request is to be written, of the type of `cabi_realloc`.
pub const FRAME: &str = "rusm-frame";
/// What says where a response is that was too large, `() -> i32`.
pub const RESPONSE: &str = crate::RESPONSE;
const ADDED: [&str; 4] = [MARKS, SAVED, PLACE, FRAME];

/// The export that calls the action of this place among [`Actions::names`].
#[must_use]
pub fn call_name(place: usize) -> String {
    format!("{}{place}", crate::CALL)
}

const WASM_PAGE: u64 = 64 << 10;
/// A copy of what the data make of the memory is kept with the code.
/// An instance that waits for its next request keeps its memory.
const MAX_MEMORY: u64 = 4 << 20;

// Numbers of sections and kinds (WebAssembly, section 5.5).
const CUSTOM: u8 = 0;
const TYPE: u8 = 1;
const IMPORT: u8 = 2;
const FUNCTION: u8 = 3;
const TABLE: u8 = 4;
const MEMORY: u8 = 5;
const GLOBAL: u8 = 6;
const EXPORT: u8 = 7;
const ELEMENT: u8 = 9;
const CODE: u8 = 10;
const DATA: u8 = 11;
const DATA_COUNT: u8 = 12;
const FUNCTION_TYPE: u8 = 0x60;
const WITH_MAXIMUM: u8 = 1;
const PASSIVE: u8 = 1;
const PASSIVE_EXPRESSIONS: u8 = 5;
const FUNCTION_ELEMENTS: u8 = 0;
