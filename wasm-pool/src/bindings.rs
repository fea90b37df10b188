//! The host's side of `rusm:runtime`, generated from `wit/`.
#![allow(missing_docs, clippy::all, reason = "generated")]

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

pub(crate) use exports::rusm::runtime::websocket::Frame as WebSocketFrame;
