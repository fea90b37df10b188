//! What is written behind a component: functions of its main module, lifted and exported.

use wasm_encoder::{Encode, PrimitiveValType};
use wasmparser::types::Types;

use crate::module;
use crate::sections::write;
use crate::{CALL, RESET, RESPONSE, RESTORE, SAVE};

/// The sections that are added, and how many there are of what they count.
pub(super) struct Additions<'o> {
    out: &'o mut Vec<u8>,
    /// The instance of the main module.
    main: u32,
    core_functions: u32,
    memories: u32,
    types: u32,
    functions: u32,
    /// `list<u8>`, and the memory of the marks.
    bytes_in_marks: Option<(u32, u32)>,
}

impl<'o> Additions<'o> {
    pub(super) fn behind(out: &'o mut Vec<u8>, types: &Types, main: u32) -> Self {
        let types = types.as_ref();
        Self {
            out,
            main,
            core_functions: types.function_count(),
            memories: types.memory_count(),
            types: types.component_type_count(),
            functions: types.component_function_count(),
            bytes_in_marks: None,
        }
    }

    /// Exports what puts an instance back.
    pub(super) fn reset(&mut self) {
        let reset = self.core_function(RESET);
        // () -> bool
        let ty = self.define(|out| {
            out.extend([FUNCTION, 0, 0]);
            PrimitiveValType::Bool.encode(out);
        });
        self.lift(RESET, reset, &[], ty);
    }

    /// Exports what saves an instance, and what restores it.
    pub(super) fn save(&mut self) {
        let (bytes, marks) = self.bytes_in_marks();
        let save = self.core_function(SAVE);
        let saved = self.core_function(module::SAVED);
        let place = self.core_function(module::PLACE);
        let restore = self.core_function(RESTORE);
        // () -> list<u8>
        let ty = self.define(|out| {
            out.extend([FUNCTION, 0, 0]);
            i64::from(bytes).encode(out);
        });
        let options = [(WITH_MEMORY, marks), (WITH_POST_RETURN, saved)];
        self.lift(SAVE, save, &options, ty);
        // (bytes: list<u8>) -> bool
        let ty = self.define(|out| {
            out.extend([FUNCTION, 1]);
            "bytes".encode(out);
            i64::from(bytes).encode(out);
            out.push(0);
            PrimitiveValType::Bool.encode(out);
        });
        let options = [(WITH_MEMORY, marks), (WITH_REALLOC, place)];
        self.lift(RESTORE, restore, &options, ty);
    }

    /// Exports what calls actions in one piece, by their names. `memory` is that of the guest.
    pub(super) fn calls<'n>(&mut self, names: impl Iterator<Item = &'n str>, memory: u32) {
        let (bytes, marks) = self.bytes_in_marks();
        let frame = self.core_function(module::FRAME);
        // (request: list<u8>) -> list<u8>
        let ty = self.define(|out| {
            out.extend([FUNCTION, 1]);
            "request".encode(out);
            i64::from(bytes).encode(out);
            out.push(0);
            i64::from(bytes).encode(out);
        });
        let options = [(WITH_MEMORY, marks), (WITH_REALLOC, frame)];
        for (place, name) in names.enumerate() {
            let call = self.core_function(&module::call_name(place));
            self.lift(&format!("{CALL}{name}"), call, &options, ty);
        }
        let response = self.core_function(RESPONSE);
        let header = self.define(|out| {
            out.extend([TUPLE, 2]);
            PrimitiveValType::String.encode(out);
            i64::from(bytes).encode(out);
        });
        let headers = self.define(|out| {
            out.push(LIST);
            i64::from(header).encode(out);
        });
        let record = self.define(|out| {
            out.extend([TUPLE, 3]);
            PrimitiveValType::U16.encode(out);
            i64::from(headers).encode(out);
            i64::from(bytes).encode(out);
        });
        let ty = self.define(|out| {
            out.extend([FUNCTION, 0, 0]);
            i64::from(record).encode(out);
        });
        self.lift(RESPONSE, response, &[(WITH_MEMORY, memory)], ty);
    }

    fn bytes_in_marks(&mut self) -> (u32, u32) {
        if let Some(both) = self.bytes_in_marks {
            return both;
        }
        let bytes = self.define(|out| {
            out.push(LIST);
            PrimitiveValType::U8.encode(out);
        });
        self.alias(module::MARKS, CORE_MEMORY);
        let both = (bytes, self.memories);
        self.memories += 1;
        self.bytes_in_marks = Some(both);
        both
    }

    /// The number of an exported function of the main module.
    fn core_function(&mut self, name: &str) -> u32 {
        self.alias(name, CORE_FUNCTION);
        self.core_functions += 1;
        self.core_functions - 1
    }

    fn alias(&mut self, name: &str, sort: u8) {
        let main = self.main;
        self.item(ALIAS, |out| {
            out.extend([CORE_SORT, sort, OF_CORE_EXPORT]);
            main.encode(out);
            name.encode(out);
        });
    }

    /// The number of a type.
    fn define(&mut self, ty: impl FnOnce(&mut Vec<u8>)) -> u32 {
        self.item(TYPE, ty);
        self.types += 1;
        self.types - 1
    }

    /// Lifts a function of the main module, and exports it.
    fn lift(&mut self, name: &str, core: u32, options: &[(u8, u32)], ty: u32) {
        self.item(CANONICAL, |out| {
            out.extend([LIFT, 0]);
            core.encode(out);
            (options.len() as u32).encode(out);
            for (option, value) in options {
                out.push(*option);
                value.encode(out);
            }
            ty.encode(out);
        });
        let lifted = self.functions;
        self.item(EXPORT, |out| {
            out.push(0);
            name.encode(out);
            out.push(FUNCTION_SORT);
            lifted.encode(out);
            // It has the type that it has.
            out.push(0);
        });
        // An export is a function, too.
        self.functions += 2;
    }

    /// Writes a section of one item.
    fn item(&mut self, id: u8, item: impl FnOnce(&mut Vec<u8>)) {
        let mut content = vec![1];
        item(&mut content);
        write(self.out, id, &content);
    }
}

// Numbers of sections and kinds (component model, Binary.md).
const ALIAS: u8 = 6;
const TYPE: u8 = 7;
const CANONICAL: u8 = 8;
const EXPORT: u8 = 11;
const CORE_SORT: u8 = 0;
const CORE_FUNCTION: u8 = 0;
const CORE_MEMORY: u8 = 2;
const FUNCTION_SORT: u8 = 1;
const OF_CORE_EXPORT: u8 = 1;
const FUNCTION: u8 = 0x40;
const LIST: u8 = 0x70;
const TUPLE: u8 = 0x6f;
const LIFT: u8 = 0;
const WITH_MEMORY: u8 = 3;
const WITH_REALLOC: u8 = 4;
const WITH_POST_RETURN: u8 = 5;
