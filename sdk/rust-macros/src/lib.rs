//! The attribute macros of `rusm-rs`, which re-exports them: depend on that crate.

mod actions;
mod expand;
mod world;

use proc_macro::TokenStream;

/// Makes the public functions of an inline module the actions of this component.
///
/// An action takes the `Request` and, if it wants them, the route's `Params`; it returns a
/// `Response`, or a `Result<Response, E>` where `E: IntoResponse`. Functions that are not `pub`
/// are helpers.
///
/// ```ignore
/// use rusm_rs::{Params, Request, Response};
///
/// #[rusm_rs::handlers]
/// pub mod handlers {
///     use super::*;
///
///     pub fn list_users(_request: Request) -> Response {
///         Response::text("Ada\n")
///     }
///
///     pub fn user(_request: Request, params: Params) -> Response {
///         Response::text(greeting(params.get("id").unwrap_or_default()))
///     }
///
///     fn greeting(id: &str) -> String {
///         format!("user {id}\n")
///     }
/// }
/// ```
///
/// Each action is exported by its name in kebab case, as WIT has it, and so it is called in a
/// route of `rusm.toml`: `"GET /users" = "hello#list-users"`.
///
/// There is one such module in a component. Compiled to WebAssembly, the attribute also installs
/// the guest's global allocator.
#[proc_macro_attribute]
pub fn handlers(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::handlers(arguments.into(), item.into()).into()
}
