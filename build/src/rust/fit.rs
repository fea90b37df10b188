//! Gives a linked module the initial memory of its layout, without linking it again.
//!
//! The linker allocates the heap in whole pages only, above data whose size only the linker knows,
//! so its memory may be a page too large. Two things in a module depend on the size: the
//! declaration of the memory, and the uses of the linker's symbol for the end of the heap, which
//! the relocations list (tool-conventions, `Linking.md`). With both changed, the module is the one
//! that the linker would have made for the other size.

use std::ops::Range;

use wasmparser::{
    BinaryReader, ConstExpr, DataKind, DataSectionReader, ExportSectionReader, ExternalKind,
    GlobalSectionReader, ImportSectionReader, Linking, LinkingSectionReader, MemorySectionReader,
    Operator, RelocSectionReader, RelocationEntry, RelocationType, SymbolInfo, TypeRef,
};

use super::layout::{HEAP_BASE, MemoryLayout};
use crate::component::ComponentError;

/// The result of fitting a module.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fitted {
    /// The module, without its linker sections.
    Module(Vec<u8>),
    /// The module must be linked again with this initial memory, because it uses the end of the
    /// heap in an unknown way.
    LinkAgain(u64),
}

/// Gives the module the initial memory of `layout`, if that is smaller than the linker's.
pub(crate) fn fit(core: &[u8], layout: MemoryLayout) -> Result<Fitted, ComponentError> {
    let mut module = Sections::read(core)?;
    if let Some(memory) = module.memory()? {
        let wanted = layout.initial_memory(memory.heap_base);
        if wanted < memory.initial && !module.shrink(memory.initial, wanted)? {
            return Ok(Fitted::LinkAgain(wanted));
        }
    }
    module.drop_zeros()?;
    Ok(Fitted::Module(module.write()))
}

/// The sections of a core module, in order.
struct Sections(Vec<Section>);

struct Section {
    id: u8,
    content: Vec<u8>,
}

/// The end of stack and data, and the initial memory, in bytes.
struct LinkedMemory {
    heap_base: u32,
    initial: u64,
}

/// The number of imports of each kind, which come before a module's own items.
#[derive(Default)]
struct Imports {
    globals: u32,
    memories: u32,
}

/// A use of the end of the heap.
struct Use {
    /// The number of the section.
    section: usize,
    entry: RelocationEntry,
}

impl Sections {
    fn read(core: &[u8]) -> Result<Self, ComponentError> {
        let Some(sections) = core.strip_prefix(HEADER) else {
            return Err(ComponentError::read("it is no core module"));
        };
        let mut reader = BinaryReader::new(sections, 0);
        let mut found = Vec::new();
        while !reader.eof() {
            let id = reader.read_u8().map_err(ComponentError::read)?;
            let len = reader.read_var_u32().map_err(ComponentError::read)?;
            let content = reader.read_bytes(len as usize);
            let content = content.map_err(ComponentError::read)?.to_vec();
            found.push(Section { id, content });
        }
        Ok(Self(found))
    }

    /// Returns `None` if the module has another structure than the linker's.
    fn memory(&self) -> Result<Option<LinkedMemory>, ComponentError> {
        let Some(heap_base) = self.heap_base()? else {
            return Ok(None);
        };
        let Some(section) = self.section(MEMORY) else {
            return Ok(None);
        };
        let memories = MemorySectionReader::new(section.reader()).map_err(ComponentError::read)?;
        let mut memories = memories.into_iter();
        let (Some(memory), None) = (memories.next(), memories.next()) else {
            return Ok(None);
        };
        let memory = memory.map_err(ComponentError::read)?;
        let is_usual = !memory.memory64 && !memory.shared && memory.page_size_log2.is_none();
        let initial = memory.initial.saturating_mul(PAGE);
        Ok(is_usual.then_some(LinkedMemory { heap_base, initial }))
    }

    /// Returns the address in the exported global that the linker was asked for.
    fn heap_base(&self) -> Result<Option<u32>, ComponentError> {
        let (Some(exports), Some(globals)) = (self.section(EXPORT), self.section(GLOBAL)) else {
            return Ok(None);
        };
        let exports = ExportSectionReader::new(exports.reader()).map_err(ComponentError::read)?;
        let mut index = None;
        for export in exports {
            let export = export.map_err(ComponentError::read)?;
            if export.name == HEAP_BASE && export.kind == ExternalKind::Global {
                index = Some(export.index);
            }
        }
        let imported = self.imports()?.globals;
        let Some(index) = index.and_then(|index| index.checked_sub(imported)) else {
            return Ok(None);
        };
        let globals = GlobalSectionReader::new(globals.reader()).map_err(ComponentError::read)?;
        let Some(global) = globals.into_iter().nth(index as usize) else {
            return Ok(None);
        };
        constant(&global.map_err(ComponentError::read)?.init_expr)
    }

    fn imports(&self) -> Result<Imports, ComponentError> {
        let mut found = Imports::default();
        let Some(imports) = self.section(IMPORT) else {
            return Ok(found);
        };
        let imports = ImportSectionReader::new(imports.reader()).map_err(ComponentError::read)?;
        for import in imports.into_imports() {
            match import.map_err(ComponentError::read)?.ty {
                TypeRef::Global(_) => found.globals += 1,
                TypeRef::Memory(_) => found.memories += 1,
                _ => {}
            }
        }
        Ok(found)
    }

    /// Reduces the memory from `from` to `to` bytes. Returns `false`, without a change, if the end
    /// of the heap is used in an unknown way.
    fn shrink(&mut self, from: u64, to: u64) -> Result<bool, ComponentError> {
        let Some(uses) = self.uses_of_heap_end()? else {
            return Ok(false);
        };
        let mut changed = Vec::new();
        for Use { section, entry } in uses {
            let content = self.0.get(section).map(|section| &*section.content);
            let (Ok(range), Some(content)) = (entry.relocation_range(), content) else {
                return Ok(false);
            };
            let value = |end: u64| i64::try_from(end).ok()?.checked_add(entry.addend);
            let (Some(old), Some(new)) = (value(from), value(to)) else {
                return Ok(false);
            };
            let (Some(old), Some(new)) = (encode(entry.ty, old), encode(entry.ty, new)) else {
                return Ok(false);
            };
            if content.get(range.clone()) != Some(&*old) {
                return Ok(false);
            }
            changed.push((section, range, new));
        }
        let Some(memory) = self.0.iter_mut().find(|section| section.id == MEMORY) else {
            return Ok(false);
        };
        memory.content = resized(memory.reader(), to / PAGE)?;
        for (section, range, new) in changed {
            self.replace(section, range, &new);
        }
        Ok(true)
    }

    /// Returns `None` if the module has no linker sections.
    fn uses_of_heap_end(&self) -> Result<Option<Vec<Use>>, ComponentError> {
        let Some(heap_end) = self.symbols_of_heap_end()? else {
            return Ok(None);
        };
        let mut uses = Vec::new();
        for (_, content) in self.custom().filter(|(name, _)| is_relocations(name)) {
            let relocations = RelocSectionReader::new(content).map_err(ComponentError::read)?;
            let section = relocations.section_index() as usize;
            // Debug information does not matter.
            if self.0.get(section).is_none_or(|s| s.id == CUSTOM) {
                continue;
            }
            for entry in relocations.entries() {
                let entry = entry.map_err(ComponentError::read)?;
                // The only kind whose index is not that of a symbol.
                let is_type = entry.ty == RelocationType::TypeIndexLeb;
                if !is_type && heap_end.contains(&entry.index) {
                    uses.push(Use { section, entry });
                }
            }
        }
        Ok(Some(uses))
    }

    /// Returns the numbers of the symbols for the end of the heap.
    fn symbols_of_heap_end(&self) -> Result<Option<Vec<u32>>, ComponentError> {
        let Some((_, content)) = self.custom().find(|(name, _)| *name == LINKING) else {
            return Ok(None);
        };
        let linking = LinkingSectionReader::new(content).map_err(ComponentError::read)?;
        let mut found = None;
        for subsection in linking.subsections() {
            let Linking::SymbolTable(symbols) = subsection.map_err(ComponentError::read)? else {
                continue;
            };
            let found = found.get_or_insert_with(Vec::new);
            for (index, symbol) in (0..).zip(symbols) {
                let symbol = symbol.map_err(ComponentError::read)?;
                if matches!(symbol, SymbolInfo::Data { name, .. } if name == HEAP_END) {
                    found.push(index);
                }
            }
        }
        Ok(found)
    }

    /// Drops zeros above all other data. With relocations the linker writes them out, although
    /// memory without data is zero.
    fn drop_zeros(&mut self) -> Result<(), ComponentError> {
        // Code that copies data refers to segments by number, and then their count is declared.
        // Imported memory need not be zero.
        if self.section(DATA_COUNT).is_some() || self.imports()?.memories > 0 {
            return Ok(());
        }
        let Some(section) = self.0.iter_mut().find(|section| section.id == DATA) else {
            return Ok(());
        };
        let data = DataSectionReader::new(section.reader()).map_err(ComponentError::read)?;
        let mut kept = Vec::new();
        let mut end = 0;
        for segment in data {
            let segment = segment.map_err(ComponentError::read)?;
            // Data whose address only an instance knows may be anywhere.
            let start = match segment.kind {
                DataKind::Active { offset_expr, .. } => constant(&offset_expr)?.map(u64::from),
                DataKind::Passive => None,
            };
            let is_above = start.is_some_and(|start| start >= end);
            end = start.map_or(u64::MAX, |start| end.max(start + segment.data.len() as u64));
            let is_zero = segment.data.iter().all(|&byte| byte == 0);
            kept.push((segment.range, is_zero && is_above));
        }
        while let Some((_, true)) = kept.last() {
            kept.pop();
        }
        let mut content = Vec::new();
        write_u64(kept.len() as u64, &mut content);
        for (range, _) in kept {
            content.extend_from_slice(section.content.get(range).unwrap_or_default());
        }
        section.content = content;
        Ok(())
    }

    fn replace(&mut self, section: usize, range: Range<usize>, with: &[u8]) {
        let section = self.0.get_mut(section);
        if let Some(place) = section.and_then(|section| section.content.get_mut(range)) {
            place.copy_from_slice(with);
        }
    }

    /// Encodes the module, without its linker sections.
    fn write(&self) -> Vec<u8> {
        let mut module = HEADER.to_vec();
        for section in &self.0 {
            let for_linkers = section.id == CUSTOM
                && name_and_content(section)
                    .is_some_and(|(name, _)| name == LINKING || is_relocations(name));
            if !for_linkers {
                module.push(section.id);
                write_u64(section.content.len() as u64, &mut module);
                module.extend_from_slice(&section.content);
            }
        }
        module
    }

    fn section(&self, id: u8) -> Option<&Section> {
        self.0.iter().find(|section| section.id == id)
    }

    fn custom(&self) -> impl Iterator<Item = (&str, BinaryReader<'_>)> {
        let custom = self.0.iter().filter(|section| section.id == CUSTOM);
        custom.filter_map(name_and_content)
    }
}

impl Section {
    fn reader(&self) -> BinaryReader<'_> {
        BinaryReader::new(&self.content, 0)
    }
}

fn name_and_content(section: &Section) -> Option<(&str, BinaryReader<'_>)> {
    let mut reader = section.reader();
    let name = reader.read_string().ok()?;
    Some((name, reader))
}

fn is_relocations(name: &str) -> bool {
    name.starts_with("reloc.")
}

/// Returns the value of a constant expression.
fn constant(expression: &ConstExpr<'_>) -> Result<Option<u32>, ComponentError> {
    let mut operators = expression.get_operators_reader();
    let mut next = || operators.read().map_err(ComponentError::read);
    Ok(match (next()?, next()?) {
        (Operator::I32Const { value }, Operator::End) => Some(value.cast_unsigned()),
        _ => None,
    })
}

/// Encodes a section of one memory with another initial size.
fn resized(section: BinaryReader<'_>, pages: u64) -> Result<Vec<u8>, ComponentError> {
    let memories = MemorySectionReader::new(section).map_err(ComponentError::read)?;
    let mut content = Vec::new();
    write_u64(u64::from(memories.count()), &mut content);
    for memory in memories {
        let memory = memory.map_err(ComponentError::read)?;
        content.push(u8::from(memory.maximum.is_some()));
        write_u64(pages, &mut content);
        if let Some(maximum) = memory.maximum {
            write_u64(maximum, &mut content);
        }
    }
    Ok(content)
}

/// Encodes an address as a relocation of this type has it; `None` for other types.
fn encode(ty: RelocationType, address: i64) -> Option<Vec<u8>> {
    let address = u32::try_from(address).ok()?;
    Some(match ty {
        RelocationType::MemoryAddrI32 => address.to_le_bytes().to_vec(),
        RelocationType::MemoryAddrLeb => padded(u64::from(address)),
        RelocationType::MemoryAddrSleb => {
            padded(i64::from(address.cast_signed()).cast_unsigned() & 0x7_ffff_ffff)
        }
        _ => return None,
    })
}

/// Encodes a number as five bytes of LEB128: the linker leaves space for any number.
fn padded(number: u64) -> Vec<u8> {
    let byte = |index: u32| {
        let more = if index < 4 { 0x80 } else { 0 };
        ((number >> (7 * index)) & 0x7f) as u8 | more
    };
    (0..5).map(byte).collect()
}

fn write_u64(mut number: u64, to: &mut Vec<u8>) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

/// The linker's symbol for the end of the initial memory.
const HEAP_END: &str = "__heap_end";

const LINKING: &str = "linking";
const HEADER: &[u8] = b"\0asm\x01\0\0\0";
const PAGE: u64 = 64 * 1024;

// Sections by their numbers.
const CUSTOM: u8 = 0;
const IMPORT: u8 = 2;
const MEMORY: u8 = 5;
const GLOBAL: u8 = 6;
const EXPORT: u8 = 7;
const DATA: u8 = 11;
const DATA_COUNT: u8 = 12;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rust::model;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn a_fitted_module_is_the_linkers_of_that_size(bytes in prop::collection::vec(any::<u8>(), 6..160)) {
            model::fits_as_linked(&bytes);
        }
    }

    const LAYOUT: MemoryLayout = MemoryLayout {
        stack: 32 * 1024,
        heap: 16 * 1024,
    };

    /// A module as the linker leaves it: three pages of memory, a heap from 40,000 on, and in code
    /// and data the end of the heap as `uses` have it.
    fn linked(rest: &str) -> Vec<u8> {
        wat::parse_str(format!(
            r#"(module (memory (export "memory") 3)
                (global (export "__heap_base") i32 (i32.const 40000)) {rest})"#
        ))
        .unwrap()
    }

    /// Adds the linker's sections: a symbol table of `names`, and relocations of one section.
    fn with_relocations(mut core: Vec<u8>, names: &[&str], section: u8, entries: &[u8]) -> Vec<u8> {
        let mut custom = |name: &str, content: &[u8]| {
            core.push(CUSTOM);
            write_u64((1 + name.len() + content.len()) as u64, &mut core);
            core.push(name.len() as u8);
            core.extend_from_slice(name.as_bytes());
            core.extend_from_slice(content);
        };
        let mut symbols = vec![names.len() as u8];
        for name in names {
            // Data, absolute.
            symbols.extend_from_slice(&[1, 0x80, 0x04, name.len() as u8]);
            symbols.extend_from_slice(name.as_bytes());
            symbols.extend_from_slice(&[0, 0, 0]);
        }
        let mut linking = vec![2, 8, symbols.len() as u8];
        linking.extend_from_slice(&symbols);
        custom("linking", &linking);
        custom("reloc.CODE", &[&[section], entries].concat());
        core
    }

    fn fitted(core: &[u8]) -> Fitted {
        fit(core, LAYOUT).unwrap()
    }

    fn text(fitted: &Fitted) -> String {
        let Fitted::Module(module) = fitted else {
            panic!("{fitted:?}");
        };
        wasmparser::Validator::new().validate_all(module).unwrap();
        let sections = Sections::read(module).unwrap();
        assert!(sections.custom().next().is_none());
        format!("{:?}", sections.section(MEMORY).unwrap().content)
    }

    #[test]
    fn the_memory_is_what_the_layout_wants() {
        let core = with_relocations(linked(""), &["__heap_end"], 0, &[0]);
        assert_eq!(text(&fitted(&core)), "[1, 0, 1]");
    }

    #[test]
    fn a_memory_that_fits_stays() {
        let core = linked("");
        let large = MemoryLayout {
            heap: 150_000,
            ..LAYOUT
        };
        assert_eq!(fit(&core, large).unwrap(), Fitted::Module(core.clone()));
        let other = wat::parse_str(r#"(module (memory 3))"#).unwrap();
        assert_eq!(fitted(&other), Fitted::Module(other.clone()));
    }

    #[test]
    fn without_relocations_the_linker_is_asked_again() {
        assert_eq!(fitted(&linked("")), Fitted::LinkAgain(64 * 1024));
    }

    /// 196,608 in five bytes, as an operand.
    const END: &str = r"\80\80\8c\80\00";

    fn data(bytes: &str) -> String {
        format!(r#"(data (i32.const 1024) "{bytes}")"#)
    }

    /// The number of the data section, and where the bytes of `data` begin in it.
    const IN_DATA: (u8, u8) = (3, 7);

    #[test]
    fn the_end_of_the_heap_is_the_new_one_wherever_it_is_used() {
        for (ty, old, new) in [
            (
                RelocationType::MemoryAddrI32,
                r"\08\00\03\00",
                &[8, 0, 1, 0][..],
            ),
            (
                RelocationType::MemoryAddrLeb,
                END,
                &[0x80, 0x80, 0x84, 0x80, 0],
            ),
            (
                RelocationType::MemoryAddrSleb,
                END,
                &[0x80, 0x80, 0x84, 0x80, 0],
            ),
        ] {
            let addend = if old == END { 0 } else { 8 };
            let entry = [1, ty as u8, IN_DATA.1, 1, addend];
            let core = linked(&data(old));
            let core = with_relocations(core, &["other", "__heap_end"], IN_DATA.0, &entry);
            let Fitted::Module(module) = fitted(&core) else {
                panic!("{ty:?}");
            };
            assert!(module.ends_with(new), "{ty:?}: {module:?}");
        }
    }

    #[test]
    fn another_use_of_it_is_left_to_the_linker() {
        for (ty, bytes) in [
            // A kind of use that is not known here, and a value that is not the end.
            (RelocationType::GlobalIndexLeb, END),
            (RelocationType::MemoryAddrLeb, r"\80\80\84\80\00"),
        ] {
            let entry = [1, ty as u8, IN_DATA.1, 0, 0];
            let entry = &entry[..if ty == RelocationType::GlobalIndexLeb {
                4
            } else {
                5
            }];
            let core = with_relocations(linked(&data(bytes)), &["__heap_end"], IN_DATA.0, entry);
            assert_eq!(fitted(&core), Fitted::LinkAgain(64 * 1024), "{ty:?}");
        }
    }

    #[test]
    fn zeros_above_all_other_data_are_dropped() {
        let data = r#"(data (i32.const 1024) "\00\00") (data (i32.const 2048) "a")"#;
        let zeros = r#"(data (i32.const 4096) "\00\00")"#;
        let end = |rest: &str| {
            let core = with_relocations(linked(rest), &[], 0, &[0]);
            let Fitted::Module(module) = fitted(&core) else {
                panic!("{rest}");
            };
            module
        };
        assert_eq!(end(&format!("{data}{zeros}")), end(data));
        // Zeros over what is not zero.
        let below = r#"(data (i32.const 2048) "a") (data (i32.const 2048) "\00")"#;
        assert!(end(below).ends_with(&[1, 0]));
    }

    /// Returns whether the last data of a module, zeros, is still there.
    fn keeps_its_zeros(core: &[u8]) -> bool {
        let Fitted::Module(module) = fitted(core) else {
            panic!("it is to be linked again");
        };
        module.len() == core.len()
    }

    #[test]
    fn zeros_stay_over_data_whose_place_only_an_instance_knows() {
        for place in [
            "(global.get 0)",
            "(offset (i32.add (i32.const 5) (i32.const 39995)))",
        ] {
            let data = format!(
                r#"(memory 3) (global i32 (i32.const 40000))
                   (data {place} "a") (data (i32.const 40000) "\00")"#
            );
            let core = wat::parse_str(format!("(module {data})")).unwrap();
            assert!(keeps_its_zeros(&core), "{place}");
        }
    }

    #[test]
    fn zeros_stay_in_a_memory_of_others() {
        let data = r#"(data (i32.const 1024) "\00")"#;
        let core = |memory: &str| wat::parse_str(format!("(module {memory} {data})")).unwrap();
        assert!(keeps_its_zeros(&core(
            r#"(import "env" "memory" (memory 3))"#
        )));
        assert!(!keeps_its_zeros(&core("(memory 3)")));
    }

    #[test]
    fn what_is_no_module_is_an_error() {
        for bytes in [&b""[..], b"\0asm\x0d\0\x01\0", b"\0asm\x01\0\0\0\x01\xff"] {
            fit(bytes, LAYOUT).unwrap_err();
        }
    }
}
