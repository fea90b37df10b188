//! The host: its pure functions are those that ship; see `../../host.d.ts`.

use std::time::Instant;

use rquickjs::{ArrayBuffer, Ctx, Function, Object, Result};

/// Defines `globalThis.__host`.
pub fn define(ctx: &Ctx<'_>) -> Result<()> {
    let host = Object::new(ctx.clone())?;
    rusm_typescript_intrinsics::define_on(ctx, &host)?;
    let begun = Instant::now();
    host.set("random", Function::new(ctx.clone(), random)?)?;
    let monotonic = move || begun.elapsed().as_secs_f64() * 1000.0;
    host.set("monotonic", Function::new(ctx.clone(), monotonic)?)?;
    let sleep = |ms: f64| std::thread::sleep(std::time::Duration::from_secs_f64(ms / 1000.0));
    host.set("sleep", Function::new(ctx.clone(), sleep)?)?;
    let print = |text: String| println!("{text}");
    ctx.globals()
        .set("print", Function::new(ctx.clone(), print)?)?;
    let read_file = |path: String| std::fs::read_to_string(path).ok();
    ctx.globals()
        .set("readFile", Function::new(ctx.clone(), read_file)?)?;
    ctx.globals().set("__host", host)
}

fn random(ctx: Ctx<'_>, length: usize) -> Result<ArrayBuffer<'_>> {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).expect("the machine's randomness");
    ArrayBuffer::new(ctx, bytes)
}
