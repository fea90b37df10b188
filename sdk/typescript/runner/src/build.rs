//! What there is only while the snapshot is made: the modules, and whom to tell of them.

#[link(wasm_import_module = "rusm-js:build")]
unsafe extern "C" {
    #[link_name = "source-len"]
    fn source_len(module: usize) -> usize;
    #[link_name = "source"]
    fn copy_source(module: usize, to: *mut u8);
    #[link_name = "compiled"]
    fn tell_compiled(module: usize, bytecode: *const u8, len: usize);
    #[link_name = "describe"]
    fn tell_description(json: *const u8, len: usize);
    #[link_name = "is-package"]
    fn ask_is_package(what: *const u8, what_len: usize, stack: *const u8, stack_len: usize) -> u32;
    #[link_name = "fail"]
    fn tell_failure(text: *const u8, len: usize);
}

/// A module that is evaluated.
#[derive(Clone, Copy)]
pub(crate) enum Source {
    /// The author's. It is text when it is compiled, and bytecode afterwards.
    Bundle,
    /// The runtime's.
    Runtime,
}

/// What the build has of a module.
pub(crate) fn source(module: Source) -> Vec<u8> {
    // SAFETY: it takes nothing.
    let len = unsafe { source_len(module as usize) };
    let mut source = vec![0; len];
    // SAFETY: it writes as many bytes as it said.
    unsafe { copy_source(module as usize, source.as_mut_ptr()) };
    source
}

/// The bytecode of a module, for the instance that the snapshot is taken of.
pub(crate) fn compiled(module: Source, bytecode: &[u8]) {
    // SAFETY: it reads these bytes, and keeps nothing.
    unsafe { tell_compiled(module as usize, bytecode.as_ptr(), bytecode.len()) };
}

/// Whether the code at the top of this stack is a package's; the build then notes what it asked for.
pub(crate) fn is_package(what: &str, stack: &str) -> bool {
    // SAFETY: it reads these bytes, and keeps nothing.
    unsafe { ask_is_package(what.as_ptr(), what.len(), stack.as_ptr(), stack.len()) != 0 }
}

/// What the bundle exports: JSON.
pub(crate) fn describe(json: &str) {
    // SAFETY: it reads these bytes, and keeps nothing.
    unsafe { tell_description(json.as_ptr(), json.len()) };
}

/// The bundle can't be used: why.
pub(crate) fn fail(text: &str) {
    // SAFETY: it reads these bytes, and keeps nothing.
    unsafe { tell_failure(text.as_ptr(), text.len()) };
}
