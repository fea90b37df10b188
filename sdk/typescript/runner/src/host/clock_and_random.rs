//! Clock, randomness, environment and log.

use std::cell::Cell;

use rquickjs::{ArrayBuffer, Ctx, Function, Object, Result};

use super::{buffer, define, flat};
use crate::bindings::rusm::runtime::log as runtime_log;
use crate::bindings::rusm::typescript::host;
use crate::{build, engine};

pub(super) fn define_on<'js>(ctx: &Ctx<'js>, object: &Object<'js>) -> Result<()> {
    define!(ctx, object, {
        "random": random,
        "monotonic": || host::now() as f64 / 1000.0,
        "environment": || flat(host::environment()),
        "log": log,
        "isPackage": |what: String, stack: String| build::is_package(&what, &stack),
    });
    let math: Object = ctx.globals().get("Math")?;
    math.set(
        "random",
        Function::new(ctx.clone(), math_random)?.with_name("random")?,
    )
}

thread_local! {
    /// The state of `Math.random`, once it was seeded.
    static RANDOM: Cell<Option<u64>> = const { Cell::new(None) };
}

/// The snapshot is taken: every instance has a seed of its own.
pub(crate) fn forget_seed() {
    RANDOM.set(None);
}

/// `Math.random`: SplitMix64, seeded by the host. QuickJS's own would have its seed in the snapshot.
fn math_random() -> f64 {
    let state = RANDOM.get().unwrap_or_else(|| {
        // What modules draw as they are evaluated is the same in every build.
        if engine::is_running() {
            host::random()
        } else {
            0
        }
    });
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    RANDOM.set(Some(state));
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

fn random(ctx: Ctx<'_>, length: usize) -> Result<ArrayBuffer<'_>> {
    let words = length.div_ceil(8);
    let mut bytes: Vec<u8> = (0..words)
        .flat_map(|_| host::random().to_le_bytes())
        .collect();
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
