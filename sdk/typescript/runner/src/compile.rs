//! Modules, compiled to bytecode.

use rquickjs::module::WriteOptions;
use rquickjs::{
    CatchResultExt, Context, Ctx, Error, Module, Object, Promise, Result, Runtime, Value, qjs,
};

use crate::engine::COMPILER_STACK;
use crate::memory::Heap;

/// The bytecode of a module, which may import `rusm`.
///
/// It is compiled in a runtime of its own: what the compiler has used is free again before the
/// objects of the snapshot are made, and they lie close together.
pub(crate) fn compile(
    name: &str,
    source: &[u8],
    options: WriteOptions,
) -> std::result::Result<Vec<u8>, String> {
    let text = |error: Error| error.to_string();
    let runtime = Runtime::new_with_alloc(Heap).map_err(text)?;
    runtime.set_max_stack_size(COMPILER_STACK);
    let context = Context::full(&runtime).map_err(text)?;
    context.with(|ctx| {
        Module::declare(ctx.clone(), "rusm", "")
            .and_then(|_| Module::declare(ctx.clone(), name, source)?.write(options))
            .catch(&ctx)
            .map_err(|error| error.to_string())
    })
}

/// Evaluates a module that [`compile`] has compiled, and gives its namespace.
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
