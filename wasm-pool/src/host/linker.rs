//! The host's functions, put together for components to import.

use wasmtime::Engine;
use wasmtime::component::{HasSelf, Linker};

use super::{diagnostics, typescript};
use crate::bindings::Host_;
use crate::component::kind::ComponentType;
use crate::state::HostState;

/// One linker for components that import WASI, one for those that don't.
pub(crate) struct Linkers {
    lean: Linker<HostState>,
    wasi: Linker<HostState>,
}

impl Linkers {
    pub(crate) fn new(engine: &Engine) -> wasmtime::Result<Self> {
        let lean = runtime_linker(engine)?;
        let mut wasi = runtime_linker(engine)?;
        wasmtime_wasi::p2::add_to_linker_async(&mut wasi)?;
        #[cfg(feature = "wasi-http")]
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut wasi)?;
        Ok(Self { lean, wasi })
    }

    pub(crate) fn of(&self, ty: &ComponentType) -> &Linker<HostState> {
        if ty.imports_wasi {
            &self.wasi
        } else {
            &self.lean
        }
    }
}

fn runtime_linker(engine: &Engine) -> wasmtime::Result<Linker<HostState>> {
    let mut linker = Linker::new(engine);
    diagnostics::link(&mut linker)?;
    typescript::link(&mut linker)?;
    Host_::add_to_linker::<_, HasSelf<HostState>>(&mut linker, |state| state)?;
    Ok(linker)
}
