//! What matters of a core module.

use std::collections::{BTreeMap, BTreeSet};

use wasmparser::{
    BinaryReader, ConstExpr, DataKind, Element, ElementItems, Export, ExternalKind, FunctionBody,
    Operator, Parser, Payload, RefType, TableInit, TypeRef, ValType,
};

use super::save_functions::MOST_GLOBALS;
use super::{Surroundings, WASM_PAGE};
use crate::Unsuited;
use crate::sections::Items;

/// A core module, valid, of the known features.
#[derive(Default)]
pub(super) struct Module<'a> {
    /// The content of its sections by their numbers, custom ones aside.
    pub(super) sections: BTreeMap<u8, &'a [u8]>,
    /// The content of its custom sections: name and bytes.
    pub(super) customs: Vec<&'a [u8]>,
    types: Vec<Box<[ValType]>>,
    /// The types of the functions that it imports.
    pub(super) imported_functions: Vec<u32>,
    imports_state: bool,
    functions: Vec<u32>,
    /// The first size of its memory, in pages.
    pub(super) memory: Option<u64>,
    pub(super) tables: Vec<Table>,
    pub(super) mutable_globals: Vec<MutableGlobal<'a>>,
    pub(super) exports: Vec<Export<'a>>,
    has_start: bool,
    pub(super) elements: Vec<Element<'a>>,
    active_data: Vec<(ConstExpr<'a>, &'a [u8])>,
    pub(super) bodies: Vec<Body<'a>>,
    /// Whether its code changes tables.
    pub(super) changes_tables: bool,
    /// Functions that are used otherwise than by calls of their number, or by exports.
    pub(super) referenced: BTreeSet<u32>,
    /// What of it can't be put back.
    unsuited: Option<&'static str>,
}

/// A table that the module defines.
pub(super) struct Table {
    pub(super) index: u32,
    pub(super) ty: RefType,
    pub(super) initial: u32,
}

/// A mutable global that the module defines.
pub(super) struct MutableGlobal<'a> {
    pub(super) index: u32,
    pub(super) ty: ValType,
    /// Instructions of its first value.
    pub(super) init: &'a [u8],
}

/// The code of a function.
pub(super) struct Body<'a> {
    /// Its place among the module's own functions.
    pub(super) function: usize,
    pub(super) code: FunctionBody<'a>,
    /// Bytes of the whole of it, locals included.
    pub(super) bytes: &'a [u8],
    /// Whether it writes to memory, or calls.
    pub(super) is_plain: bool,
}

impl<'a> Module<'a> {
    pub(super) fn read(core: &'a [u8]) -> Result<Self, Unsuited> {
        let mut module = Self::default();
        let mut globals = 0;
        let mut tables = 0;
        for payload in Parser::new(0).parse_all(core) {
            let payload = payload?;
            if let Some((id, range)) = payload.as_section() {
                let content = core.get(range).unwrap_or_default();
                match id {
                    super::CUSTOM => module.customs.push(content),
                    _ => drop(module.sections.insert(id, content)),
                }
            }
            match payload {
                Payload::TypeSection(types) => {
                    for ty in types.into_iter_err_on_gc_types() {
                        module.types.push(ty?.params().into());
                    }
                }
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        match import?.ty {
                            TypeRef::Func(ty) => module.imported_functions.push(ty),
                            TypeRef::Table(_) => {
                                tables += 1;
                                module.imports_state = true;
                            }
                            _ => {
                                module.imports_state = true;
                                module.unsuited = Some("a module that imports memories or globals");
                            }
                        }
                    }
                }
                Payload::FunctionSection(functions) => {
                    for ty in functions {
                        module.functions.push(ty?);
                    }
                }
                Payload::TableSection(all) => {
                    for table in all {
                        let table = table?;
                        if !matches!(table.init, TableInit::RefNull) {
                            module.unsuited = Some("a table that is not empty at first");
                        }
                        module.tables.push(Table {
                            index: tables,
                            ty: table.ty.element_type,
                            initial: u32::try_from(table.ty.initial).unwrap_or(u32::MAX),
                        });
                        tables += 1;
                    }
                }
                Payload::MemorySection(memories) => {
                    for memory in memories {
                        module.memory = Some(memory?.initial);
                    }
                }
                Payload::GlobalSection(all) => {
                    for global in all {
                        let global = global?;
                        if global.ty.mutable {
                            module.mutable_globals.push(MutableGlobal {
                                index: globals,
                                ty: global.ty.content_type,
                                init: content(&global.init_expr),
                            });
                        }
                        globals += 1;
                        module.note_references(&global.init_expr)?;
                    }
                }
                Payload::ExportSection(exports) => {
                    module.exports = exports.into_iter().collect::<Result<_, _>>()?;
                }
                Payload::StartSection { .. } => module.has_start = true,
                Payload::ElementSection(elements) => {
                    for element in elements {
                        module.element(element?)?;
                    }
                }
                Payload::DataSection(segments) => {
                    for segment in segments {
                        let segment = segment?;
                        if let DataKind::Active { offset_expr, .. } = segment.kind {
                            module.active_data.push((offset_expr, segment.data));
                        }
                    }
                }
                Payload::CodeSectionEntry(code) => module.body(core, code)?,
                _ => {}
            }
        }
        Ok(module)
    }

    fn element(&mut self, element: Element<'a>) -> Result<(), Unsuited> {
        match &element.items {
            ElementItems::Functions(functions) => {
                for function in functions.clone() {
                    self.referenced.insert(function?);
                }
            }
            ElementItems::Expressions(_, expressions) => {
                for expression in expressions.clone() {
                    self.note_references(&expression?)?;
                }
            }
        }
        self.elements.push(element);
        Ok(())
    }

    fn note_references(&mut self, expression: &ConstExpr<'_>) -> Result<(), Unsuited> {
        for operator in expression.get_operators_reader() {
            if let Operator::RefFunc { function_index } = operator? {
                self.referenced.insert(function_index);
            }
        }
        Ok(())
    }

    fn body(&mut self, core: &'a [u8], code: FunctionBody<'a>) -> Result<(), Unsuited> {
        let mut is_plain = true;
        for operator in code.get_operators_reader()? {
            match operator? {
                Operator::TableSet { .. }
                | Operator::TableFill { .. }
                | Operator::TableCopy { .. }
                | Operator::TableInit { .. }
                | Operator::TableGrow { .. } => self.changes_tables = true,
                Operator::DataDrop { .. } | Operator::ElemDrop { .. } => {
                    self.unsuited = Some("code that drops segments");
                }
                Operator::RefFunc { function_index } => {
                    self.referenced.insert(function_index);
                }
                operator => is_plain &= super::body::is_plain(&operator),
            }
        }
        self.bodies.push(Body {
            function: self.bodies.len(),
            bytes: core.get(code.range()).unwrap_or_default(),
            code,
            is_plain,
        });
        Ok(())
    }

    /// Checks that all of its state can be put back.
    pub(super) fn check(&self, around: &Surroundings) -> Result<(), Unsuited> {
        let mut exports = self.exports.iter();
        let shares_table = exports.any(|export| export.kind == ExternalKind::Table);
        let debug = self.customs.iter().any(|content| {
            let name = BinaryReader::new(content, 0).read_string();
            name.is_ok_and(|name| name.starts_with(".debug_") || name.starts_with("metadata.code."))
        });
        let has = match self.unsuited {
            Some(unsuited) => unsuited,
            None if self.has_start => "a function that runs at the start",
            None if shares_table && (self.changes_tables || around.others_fill_tables) => {
                "a table that others can change"
            }
            None if self.imports_state => "a module that imports tables",
            None if debug => "debug information, which names places of its code",
            None => return Ok(()),
        };
        Err(Unsuited::Has(has))
    }

    /// The mutable globals, if what it differs in from its first state can be saved.
    pub(super) fn saved_globals(&self) -> Result<Vec<(u32, wasm_encoder::ValType)>, Unsuited> {
        use wasm_encoder::ValType as Encoded;
        if self.changes_tables {
            return Err(Unsuited::Has("a table that changes"));
        }
        if self.mutable_globals.len() > MOST_GLOBALS {
            return Err(Unsuited::Has("too many globals"));
        }
        let globals = self.mutable_globals.iter().map(|global| {
            let ty = match global.ty {
                ValType::I32 => Encoded::I32,
                ValType::I64 => Encoded::I64,
                ValType::F32 => Encoded::F32,
                ValType::F64 => Encoded::F64,
                _ => return Err(Unsuited::Has("a global that is no number")),
            };
            Ok((global.index, ty))
        });
        globals.collect()
    }

    /// Whether nothing of it changes after instantiation.
    ///
    /// Its code may only pass calls on: what a host function writes to where a parameter points is marked where the
    /// module with the memory calls it.
    pub(super) fn is_constant(&self) -> Result<bool, Unsuited> {
        let has_state = self.memory.is_some() || !self.mutable_globals.is_empty();
        if self.unsuited.is_some() || has_state || self.has_start {
            return Ok(false);
        }
        for body in &self.bodies {
            if !self.passes_on(body)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether a function hands its parameters, in their order, to a function of a table that has its type.
    fn passes_on(&self, body: &Body<'_>) -> Result<bool, Unsuited> {
        let params = self.params_of(body.function)?;
        let own_type = self.functions.get(body.function).copied();
        let mut operators = body.code.get_operators_reader()?;
        for param in 0..params {
            if !matches!(operators.read()?, Operator::LocalGet { local_index } if local_index == param)
            {
                return Ok(false);
            }
        }
        let is_place = matches!(operators.read()?, Operator::I32Const { .. });
        let is_call = |operator| match operator {
            Operator::CallIndirect { type_index, .. } => Some(type_index) == own_type,
            _ => false,
        };
        Ok(is_place && is_call(operators.read()?) && matches!(operators.read()?, Operator::End))
    }

    /// The items of a section.
    pub(super) fn items(&self, section: u8) -> Items {
        let content = self.sections.get(&section).copied().unwrap_or_default();
        let mut reader = BinaryReader::new(content, 0);
        let count = reader.read_var_u32().unwrap_or(0);
        let rest = content.get(reader.original_position()..);
        Items::of(count, rest.unwrap_or_default())
    }

    /// The parameters of a type.
    pub(super) fn param_types(&self, ty: u32) -> Result<&[ValType], Unsuited> {
        let ty = self.types.get(ty as usize);
        ty.map(|params| &**params).ok_or(UNKNOWN_FUNCTION)
    }

    /// How many parameters one of the module's own functions has, by its place.
    pub(super) fn params_of(&self, function: usize) -> Result<u32, Unsuited> {
        let ty = self.functions.get(function).ok_or(UNKNOWN_FUNCTION)?;
        Ok(self.param_types(*ty)?.len() as u32)
    }

    /// The type of a function, by its number.
    pub(super) fn type_of(&self, function: u32) -> Result<u32, Unsuited> {
        let mut all = self.imported_functions.iter().chain(&self.functions);
        all.nth(function as usize).copied().ok_or(UNKNOWN_FUNCTION)
    }

    /// What its data make of its memory: where it begins, and the bytes.
    pub(super) fn image(&self) -> Result<Option<(u32, Vec<u8>)>, Unsuited> {
        let Some(pages) = self.memory else {
            return Ok(None);
        };
        let mut memory = vec![0; (pages * WASM_PAGE) as usize];
        for (offset, data) in &self.active_data {
            let start = constant(offset)? as usize;
            // Elsewhere it traps, and there is no instance.
            if let Some(place) = memory.get_mut(start..start.saturating_add(data.len())) {
                place.copy_from_slice(data);
            }
        }
        let Some(start) = memory.iter().position(|byte| *byte != 0) else {
            return Ok(None);
        };
        let end = memory
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |last| last + 1);
        memory.truncate(end);
        Ok(Some((start as u32, memory.split_off(start))))
    }
}

/// The instructions of a constant expression, without its end.
pub(super) fn content<'a>(expression: &ConstExpr<'a>) -> &'a [u8] {
    let mut reader = expression.get_binary_reader();
    let all = reader
        .read_bytes(reader.bytes_remaining())
        .unwrap_or_default();
    all.strip_suffix(&[END]).unwrap_or(all)
}

/// The byte of a type of references that is known here.
pub(super) fn ref_type(ty: RefType) -> u8 {
    if ty == RefType::EXTERNREF {
        EXTERN_REF
    } else {
        FUNC_REF
    }
}

/// A place that is the same in every instance.
fn constant(expression: &ConstExpr<'_>) -> Result<u32, Unsuited> {
    let mut operators = expression.get_operators_reader();
    match (operators.read()?, operators.read()?) {
        (Operator::I32Const { value }, Operator::End) => Ok(value.cast_unsigned()),
        _ => Err(Unsuited::Has("data whose place is computed")),
    }
}

const UNKNOWN_FUNCTION: Unsuited = Unsuited::Has("a function without a type");
const END: u8 = 0x0b;
const FUNC_REF: u8 = 0x70;
const EXTERN_REF: u8 = 0x6f;
