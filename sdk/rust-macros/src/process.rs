//! `#[main]`: a free-form process.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Error, ItemFn, ReturnType, Safety, spanned::Spanned};

use crate::errors::Errors;
use crate::module::expanded;
use crate::service::{bindings, core_name};
use crate::{input, world};

/// The author's function, and the export that calls it, or the errors.
pub(crate) fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expanded(item, |item| {
        let export = export(&parse(arguments, item.clone())?);
        Ok(quote! { #item #export })
    })
}

fn parse(arguments: TokenStream, item: TokenStream) -> Result<ItemFn, Error> {
    let function: ItemFn =
        input::parse("main", "a function: `fn main() { ... }`", arguments, item)?;
    let signature = &function.sig;
    let mut errors = Errors::default();
    if let Some(token) = &signature.asyncness {
        errors.at(
            token,
            "`main` is not async: what waits parks the process and frees the core",
        );
    }
    if let Safety::Unsafe(token) = &signature.safety {
        errors.at(token, "`main` is not unsafe");
    }
    if let Some(token) = &signature.abi {
        errors.at(token, "`main` is a plain Rust function");
    }
    if !signature.generics.params.is_empty() || !signature.inputs.is_empty() {
        errors.at(&signature.ident, "`main` takes nothing");
    }
    errors.or(function)
}

fn export(function: &ItemFn) -> TokenStream {
    let ident = &function.sig.ident;
    let span = match &function.sig.output {
        ReturnType::Default => ident.span(),
        ReturnType::Type(_, ty) => ty.span(),
    };
    let core_name = core_name(world::RUN);
    let bindings = bindings("main", &world::main(), false);
    let span = span.resolved_at(proc_macro2::Span::call_site());
    let check = quote_spanned! { span=> is_end(super::#ident); };
    quote! {
        #[doc(hidden)]
        #[allow(warnings, clippy::all, clippy::pedantic, missing_docs, unreachable_pub, unsafe_code)]
        mod __rusm_main {
            fn is_end<E: ::rusm_rs::service::End>(_main: fn() -> E) {}

            fn check() {
                #check
            }

            #[cfg(target_arch = "wasm32")]
            mod component {
                #[unsafe(export_name = #core_name)]
                extern "C" fn run() {
                    ::rusm_rs::service::run(super::super::#ident)
                }

                #bindings
            }
        }
    }
}
