//! What there is only while the snapshot is made: the author's bundle, and whom to tell of it.

#[link(wasm_import_module = "rusm-js:build")]
unsafe extern "C" {
    #[link_name = "source-len"]
    fn source_len() -> usize;
    #[link_name = "source"]
    fn copy_source(to: *mut u8);
    #[link_name = "describe"]
    fn tell_description(json: *const u8, len: usize);
    #[link_name = "fail"]
    fn tell_failure(text: *const u8, len: usize);
}

/// The author's bundle.
pub(crate) fn source() -> Vec<u8> {
    // SAFETY: it takes nothing.
    let len = unsafe { source_len() };
    let mut source = vec![0; len];
    // SAFETY: it writes as many bytes as it said.
    unsafe { copy_source(source.as_mut_ptr()) };
    source
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
