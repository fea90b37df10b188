//! Clock, randomness, environment, log.

use rquickjs::{ArrayBuffer, Ctx, Object, Result};

use super::{buffer, define, flat};
use crate::bindings::rusm::runtime::log as runtime_log;
use crate::bindings::rusm::typescript::host;

pub(super) fn define_on<'js>(ctx: &Ctx<'js>, object: &Object<'js>) -> Result<()> {
    define!(ctx, object, {
        "random": random,
        "monotonic": || host::now() as f64 / 1000.0,
        "environment": || flat(host::environment()),
        "log": log,
    });
    Ok(())
}

fn random(ctx: Ctx<'_>, length: usize) -> Result<ArrayBuffer<'_>> {
    let words = length.div_ceil(8);
    let mut bytes: Vec<u8> = (0..words).flat_map(|_| host::random().to_le_bytes()).collect();
    bytes.truncate(length);
    buffer(&ctx, bytes)
}

fn log(level: String, message: String) {
    let level = match level.as_str() {
        "error" => runtime_log::LogLevel::Error,
        "warn" => runtime_log::LogLevel::Warn,
        "info" => runtime_log::LogLevel::Info,
        _ => runtime_log::LogLevel::Debug,
    };
    runtime_log::log(level, &message);
}

/// QuickJS's only wish of the system: microseconds since 1970, for `Date`.
#[unsafe(no_mangle)]
extern "C" fn __rquickjs_host_now_us() -> f64 {
    host::now() as f64
}
