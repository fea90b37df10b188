//! Names in Rust and in WIT.

use heck::ToKebabCase;
use quote::format_ident;
use syn::Ident;
use syn::ext::IdentExt;

use crate::errors::Errors;

/// The name in kebab case, which WIT allows in ASCII alone (component-model, `WIT.md`,
/// "Identifiers"). `what` is
/// called so.
pub(crate) fn export(what: &str, ident: &Ident, errors: &mut Errors) -> String {
    let name = ident.unraw().to_string();
    let export = name.to_kebab_case();
    if !export.starts_with(|first: char| first.is_ascii_lowercase()) || !name.is_ascii() {
        let message =
            format!("the name of {what} has ASCII letters, digits and `_`, a letter first");
        errors.at(ident, message);
    }
    export
}

/// The method of wit-bindgen's `Guest` trait for an export.
pub(crate) fn method(export: &str) -> Ident {
    let name = export.replace('-', "_");
    // It marks Rust's keywords in this way.
    syn::parse_str(&name).unwrap_or_else(|_| format_ident!("{name}_"))
}
