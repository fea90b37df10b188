//! Tests of Test262, one a line of stdin, as JSON for the driver's `runTest`: a line of stdout has what
//! became of each. Every test has an engine of its own.

use std::io::{Write, stdin, stdout};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use rquickjs::{Context, Function, Runtime};

pub fn run(mut files: impl Iterator<Item = String>) -> ExitCode {
    let mut next = || std::fs::read_to_string(files.next().unwrap_or_default());
    let (Ok(runtime_js), Ok(driver)) = (next(), next()) else {
        eprintln!("usage: harness test262 RUNTIME.js DRIVER.js");
        return ExitCode::FAILURE;
    };
    let all = move || {
        for test in stdin().lines() {
            let outcome = test.map(|test| outcome(&runtime_js, &driver, &test));
            let Ok(outcome) = outcome else { break };
            let line = outcome.replace('\n', " ");
            let told = writeln!(stdout(), "{line}").and_then(|()| stdout().flush());
            if told.is_err() {
                break;
            }
        }
    };
    let running = thread::Builder::new().stack_size(64 << 20).spawn(all);
    running.expect("a thread").join().expect("it ends");
    ExitCode::SUCCESS
}

fn outcome(runtime_js: &str, driver: &str, test: &str) -> String {
    let runtime = Runtime::new().expect("a QuickJS runtime");
    runtime.set_max_stack_size(4 << 20);
    runtime.set_memory_limit(256 << 20);
    let context = Context::full(&runtime).expect("a QuickJS context");
    let begun = Instant::now();
    runtime.set_interrupt_handler(Some(Box::new(move || begun.elapsed() > LONGEST)));
    let script = |source: &str| context.with(|ctx| super::script(&ctx, "setup.js", source));
    context
        .with(|ctx| super::host::define(&ctx))
        .expect("the host");
    script(super::FAKE_HOST);
    script(runtime_js);
    script(TAKE_RUNNER);
    script(&format!(
        "globalThis.__runTest = (() => {{ {driver}\nreturn runTest; }})()"
    ));
    script(BEGIN);
    let begin = context.with(|ctx| {
        let run: Function = ctx.globals().get("__begin")?;
        run.call::<_, ()>((test,))
    });
    if begin.is_err() {
        return "it could not be begun".to_owned();
    }
    loop {
        while let Ok(true) | Err(_) = runtime.execute_pending_job() {}
        let (outcome, goes_on) = context.with(|ctx| {
            let outcome = ctx
                .eval::<Option<String>, _>("__outcome()")
                .unwrap_or_default();
            (outcome, ctx.eval::<bool, _>("__turn()").unwrap_or(false))
        });
        match outcome {
            Some(outcome) => return outcome,
            None if !goes_on => return "the promise never settles".to_owned(),
            None => {}
        }
    }
}

/// Takes the runtime's entries, and what no instance has, out of the global object.
const TAKE_RUNNER: &str = "(() => {
    const runner = globalThis[Symbol.for('rusm.runner')];
    runner.describe({ default: () => {} });
    for (const name of ['__fake', '__told', '__host', 'print', 'readFile']) delete globalThis[name];
    delete globalThis[Symbol.for('rusm.runner')];
    Object.defineProperty(globalThis, '__turn', { value: () => runner.turn() });
})()";
/// What the test has no hold of is made before it runs.
const BEGIN: &str = "(() => {
    const { __runTest: run, JSON: { parse }, String: text } = globalThis;
    delete globalThis.__runTest;
    let outcome;
    Object.defineProperty(globalThis, '__outcome', { value: () => outcome });
    Object.defineProperty(globalThis, '__begin', { value: async (test) => { outcome = await run(parse(test)); } });
})()";
const LONGEST: Duration = Duration::from_secs(20);
