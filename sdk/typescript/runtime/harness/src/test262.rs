//! Tests of Test262, one a line of stdin, as JSON for the driver's `runTest`: a line of stdout has what
//! became of each. Every test has an engine of its own: a process that is forked from one in which
//! the runtime has been evaluated, as an instance is made of a snapshot.

use std::cell::Cell;
use std::io::{Write, stdin, stdout};
use std::process::ExitCode;
use std::rc::Rc;
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
        let engine = Engine::new(&runtime_js, &driver);
        for test in stdin().lines() {
            let Ok(test) = test else { break };
            if !in_a_fork(|| print(&engine.outcome(&test))) {
                print("it has ended QuickJS");
            }
        }
    };
    let running = thread::Builder::new().stack_size(64 << 20).spawn(all);
    running.expect("a thread").join().expect("it ends");
    ExitCode::SUCCESS
}

fn print(outcome: &str) {
    let line = outcome.replace('\n', " ");
    let _ = writeln!(stdout(), "{line}").and_then(|()| stdout().flush());
}

/// Whether `job`, in a copy of this process, came to its end.
fn in_a_fork(job: impl FnOnce()) -> bool {
    // SAFETY: the copy has this thread alone, and the other one, which waits for it, holds no lock.
    match unsafe { libc::fork() } {
        0 => {
            job();
            // SAFETY: nothing of the copy is used after it.
            unsafe { libc::_exit(0) }
        }
        child => {
            let mut status = -1;
            // SAFETY: `status` is there for it to write to.
            let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
            child > 0 && waited == child && status == 0
        }
    }
}

struct Engine {
    runtime: Runtime,
    context: Context,
    /// When it is to be interrupted.
    deadline: Rc<Cell<Instant>>,
}

impl Engine {
    fn new(runtime_js: &str, driver: &str) -> Self {
        let runtime = Runtime::new().expect("a QuickJS runtime");
        runtime.set_max_stack_size(4 << 20);
        runtime.set_memory_limit(256 << 20);
        let context = Context::full(&runtime).expect("a QuickJS context");
        let deadline = Rc::new(Cell::new(Instant::now() + LONGEST));
        let ends = deadline.clone();
        runtime.set_interrupt_handler(Some(Box::new(move || Instant::now() > ends.get())));
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
        Self {
            runtime,
            context,
            deadline,
        }
    }

    fn outcome(&self, test: &str) -> String {
        self.deadline.set(Instant::now() + LONGEST);
        let begin = self.context.with(|ctx| {
            let run: Function = ctx.globals().get("__begin")?;
            run.call::<_, ()>((test,))
        });
        if begin.is_err() {
            return "it could not be begun".to_owned();
        }
        loop {
            while let Ok(true) | Err(_) = self.runtime.execute_pending_job() {}
            let (outcome, goes_on) = self.context.with(|ctx| {
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
}

/// Takes the runtime's entries, and what no instance has, out of the global object.
const TAKE_RUNNER: &str = "(() => {
    const runner = globalThis[Symbol.for('rusm.runner')];
    runner.describe({ default: () => {} });
    for (const name of ['__fake', '__told', '__host', 'print', 'readFile', 'Atomics']) delete globalThis[name];
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
