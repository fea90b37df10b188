//! The connection that the process serves, and requests to other servers.

use rquickjs::{Ctx, Error, Object, Result};

use super::{
    Bytes, buffer, bytes_of, define, flat, flat_headers, paired_headers, throw, throw_kind, whole,
};
use crate::bindings::rusm::runtime::{client, serve};
use crate::entry;

pub(super) fn define_on<'js>(ctx: &Ctx<'js>, host: &Object<'js>) -> Result<()> {
    define!(ctx, host, {
        "connection": connection,
        "respond": |ctx: Ctx<'js>, status: u16, headers: Vec<String>| {
            serve::respond(status, &paired_headers(&headers)).map_err(|error| throw(&ctx, &error))?;
            entry::set_responded();
            Ok::<_, Error>(())
        },
        "write": |chunk: Bytes<'js>| serve::write(bytes_of(&chunk)),
        "wsSendText": |text: String| serve::ws_send_text(text.as_bytes()),
        "wsSendBinary": |bytes: Bytes<'js>| serve::ws_send_binary(bytes_of(&bytes)),
        "wsClose": |code: u16, reason: String| serve::ws_close(code, &reason),
        "fetch": fetch,
    });
    Ok(())
}

fn connection(ctx: Ctx<'_>) -> Result<Option<Object<'_>>> {
    let Some(info) = serve::connection() else {
        return Ok(None);
    };
    let object = Object::new(ctx)?;
    object.set("method", info.method)?;
    object.set("path", info.path)?;
    object.set("query", info.query)?;
    object.set("params", flat(info.params))?;
    object.set("headers", flat(info.headers))?;
    object.set("remoteAddr", info.remote_addr)?;
    object.set("subprotocol", info.subprotocol)?;
    Ok(Some(object))
}

fn fetch<'js>(
    ctx: Ctx<'js>,
    method: String,
    url: String,
    headers: Vec<String>,
    body: Bytes<'js>,
    timeout_ms: f64,
    max_body: f64,
) -> Result<Object<'js>> {
    let outgoing = client::Outgoing {
        method,
        url,
        headers: paired_headers(&headers),
        body: bytes_of(&body).to_vec(),
        timeout_ms: whole(timeout_ms),
        max_body: whole(max_body),
    };
    let fetched = client::fetch(&outgoing).map_err(|error| {
        use client::FetchError;
        let (kind, text) = match error {
            FetchError::Denied(host) => ("denied", host),
            FetchError::Invalid(why) => ("invalid", why),
            FetchError::Unreachable(why) => ("unreachable", why),
            FetchError::Timeout => ("timeout", String::new()),
            FetchError::TooLarge => ("too-large", String::new()),
            FetchError::Failed(why) => ("failed", why),
        };
        throw_kind(&ctx, kind, &text)
    })?;
    let object = Object::new(ctx.clone())?;
    object.set("status", fetched.status)?;
    object.set("headers", flat_headers(fetched.headers))?;
    object.set("body", buffer(&ctx, fetched.body)?)?;
    Ok(object)
}
