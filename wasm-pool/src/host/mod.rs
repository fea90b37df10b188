//! What a guest can ask of the host: the imports of `rusm:runtime`.

mod actor;
#[cfg(feature = "wasi-http")]
mod client;
#[cfg(not(feature = "wasi-http"))]
#[path = "client_absent.rs"]
mod client;
mod diagnostics;
mod kv;
mod log;
mod pg;
mod serve;
mod stdio;
mod streams;
mod typescript;

use wasmtime::Engine;
use wasmtime::component::{HasSelf, Linker};

use crate::sandbox::HostState;
use crate::shape::Shape;

pub(crate) use actor::{ActorState, Answering, Exit, into_wit};
pub(crate) use bindings::exports::rusm::runtime::websocket::Frame as WebSocketFrame;
pub(crate) use bindings::rusm::runtime::actor::Mail;
pub use bindings::rusm::runtime::serve::ConnectionInfo;
pub(crate) use diagnostics::{Diagnostics, Level};
pub(crate) use serve::{Client, HttpClient};
pub(crate) use stdio::{LogLines, StreamInto};

/// The host's side of the WIT, generated.
#[allow(missing_docs, clippy::all, reason = "generated")]
pub(crate) mod bindings {
    wasmtime::component::bindgen!({
        inline: "
            package rusm:host;
            world host {
                import rusm:runtime/actor@0.1.0;
                import rusm:runtime/client@0.1.0;
                import rusm:runtime/kv@0.1.0;
                import rusm:runtime/log@0.1.0;
                import rusm:runtime/pg@0.1.0;
                import rusm:runtime/serve@0.1.0;
                import rusm:runtime/streams@0.1.0;
                export rusm:runtime/sse@0.1.0;
                export rusm:runtime/websocket@0.1.0;
            }
        ",
        path: "../wit",
        imports: {
            "rusm:runtime/actor.own-pid": trappable,
            "rusm:runtime/actor.trap-exit": trappable,
            "rusm:runtime/actor.exit": trappable,
            "rusm:runtime/actor.stash": trappable,
            "rusm:runtime/actor.unstash": trappable,
            "rusm:runtime/actor.caller": trappable,
            "rusm:runtime/actor.reply-stream": trappable,
            "rusm:runtime/actor.register": trappable,
            "rusm:runtime/actor.whereis": trappable,
            "rusm:runtime/actor.unregister": trappable,
            "rusm:runtime/actor.set-label": trappable,
            "rusm:runtime/actor.cancel-timer": trappable,
            "rusm:runtime/log": trappable,
            "rusm:runtime/pg.register-tag": trappable,
            "rusm:runtime/pg.unregister-tag": trappable,
            "rusm:runtime/pg.whereis-tag": trappable,
            "rusm:runtime/serve.connection": trappable,
            "rusm:runtime/serve.respond": trappable,
            "rusm:runtime/streams.stream-close": trappable,
            "rusm:runtime/streams.stream-failure": trappable,
            default: async | trappable,
        },
    });
}

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

    pub(crate) fn of(&self, shape: &Shape) -> &Linker<HostState> {
        if shape.imports_wasi {
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
    bindings::Host_::add_to_linker::<_, HasSelf<HostState>>(&mut linker, |state| state)?;
    Ok(linker)
}
