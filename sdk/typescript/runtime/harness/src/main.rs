//! Runs scripts inside QuickJS as the runner does: a host, `runtime.js`, then the scripts.
//!
//! `harness RUNTIME.js FILE...`: each file is evaluated in one context; a name that ends with `.mjs`
//! is a module, whose namespace is left in `globalThis.__module`. The scripts drive the runtime by
//! `globalThis.__runner` and see what it told its host in `globalThis.__told`.
//!
//! `harness test262 RUNTIME.js DRIVER.js`: see `test262`.

mod host;
mod test262;

use std::process::ExitCode;

use rquickjs::{CatchResultExt, Context, Ctx, Module, Runtime, Value};

const FAKE_HOST: &str = include_str!("fake-host.js");

fn main() -> ExitCode {
    let mut files = std::env::args().skip(1);
    let Some(runtime_js) = files.next() else {
        eprintln!("usage: harness RUNTIME.js FILE...");
        return ExitCode::FAILURE;
    };
    if runtime_js == "test262" {
        return test262::run(files);
    }
    let runtime = Runtime::new().expect("a QuickJS runtime");
    runtime.set_max_stack_size(4 << 20);
    let context = Context::full(&runtime).expect("a QuickJS context");
    context.with(|ctx| host::define(&ctx)).expect("the host");
    context.with(|ctx| script(&ctx, "fake-host.js", FAKE_HOST));
    let mut good = context.with(|ctx| file(&ctx, &runtime_js));
    good &= context.with(|ctx| {
        let take = "globalThis.__runner = globalThis[Symbol.for('rusm.runner')];";
        script(&ctx, "harness.js", take) && rusm_module(&ctx)
    });
    for path in files {
        if !good {
            break;
        }
        good = context.with(|ctx| file(&ctx, &path));
        good &= turns(&runtime, &context);
    }
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Until nothing is left to be done.
fn turns(runtime: &Runtime, context: &Context) -> bool {
    loop {
        loop {
            match runtime.execute_pending_job() {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    let stack = error.0.with(|ctx| format!("{:?}", ctx.catch()));
                    eprintln!("uncaught in a job: {stack}");
                }
            }
        }
        let more = context.with(|ctx| {
            ctx.eval::<bool, _>("globalThis.__turn ? __turn() : __runner.turn()")
                .catch(&ctx)
                .unwrap_or_else(|error| {
                    eprintln!("uncaught in a turn: {error}");
                    true
                })
        });
        if !more {
            return true;
        }
    }
}

fn file(ctx: &Ctx<'_>, path: &str) -> bool {
    let Ok(source) = std::fs::read_to_string(path) else {
        eprintln!("{path}: cannot be read");
        return false;
    };
    if path.ends_with(".mjs") {
        module(ctx, path, &source)
    } else {
        script(ctx, path, &source)
    }
}

fn script(ctx: &Ctx<'_>, name: &str, source: &str) -> bool {
    let mut options = rquickjs::context::EvalOptions::default();
    options.filename = Some(name.to_owned());
    options.strict = false;
    match ctx
        .eval_with_options::<Value, _>(source, options)
        .catch(ctx)
    {
        Ok(_) => true,
        Err(error) => {
            eprintln!("{name}: {error}");
            false
        }
    }
}

fn module(ctx: &Ctx<'_>, name: &str, source: &str) -> bool {
    let evaluated = Module::declare(ctx.clone(), name, source)
        .and_then(Module::eval)
        .and_then(|(module, promise)| {
            promise.finish::<Value>()?;
            ctx.globals().set("__module", module.namespace()?)
        });
    match evaluated.catch(ctx) {
        Ok(()) => true,
        Err(error) => {
            eprintln!("{name}: {error}");
            false
        }
    }
}

/// The module `rusm`, which re-exports what the runtime left.
fn rusm_module(ctx: &Ctx<'_>) -> bool {
    let names = "Object.keys(globalThis[Symbol.for('rusm')]).map((n) => `export const ${n} = all.${n};`).join('')";
    let source = ctx
        .eval::<String, _>(names)
        .map(|exports| format!("const all = globalThis[Symbol.for('rusm')]; {exports}"));
    match source.and_then(|source| Module::declare(ctx.clone(), "rusm", source)) {
        Ok(module) => module.eval().is_ok(),
        Err(_) => false,
    }
}
