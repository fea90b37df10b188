//! The one QuickJS context of an instance, and the loop that runs an entry to its end.

use std::cell::{Cell, RefCell};

use rquickjs::function::This;
use rquickjs::{
    CatchResultExt, Context, Ctx, Function, Module, Object, Persistent, Runtime, Value,
};

use crate::bindings::rusm::runtime::log::{LogLevel, log};
use crate::build::Source;
use crate::entry::{self, Ended};
use crate::memory::{self, Heap};
use crate::{build, compile, host};

/// Bytes of the guest's stack, of 512 KiB, that JavaScript may take before it gets a `RangeError`;
/// the rest is for the engine's own functions. The machine's stack, whose end is a trap and no
/// exception, is used up three and a half times as fast at most (`JS_STACK_PAD` in
/// `quickjs.patch`): the host has 2 MiB of it (`wasm-pool/src/pool/engine.rs`).
pub(crate) const STACK: usize = 384 << 10;
/// Bytes of heap from which cycles are looked for. Most instances end long before.
const GC_THRESHOLD: usize = 16 << 20;

struct Engine {
    runtime: Runtime,
    context: Context,
    entries: Persistent<Object<'static>>,
}

thread_local! {
    static ENGINE: RefCell<Option<Engine>> = const { RefCell::new(None) };
    /// The entry that is told of rejections.
    static NOTE_REJECTION: RefCell<Option<Persistent<Function<'static>>>> = const { RefCell::new(None) };
    /// Rejections were noted, and not reported.
    static NOTED: Cell<bool> = const { Cell::new(false) };
}

/// Evaluate the compiled runtime and the author's bundle, and tell the build what it exports.
pub(crate) fn initialise() {
    match start() {
        Ok((engine, description)) => {
            ENGINE.set(Some(engine));
            host::clock_and_random::forget_seed();
            build::describe(&description);
        }
        Err(why) => build::fail(&why),
    }
}

/// Whether this is an instance, and not its making.
pub(crate) fn is_running() -> bool {
    ENGINE.with_borrow(Option::is_some)
}

/// Begin an entry by this function of the runtime's, and run it to its end.
pub(crate) fn run(
    name: &str,
    call: impl for<'js> FnOnce(&Ctx<'js>, Function<'js>) -> rquickjs::Result<()>,
) -> Option<Ended> {
    ENGINE.with_borrow(|engine| {
        let engine = engine.as_ref()?;
        engine.context.with(|ctx| {
            let begun = engine
                .entries
                .clone()
                .restore(&ctx)
                .and_then(|entries| call(&ctx, entries.get(name)?));
            if let Err(error) = begun.catch(&ctx) {
                entry::end(Ended::Failed(error.to_string()));
            }
        });
        engine.settle();
        entry::take_end()
    })
}

impl Engine {
    /// Run jobs and timers until the entry has ended.
    fn settle(&self) {
        loop {
            loop {
                match self.runtime.execute_pending_job() {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => error.0.with(|ctx| {
                        let thrown = format!("{:?}", ctx.catch());
                        log(LogLevel::Error, &format!("uncaught: {thrown}"));
                    }),
                }
            }
            if NOTED.replace(false) {
                // Events, of which listeners may add jobs.
                self.call("reportRejections");
                continue;
            }
            if entry::has_ended() {
                return;
            }
            let goes_on = self.context.with(|ctx| {
                let entries = self.entries.clone().restore(&ctx)?;
                entries.get::<_, Function>("turn")?.call::<_, bool>(())
            });
            if !goes_on.unwrap_or(false) {
                entry::end(Ended::Failed("the promise never settles".to_owned()));
                return;
            }
        }
    }
}

impl Engine {
    /// Calls an entry that takes and gives nothing.
    fn call(&self, name: &str) {
        self.context.with(|ctx| {
            let entries = self.entries.clone().restore(&ctx);
            let called =
                entries.and_then(|entries| entries.get::<_, Function>(name)?.call::<_, ()>(()));
            if let Err(error) = called.catch(&ctx) {
                log(LogLevel::Error, &format!("uncaught: {error}"));
            }
        });
    }
}

/// Tells the runtime of each promise that is rejected without a handler, and of a handler that comes
/// late.
fn note_rejection<'js>(ctx: Ctx<'js>, promise: Value<'js>, reason: Value<'js>, is_handled: bool) {
    // There is none before the runtime is evaluated.
    let Some(note) = NOTE_REJECTION.with_borrow(Clone::clone) else {
        return;
    };
    NOTED.set(true);
    let noted = note
        .restore(&ctx)
        .and_then(|note| note.call::<_, ()>((promise, reason, is_handled)));
    // What can fail there is the memory, of which the guest then learns by itself.
    drop(noted.catch(&ctx));
}

fn start() -> Result<(Engine, String), String> {
    let runtime = Runtime::new_with_alloc(Heap).map_err(|error| error.to_string())?;
    runtime.set_max_stack_size(STACK);
    runtime.set_gc_threshold(GC_THRESHOLD);
    runtime.set_host_promise_rejection_tracker(Some(Box::new(note_rejection)));
    let context = Context::full(&runtime).map_err(|error| error.to_string())?;
    let evaluated = context.with(|ctx| {
        evaluate(&ctx)
            .catch(&ctx)
            .map_err(|error| error.to_string())
    });
    if evaluated.is_err() {
        // It must not outlive the runtime.
        NOTE_REJECTION.set(None);
    }
    let (entries, description) = evaluated?;
    let engine = Engine {
        runtime,
        context,
        entries,
    };
    Ok((engine, description))
}

fn evaluate<'js>(ctx: &Ctx<'js>) -> rquickjs::Result<(Persistent<Object<'static>>, String)> {
    ctx.globals().set("__host", host::object(ctx)?)?;
    compile::evaluate(ctx, build::source(Source::Runtime))?;
    let entries: Object = ctx.eval(TAKE_ENTRIES)?;
    let note: Function = entries.get("rejection")?;
    NOTE_REJECTION.set(Some(Persistent::save(ctx, note)));
    let exports: String = ctx.eval(MODULE_SOURCE)?;
    let (_module, evaluated) = Module::declare(ctx.clone(), "rusm", exports)?.eval()?;
    evaluated.finish::<Value>()?;

    let namespace = compile::evaluate(ctx, build::source(Source::Bundle))?;
    let describe: Function = entries.get("describe")?;
    let description = describe.call((This(entries.clone()), namespace))?;
    let entries = Persistent::save(ctx, entries);
    NOTED.set(false);
    memory::seal(ctx);
    Ok((entries, description))
}

const TAKE_ENTRIES: &str = "(() => {
    const key = Symbol.for('rusm.runner');
    const entries = globalThis[key];
    delete globalThis[key];
    return entries;
})()";
/// Of the module `rusm`, which re-exports what the runtime left.
const MODULE_SOURCE: &str = "'const all = globalThis[Symbol.for(\"rusm\")];'
    + Object.keys(globalThis[Symbol.for('rusm')]).map((name) => `export const ${name} = all.${name};`).join('')";
