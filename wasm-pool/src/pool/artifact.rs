//! Compiled components.

use std::sync::Arc;

use rusm_wasm_reset::difference::Image;
use rusm_wasm_reset::{Added, is_added};
use wasmparser::Payload;
use wasmtime::Engine;
use wasmtime::component::Component;

use super::compile::added;
use super::limits::WASM_PAGE;
use crate::stack;

/// The machine code of one component, to be loaded by the engine of each shard.
#[derive(Clone)]
pub struct Artifact {
    code: Arc<[u8]>,
    facts: Facts,
    /// The first state of its instances, if they can be saved.
    image: Option<Arc<Image>>,
}

/// What is read off a component's binary, once for all shards.
#[derive(Clone, Copy, Default)]
struct Facts {
    runs_code_at_start: bool,
    stack: Option<u64>,
    has_own_reset: bool,
    initial_memory: u64,
}

impl Artifact {
    /// The machine code of `wasm`.
    pub(crate) fn new(code: Arc<[u8]>, wasm: &[u8]) -> wasmtime::Result<Self> {
        let facts = Facts::of(wasm)?;
        let image = (added(wasm) == Some(Added::ResetAndSave))
            .then(|| Image::of(wasm).ok())
            .flatten();
        Ok(Self {
            code,
            facts,
            image: image.map(Arc::new),
        })
    }

    /// The first state of its instances, if they can be saved.
    pub(crate) fn image(&self) -> Option<&Arc<Image>> {
        self.image.as_ref()
    }

    /// The code as it is kept.
    pub(crate) fn code(&self) -> &[u8] {
        &self.code
    }

    /// Whether the component runs code of its own while it is instantiated.
    pub fn runs_code_at_start(&self) -> bool {
        self.facts.runs_code_at_start
    }

    /// The size of the stack in the component's memory, in bytes, if it has one of the usual kind.
    pub(crate) fn stack(&self) -> Option<u64> {
        self.facts.stack
    }

    /// Whether its author has given it an export of a name that the host adds. That is not the host's.
    pub(crate) fn has_own_reset(&self) -> bool {
        self.facts.has_own_reset
    }

    /// The largest memory that an instance has at first, in bytes, without what the host adds for a reset.
    pub fn initial_memory(&self) -> u64 {
        self.facts.initial_memory
    }

    /// Load the component into a shard's engine.
    ///
    /// # Errors
    /// When the code was made for another engine, CPU or set of settings.
    pub fn load(&self, engine: &Engine) -> wasmtime::Result<Component> {
        // SAFETY: `code` comes out of `Component::serialize`: either in this process, or in an
        // earlier one, and then by way of a file in a directory that only this user and root can
        // write to (`cache::check_trusted`) and whose digest was checked. Wasmtime itself refuses
        // another version or other settings.
        unsafe { Component::deserialize(engine, &self.code) }
    }
}

impl Facts {
    /// Reads `wasm`, in which core modules are nested whole (component model binary format).
    fn of(wasm: &[u8]) -> wasmtime::Result<Self> {
        let mut facts = Self::default();
        for payload in wasmparser::Parser::new(0).parse_all(wasm) {
            match payload.map_err(|error| wasmtime::Error::msg(error.to_string()))? {
                Payload::StartSection { .. } | Payload::ComponentStartSection { .. } => {
                    facts.runs_code_at_start = true;
                }
                // The main module comes first; the others join it with the host.
                Payload::GlobalSection(globals) if facts.stack.is_none() => {
                    facts.stack = stack::size(globals);
                }
                Payload::ComponentExportSection(exports) => {
                    let mut exports = exports.into_iter().map_while(Result::ok);
                    facts.has_own_reset |= exports.any(|export| is_added(export.name.name));
                }
                Payload::MemorySection(memories) => {
                    for memory in memories.into_iter().map_while(Result::ok) {
                        let size = memory.initial.saturating_mul(WASM_PAGE);
                        facts.initial_memory = facts.initial_memory.max(size);
                    }
                }
                _ => {}
            }
        }
        Ok(facts)
    }
}
