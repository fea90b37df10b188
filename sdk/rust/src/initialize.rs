//! The start of an instance: the constructors of its C code and of crates such as `ctor`.
//!
//! Without a function that refers to them, the linker takes the module for a command, whose every
//! export is a whole run of a program: it wraps each, `cabi_realloc` included, in a function that
//! first calls all constructors and then all destructors. In an instance that lives on, the second
//! call would undo what the first one left.

unsafe extern "C" {
    /// The linker's own: calls each constructor once.
    fn __wasm_call_ctors();
}

/// Called by the host before anything else (component-model, `BuildTargets.md`). If there is no
/// constructor, `rusm build` drops it, since it costs an instance a core module.
#[unsafe(export_name = "cm32p2_initialize")]
extern "C" fn initialize() {
    // SAFETY: nothing was called before, and the host calls this once.
    unsafe { __wasm_call_ctors() }
}
