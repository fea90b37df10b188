//! `#[handlers]`: the actions of a component.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::Ident;

use crate::module::{Module, expanded};
use crate::{names, world};

mod actions;

use actions::Action;

/// The author's module as it was, and the component's exports or the errors.
pub(crate) fn handlers(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expanded(item, |item| {
        let module = Module::parse("handlers", "handlers", arguments, item.clone())?;
        let exports = exports(module.ident(), &actions::parse(&module)?);
        Ok(quote! { #item #exports })
    })
}

fn exports(module: &Ident, actions: &[Action]) -> TokenStream {
    let entries = actions.iter().map(|action| entry(module, action));
    let methods = actions.iter().map(|Action { ident, export, .. }| {
        let method = names::method(export);
        quote! {
            fn #method(request: http::Request) -> http::Response {
                super::#ident(request)
            }
        }
    });
    let wit = world::handlers(actions.iter().map(|action| &*action.export));
    let interface = world::HTTP_INTERFACE;
    quote! {
        #[doc(hidden)]
        #[allow(warnings, clippy::all, clippy::pedantic, missing_docs, unreachable_pub, unsafe_code)]
        mod __rusm_handlers {
            use ::rusm_rs::__private::http;

            #(#entries)*

            #[cfg(target_arch = "wasm32")]
            mod component {
                use ::rusm_rs::__private::{http, wit_bindgen};

                // The prefix is that of the standard names of a component's core exports. The bare
                // names would be symbols that the C library has too, `write` for one.
                wit_bindgen::generate!({
                    inline: #wit,
                    path: [],
                    world: "handlers",
                    with: { #interface: ::rusm_rs::__private::http },
                    runtime_path: "::rusm_rs::__private::wit_bindgen::rt",
                    export_prefix: "cm32p2||",
                });

                struct Component;

                impl Guest for Component {
                    #(#methods)*
                }

                export!(Component);
            }
        }
    }
}

/// A function with the WIT signature that calls the author's. Where the author's types do not fit,
/// the compiler's error points at them, on any target.
fn entry(module: &Ident, action: &Action) -> TokenStream {
    const TRAITS: [(&str, &str); 3] = [
        ("FirstParameter", "request"),
        ("SecondParameter", "params"),
        ("ThirdParameter", "sse"),
    ];
    let Action {
        ident,
        parameters,
        output,
        ..
    } = action;
    let arguments = parameters
        .iter()
        .zip(TRAITS)
        .map(|(span, (parameter, value))| {
            let (parameter, value) = (format_ident!("{parameter}"), format_ident!("{value}"));
            quote_spanned! { here(span)=> ::rusm_rs::__private::#parameter::of(#value) }
        });
    let answer = Ident::new("answer", here(output));
    let (begin, end) = if action.sends_events() {
        (
            quote! { let (sse, action) = ::rusm_rs::__private::SseAction::new(&request); },
            quote_spanned! { here(output)=> action.end(#answer) },
        )
    } else {
        (
            quote! {},
            quote_spanned! { here(output)=> ::rusm_rs::__private::close(#answer) },
        )
    };
    quote! {
        fn #ident(request: http::Request) -> http::Response {
            let (request, params) = ::rusm_rs::__private::open(request);
            #begin
            let #answer = super::#module::#ident(#(#arguments),*);
            #end
        }
    }
}

/// The place of `span` for errors, with names resolved as in the rest of the expansion.
fn here(span: &Span) -> Span {
    span.resolved_at(Span::call_site())
}
