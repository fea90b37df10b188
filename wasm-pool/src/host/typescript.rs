//! `rusm:typescript/host@0.1.0`: what the runner of TypeScript components needs beside
//! `rusm:runtime` (`sdk/typescript/runner/wit/runner.wit`). The SDK of Rust has WASI for it.

use std::time::{SystemTime, UNIX_EPOCH};

use wasmtime::StoreContextMut;
use wasmtime::component::Linker;

use crate::state::HostState;

/// Define `rusm:typescript/host@0.1.0`.
pub(super) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    let mut interface = linker.instance("rusm:typescript/host@0.1.0")?;
    interface.func_wrap("now", |_: StoreContextMut<'_, HostState>, ()| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let micros = since.map_or(0, |since| since.as_micros());
        Ok((u64::try_from(micros).unwrap_or(u64::MAX),))
    })?;
    // A cryptographic generator of this thread's, seeded by the kernel: a system call for each
    // eight bytes would be felt.
    interface.func_wrap("random", |_: StoreContextMut<'_, HostState>, ()| {
        Ok((rand::random::<u64>(),))
    })?;
    interface.func_wrap(
        "environment",
        |store: StoreContextMut<'_, HostState>, ()| {
            let granted = store.data().capabilities.env.iter();
            let granted: Vec<(String, String)> = granted
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            Ok((granted,))
        },
    )
}
