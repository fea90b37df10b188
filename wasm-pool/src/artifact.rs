//! Compiled components, kept on disk so that a second start compiles nothing.

use std::fs;
use std::hash::{Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wasmparser::Payload;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::stack;

/// The machine code of one component, to be loaded by the engine of each shard.
#[derive(Clone)]
pub struct Artifact {
    code: Arc<[u8]>,
    facts: Facts,
}

/// What is read off a component's binary, once for all shards.
#[derive(Clone, Copy, Default)]
struct Facts {
    runs_code_at_start: bool,
    stack: Option<u64>,
}

impl Artifact {
    /// Whether the component runs code of its own while it is instantiated.
    pub fn runs_code_at_start(&self) -> bool {
        self.facts.runs_code_at_start
    }

    /// The size of the stack in the component's memory, in bytes, if it has one of the usual kind.
    pub(crate) fn stack(&self) -> Option<u64> {
        self.facts.stack
    }

    /// Load the component into a shard's engine.
    ///
    /// # Errors
    /// When the code was made for another engine, CPU or set of settings.
    pub fn load(&self, engine: &Engine) -> wasmtime::Result<Component> {
        // SAFETY: `code` comes out of `Component::serialize`: either in this process, or in an
        // earlier one, and then by way of a file that only this user can write and whose
        // digest was checked. Wasmtime itself refuses another version or other settings.
        unsafe { Component::deserialize(engine, &self.code) }
    }
}

/// A directory of compiled components, by what they were compiled from and for.
///
/// Every failure of the cache is survived by compiling: a full disk, a file of an older
/// version, a file cut short.
pub struct ArtifactCache {
    dir: Option<PathBuf>,
}

impl ArtifactCache {
    /// The cache in `dir`, which is made if it isn't there, for this user alone.
    ///
    /// # Errors
    /// When the directory can't be made.
    pub fn open(dir: PathBuf) -> io::Result<Self> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&dir)?;
        Ok(Self { dir: Some(dir) })
    }

    /// No cache: everything is compiled.
    pub fn disabled() -> Self {
        Self { dir: None }
    }

    /// The machine code of `wasm` for `engine`, and whether it was found or just compiled.
    ///
    /// # Errors
    /// When `wasm` isn't a component, or not one that this engine can compile.
    pub fn get(&self, engine: &Engine, wasm: &[u8]) -> wasmtime::Result<(Artifact, Origin)> {
        let path = self
            .dir
            .as_ref()
            .map(|dir| dir.join(file_name(engine, wasm)));
        let facts = Facts::of(wasm)?;
        if let Some(code) = path.as_deref().and_then(read) {
            let artifact = Artifact { code, facts };
            if artifact.load(engine).is_ok() {
                return Ok((artifact, Origin::Cache));
            }
        }
        let code = engine.precompile_component(wasm)?;
        if let Some(path) = &path
            && let Err(error) = write(path, &code)
        {
            tracing::warn!(%error, "the compiled component could not be kept for the next start");
        }
        let artifact = Artifact {
            code: code.into(),
            facts,
        };
        Ok((artifact, Origin::Compiled))
    }
}

/// Where the machine code of a component came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was on disk.
    Cache,
    /// It was compiled just now.
    Compiled,
}

/// The engine's hash covers Wasmtime's version, its settings and the CPU's features.
fn file_name(engine: &Engine, wasm: &[u8]) -> String {
    let mut settings = std::hash::DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut settings);
    let content = blake3::hash(wasm).to_hex();
    format!("{}-{:016x}.cwasm", &content[..32], settings.finish())
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
                _ => {}
            }
        }
        Ok(facts)
    }
}

/// A file is the digest of the code, and then the code.
fn read(path: &Path) -> Option<Arc<[u8]>> {
    let file = fs::read(path).ok()?;
    let (digest, code) = file.split_at_checked(blake3::OUT_LEN)?;
    (blake3::hash(code).as_bytes() == digest).then(|| code.into())
}

fn write(path: &Path, code: &[u8]) -> io::Result<()> {
    // Two servers may start at once: each writes its own file, and the rename is atomic.
    let partial = path.with_extension(format!("{}.partial", std::process::id()));
    let mut file = fs::OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(&partial)?;
    let written = file
        .write_all(blake3::hash(code).as_bytes())
        .and_then(|()| file.write_all(code))
        .and_then(|()| fs::rename(&partial, path));
    if written.is_err() {
        let _ = fs::remove_file(&partial);
    }
    written
}
