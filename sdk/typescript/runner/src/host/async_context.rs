//! What jobs inherit from the code that has asked for them (`quickjs.patch`).

use rquickjs::{Ctx, Object, Result, Value, qjs};

use super::define;

pub(super) fn define_on<'js>(ctx: &Ctx<'js>, object: &Object<'js>) -> Result<()> {
    define!(ctx, object, {
        "asyncContext": get,
        "setAsyncContext": set,
    });
    Ok(())
}

unsafe extern "C" {
    #[link_name = "rusm_async_context"]
    fn context(ctx: *mut qjs::JSContext) -> qjs::JSValue;
    #[link_name = "rusm_set_async_context"]
    fn set_context(ctx: *mut qjs::JSContext, context: qjs::JSValue);
}

fn get(ctx: Ctx<'_>) -> Value<'_> {
    // SAFETY: the context lives, and the value is a new reference.
    unsafe { Value::from_raw(ctx.clone(), context(ctx.as_raw().as_ptr())) }
}

fn set<'js>(ctx: Ctx<'js>, value: Value<'js>) {
    // SAFETY: the context lives, and it takes a reference for itself.
    unsafe { set_context(ctx.as_raw().as_ptr(), value.as_raw()) };
}
