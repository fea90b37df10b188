//! What JavaScript can ask for: `../../runtime/host.d.ts`.

pub(crate) mod actors;
mod async_context;
pub(crate) mod clock_and_random;
mod connection;
mod request;
mod storage;

use rquickjs::{Ctx, Error, Exception, Object, Result};
use rusm_typescript_intrinsics::{Bytes, buffer, bytes_of};

use crate::bindings::rusm::runtime::actor::CallError;

/// Defines functions of an object, by their JavaScript names.
macro_rules! define {
    ($ctx:ident, $object:ident, { $($name:literal: $function:expr),* $(,)? }) => {
        $($object.set($name, rquickjs::Function::new($ctx.clone(), $function)?)?;)*
    };
}
use define;

/// All of it.
pub(crate) fn object<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let host = Object::new(ctx.clone())?;
    request::define_on(ctx, &host)?;
    rusm_typescript_intrinsics::define_on(ctx, &host)?;
    clock_and_random::define_on(ctx, &host)?;
    async_context::define_on(ctx, &host)?;
    connection::define_on(ctx, &host)?;
    actors::define_on(ctx, &host)?;
    storage::define_on(ctx, &host)?;
    Ok(host)
}

/// Names and values in turn, of values that are bytes: each a char (latin1).
pub(crate) fn flat_headers(headers: Vec<(String, Vec<u8>)>) -> Vec<String> {
    let latin1 = |value: Vec<u8>| value.into_iter().map(char::from).collect();
    flat(
        headers
            .into_iter()
            .map(|(name, value)| (name, latin1(value))),
    )
}

/// The reverse. A char that is no byte can't be sent: it is left for the host to refuse.
pub(crate) fn paired_headers(flat: &[String]) -> Vec<(String, Vec<u8>)> {
    let bytes = |value: &String| {
        let latin1 = value.chars().map(|char| u8::try_from(char).unwrap_or(0));
        latin1.collect()
    };
    let pairs = flat.chunks_exact(2);
    pairs
        .filter_map(|pair| Some((pair.first()?.clone(), bytes(pair.get(1)?))))
        .collect()
}

fn flat(pairs: impl IntoIterator<Item = (String, String)>) -> Vec<String> {
    let pairs = pairs.into_iter();
    pairs.flat_map(|(name, value)| [name, value]).collect()
}

fn paired(flat: &[String]) -> Vec<(String, String)> {
    let pairs = flat.chunks_exact(2);
    pairs
        .filter_map(|pair| Some((pair.first()?.clone(), pair.get(1)?.clone())))
        .collect()
}

/// Throws an error.
fn throw(ctx: &Ctx<'_>, message: &str) -> Error {
    Exception::throw_message(ctx, message)
}

/// Throws an error of a kind: the case of a WIT variant.
fn throw_kind(ctx: &Ctx<'_>, kind: &str, message: &str) -> Error {
    let thrown = Exception::from_message(ctx.clone(), message)
        .and_then(|exception| exception.as_object().set("kind", kind).map(|()| exception));
    match thrown {
        Ok(exception) => exception.throw(),
        Err(error) => error,
    }
}

fn throw_call(ctx: &Ctx<'_>, error: CallError) -> Error {
    let (kind, text) = match error {
        CallError::NoProcess => ("no-process", String::new()),
        CallError::MailboxFull => ("mailbox-full", String::new()),
        CallError::Died(why) => ("died", why),
        CallError::Timeout => ("timeout", String::new()),
        CallError::NoFunction(has) => ("no-function", has),
        CallError::Failed(why) => ("failed", why),
        CallError::Denied(grant) => ("denied", grant),
    };
    throw_kind(ctx, kind, &text)
}

/// A pid, or another handle, as JavaScript has it.
fn handle(ctx: &Ctx<'_>, text: &str) -> Result<u64> {
    text.parse()
        .map_err(|_| throw(ctx, &format!("`{text}` is no pid or handle")))
}

/// A duration or count of JavaScript's; what is negative or no number is 0.
fn whole(number: f64) -> u64 {
    number as u64
}
