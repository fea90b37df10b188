//! `rusm:runtime/diagnostics@0.1.0`: text for the operator's log, as it comes.

use wasmtime::StoreContextMut;
use wasmtime::component::Linker;

use crate::state::HostState;

/// Define `rusm:runtime/diagnostics@0.1.0`.
pub(super) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    type Words = (u32, u64, u64, u64, u64, u64, u64, u64, u64);
    let mut interface = linker.instance("rusm:runtime/diagnostics@0.1.0")?;
    interface.func_wrap(
        "write",
        |mut store: StoreContextMut<'_, HostState>,
         (len, w0, w1, w2, w3, w4, w5, w6, w7): Words| {
            let mut text = [0; 64];
            let words = [w0, w1, w2, w3, w4, w5, w6, w7];
            for (bytes, word) in text.chunks_exact_mut(8).zip(words) {
                bytes.copy_from_slice(&word.to_le_bytes());
            }
            let len = text.len().min(len as usize);
            store.data_mut().diagnostics.write(&text[..len]);
            Ok(())
        },
    )
}
