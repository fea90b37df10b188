//! Modules, compiled to bytecode.

use rquickjs::module::WriteOptions;
use rquickjs::{
    CatchResultExt, Context, Ctx, Error, Module, Object, Promise, Result, Runtime, Value, qjs,
};

use crate::build::{self, Source};
use crate::engine::STACK;

/// Compiles the runtime and the author's bundle, and tells the build their bytecode.
///
/// The snapshot is taken of another instance: in it, objects lie close together, for no compiler has
/// left holes between them.
pub(crate) fn compile_all() {
    let runtime = WriteOptions {
        strip_source: true,
        ..WriteOptions::default()
    };
    let bundle = build::source(Source::Bundle);
    let all = [
        (Source::Runtime, "runtime.js", RUNTIME.as_bytes(), runtime),
        (
            Source::Bundle,
            "bundle.js",
            &bundle,
            WriteOptions::default(),
        ),
    ];
    for (module, name, source, options) in all {
        match compile(name, source, options) {
            Ok(bytecode) => build::compiled(module, &bytecode),
            Err(why) => return build::fail(&why),
        }
    }
}

/// The bytecode of a module, which may import `rusm`.
fn compile(
    name: &str,
    source: &[u8],
    options: WriteOptions,
) -> std::result::Result<Vec<u8>, String> {
    let text = |error: Error| error.to_string();
    let runtime = Runtime::new().map_err(text)?;
    runtime.set_max_stack_size(STACK);
    let context = Context::full(&runtime).map_err(text)?;
    context.with(|ctx| {
        Module::declare(ctx.clone(), "rusm", "")
            .and_then(|_| Module::declare(ctx.clone(), name, source)?.write(options))
            .catch(&ctx)
            .map_err(|error| error.to_string())
    })
}

/// Evaluates a module that was compiled, and gives its namespace.
pub(crate) fn evaluate<'js>(ctx: &Ctx<'js>, bytecode: Vec<u8>) -> Result<Object<'js>> {
    // The functions refer to it as long as they live.
    let bytecode = Vec::leak(bytecode);
    let raw = ctx.as_raw().as_ptr();
    let flags = qjs::JS_READ_OBJ_BYTECODE | qjs::JS_READ_OBJ_ROM_DATA;
    // SAFETY: the bytecode is QuickJS's own, of this build, and stays; the module is the context's,
    // and evaluating takes the one reference that we have to it.
    unsafe {
        let module = qjs::JS_ReadObject(raw, bytecode.as_ptr(), bytecode.len() as _, flags as _);
        if qjs::JS_IsException(module) || qjs::JS_ResolveModule(raw, module) < 0 {
            return Err(Error::Exception);
        }
        let definition = qjs::JS_VALUE_GET_PTR(module).cast();
        let evaluated = qjs::JS_EvalFunction(raw, module);
        if qjs::JS_IsException(evaluated) {
            return Err(Error::Exception);
        }
        let evaluated: Promise = Value::from_raw(ctx.clone(), evaluated).get()?;
        evaluated.finish::<Value>()?;
        Value::from_raw(ctx.clone(), qjs::JS_GetModuleNamespace(raw, definition)).get()
    }
}

/// The web platform and the module `rusm`, which are evaluated before the author's bundle.
const RUNTIME: &str = include_str!("../../runtime/dist/runtime.js");
