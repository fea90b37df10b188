//! A module as the linker leaves it, whatever the end of its heap: fitted, it is the one that the
//! linker would have made of the other size.

use wasm_encoder::{
    ConstExpr, CustomSection, Encode, EntityType, ExportKind, ExportSection, FunctionSection,
    GlobalSection, GlobalType, ImportSection, MemorySection, MemoryType, Module, RawSection,
    SectionId, TypeSection, ValType,
};

use super::super::fuzzing::{MemoryLayout, fit};
use super::run::{self, Host, observe};
use super::{assert_same, validate};

/// The input of the linker.
#[derive(Debug, Default)]
struct Linked {
    data_end: u16,
    pages: u8,
    heap: u16,
    imports_a_global: bool,
    has_maximum: bool,
    counts_data: bool,
    /// Data, and where it is.
    segments: Vec<(u16, Vec<u8>)>,
    uses: Vec<Use>,
}

/// A use of the end of the heap.
#[derive(Clone, Copy, Debug)]
enum Use {
    /// As a number: `i32.const`.
    Number { addend: i8 },
    /// As the address of a load.
    Offset { addend: i8 },
    /// In the data.
    Data { addend: i8, at: u16 },
}

impl Linked {
    fn decode(bytes: &[u8]) -> Option<Self> {
        let ([end_low, end_high, pages, heap_low, heap_high, flags], steps) =
            bytes.split_first_chunk()?;
        let mut linked = Self {
            data_end: u16::from_le_bytes([*end_low, *end_high]),
            pages: *pages,
            heap: u16::from_le_bytes([*heap_low, *heap_high]),
            imports_a_global: flags & 1 != 0,
            has_maximum: flags & 2 != 0,
            counts_data: flags & 4 != 0,
            ..Self::default()
        };
        for step in steps.chunks_exact(4).take(40) {
            let at = u16::from_le_bytes([step[1], step[2]]);
            let addend = step[3].cast_signed();
            match step[0] % 8 {
                0..2 => linked.segments.push((at, vec![0; usize::from(step[3])])),
                2..4 => linked.segments.push((at, step.to_vec())),
                4 => linked.uses.push(Use::Data { addend, at }),
                5 => linked.uses.push(Use::Offset { addend }),
                _ => linked.uses.push(Use::Number { addend }),
            }
        }
        Some(linked)
    }
}

/// Fits the module that the bytes describe.
///
/// # Panics
/// If something does not hold.
pub fn fits_as_linked(bytes: &[u8]) {
    let Some(linked) = Linked::decode(bytes) else {
        return;
    };
    let layout = MemoryLayout {
        stack: 0,
        heap: u32::from(linked.heap),
    };
    let wanted = layout.initial_memory(linked.heap_base());
    let least = u64::from(linked.heap_base())
        .next_multiple_of(PAGE)
        .max(PAGE);
    let pages = least / PAGE + u64::from(linked.pages % 4);
    let end = pages * PAGE;
    let core = linked.module(end, true);
    validate(&core);
    let expected = linked.module(wanted.min(end), false);
    let fitted = fit(&core, layout).unwrap().expect("all uses are known");
    validate(&fitted);
    let exports = run::exports(&expected);
    assert_eq!(run::exports(&fitted), exports);
    let calls: Vec<&str> = exports.iter().map(String::as_str).collect();
    let [expected, fitted] =
        [expected, fitted].map(|core| observe(&core, &calls, &exports, Host::plain()));
    assert!(expected.is_instance());
    assert_same(&expected, &fitted);
}

impl Linked {
    /// Above all data.
    fn heap_base(&self) -> u32 {
        u32::from(self.data_end).max(1024).next_multiple_of(16)
    }

    fn module(&self, end: u64, is_for_linkers: bool) -> Vec<u8> {
        let end = u32::try_from(end).unwrap();
        let mut module = Module::new();
        let mut types = TypeSection::new();
        types.ty().function([], [ValType::I32]);
        module.section(&types);
        let mut sections = 1;
        if self.imports_a_global {
            let mut imports = ImportSection::new();
            imports.import("env", "base", EntityType::Global(I32));
            module.section(&imports);
            sections += 1;
        }
        let in_code = self
            .uses
            .iter()
            .filter(|one| !matches!(one, Use::Data { .. }));
        let in_code: Vec<Use> = in_code.copied().collect();
        let mut functions = FunctionSection::new();
        for _ in &in_code {
            functions.function(0);
        }
        let mut memories = MemorySection::new();
        memories.memory(MemoryType {
            minimum: u64::from(end) / PAGE,
            maximum: self.has_maximum.then_some(64),
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        let mut globals = GlobalSection::new();
        globals.global(I32, &ConstExpr::i32_const(self.heap_base().cast_signed()));
        let mut exports = ExportSection::new();
        exports.export("memory", ExportKind::Memory, 0);
        exports.export(
            "__heap_base",
            ExportKind::Global,
            u32::from(self.imports_a_global),
        );
        for index in 0..in_code.len() {
            exports.export(&format!("use-{index}"), ExportKind::Func, index as u32);
        }
        module
            .section(&functions)
            .section(&memories)
            .section(&globals)
            .section(&exports);
        sections += 4;

        let (code, in_code) = self.code(&in_code, end);
        let (data, segments, in_data) = self.data(end);
        if self.counts_data {
            module.section(&wasm_encoder::DataCountSection { count: segments });
            sections += 1;
        }
        module.section(&RawSection {
            id: SectionId::Code.into(),
            data: &code,
        });
        module.section(&RawSection {
            id: SectionId::Data.into(),
            data: &data,
        });
        if is_for_linkers {
            custom(&mut module, "linking", &symbols());
            custom(&mut module, "reloc.CODE", &relocations(sections, &in_code));
            custom(
                &mut module,
                "reloc.DATA",
                &relocations(sections + 1, &in_data),
            );
        }
        module.finish()
    }

    /// A function for each use, and where it is.
    fn code(&self, uses: &[Use], end: u32) -> (Vec<u8>, Vec<Entry>) {
        let mut content = Vec::new();
        (uses.len() as u32).encode(&mut content);
        let mut entries = Vec::new();
        for one in uses {
            let mut body = vec![0];
            let entry = match *one {
                Use::Number { addend } => {
                    let value = end.wrapping_add_signed(addend.into());
                    body.push(0x41);
                    let at = body.len();
                    body.extend(padded_signed(value.cast_signed()));
                    (R_MEMORY_ADDR_SLEB, at, i32::from(addend))
                }
                Use::Offset { addend } => {
                    // Below the end, most often.
                    let addend = i32::from(addend) - 100;
                    body.extend([0x41, 0, 0x28, 0]);
                    let at = body.len();
                    body.extend(padded(end.wrapping_add_signed(addend)));
                    (R_MEMORY_ADDR_LEB, at, addend)
                }
                Use::Data { .. } => continue,
            };
            body.push(0x0b);
            (body.len() as u32).encode(&mut content);
            let (ty, at, addend) = entry;
            entries.push(Entry {
                ty,
                at: content.len() + at,
                addend,
            });
            content.extend(body);
        }
        (content, entries)
    }

    /// Segments that lie apart or over one another, and the uses in them.
    fn data(&self, end: u32) -> (Vec<u8>, u32, Vec<Entry>) {
        let base = self.heap_base();
        let mut segments: Vec<(u32, Vec<u8>, Option<i8>)> = Vec::new();
        for (at, bytes) in &self.segments {
            let at = u32::from(*at) % base;
            let room = (base - at) as usize;
            segments.push((at, bytes.iter().copied().take(room).collect(), None));
        }
        for one in &self.uses {
            if let Use::Data { addend, at } = *one {
                let value = end.wrapping_add_signed(addend.into());
                segments.push((
                    u32::from(at) % (base - 4),
                    value.to_le_bytes().to_vec(),
                    Some(addend),
                ));
            }
        }
        let mut content = Vec::new();
        (segments.len() as u32).encode(&mut content);
        let mut entries = Vec::new();
        for (at, bytes, addend) in &segments {
            0u32.encode(&mut content);
            ConstExpr::i32_const(at.cast_signed()).encode(&mut content);
            (bytes.len() as u32).encode(&mut content);
            if let Some(addend) = addend {
                entries.push(Entry {
                    ty: R_MEMORY_ADDR_I32,
                    at: content.len(),
                    addend: i32::from(*addend),
                });
            }
            content.extend(bytes);
        }
        (content, segments.len() as u32, entries)
    }
}

/// A relocation against the end of the heap.
struct Entry {
    ty: u8,
    at: usize,
    addend: i32,
}

fn relocations(section: u32, entries: &[Entry]) -> Vec<u8> {
    let mut content = Vec::new();
    section.encode(&mut content);
    (entries.len() as u32).encode(&mut content);
    for Entry { ty, at, addend } in entries {
        content.push(*ty);
        (*at as u32).encode(&mut content);
        HEAP_END.0.encode(&mut content);
        addend.encode(&mut content);
    }
    content
}

/// A symbol table: the end of the heap is the second.
fn symbols() -> Vec<u8> {
    let mut table = vec![2];
    for name in ["other", HEAP_END.1] {
        // Data, absolute.
        table.extend([1, 0x80, 0x04, name.len() as u8]);
        table.extend(name.as_bytes());
        table.extend([0, 0, 0]);
    }
    [&[2, 8, table.len() as u8], table.as_slice()].concat()
}

fn custom(module: &mut Module, name: &str, data: &[u8]) {
    module.section(&CustomSection {
        name: name.into(),
        data: data.into(),
    });
}

/// Five bytes of LEB128, as the linker writes them.
fn padded(number: u32) -> [u8; 5] {
    let byte = |index: u32| (number.checked_shr(7 * index).unwrap_or(0) & 0x7f) as u8;
    [0, 1, 2, 3, 4].map(|index| byte(index) | if index < 4 { 0x80 } else { 0 })
}

fn padded_signed(number: i32) -> [u8; 5] {
    let byte = |index: u32| ((i64::from(number) >> (7 * index)) & 0x7f) as u8;
    [0, 1, 2, 3, 4].map(|index| byte(index) | if index < 4 { 0x80 } else { 0 })
}

const I32: GlobalType = GlobalType {
    val_type: ValType::I32,
    mutable: false,
    shared: false,
};
const HEAP_END: (u32, &str) = (1, "__heap_end");
const R_MEMORY_ADDR_LEB: u8 = 3;
const R_MEMORY_ADDR_SLEB: u8 = 4;
const R_MEMORY_ADDR_I32: u8 = 5;
const PAGE: u64 = 64 * 1024;
