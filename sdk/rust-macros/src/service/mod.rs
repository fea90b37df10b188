//! `#[service]` and `#[client]`.

mod client;
mod exports;
mod functions;
mod module;
mod signatures;

pub(crate) use exports::{bindings, core_name, core_on_mail};

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Error, Ident, ItemMod, ItemTrait, Visibility};

use crate::input;

/// The author's module with a client and the component's exports in it, or the errors.
pub(crate) fn service(arguments: TokenStream, item: TokenStream) -> TokenStream {
    match expand_service(arguments, item.clone()) {
        Ok(module) => module,
        // The module as it was, so that what names it finds it.
        Err(errors) => with_errors(item, &errors),
    }
}

/// The client in place of the author's trait, or the errors.
pub(crate) fn client(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let expanded = input::parse::<ItemTrait>(
        "client",
        "a trait: `trait Counter { fn increment(name: String) -> u64; }`",
        arguments,
        item,
    )
    .and_then(|item| {
        let functions = signatures::parse(&item)?;
        Ok(client::client(
            &item.attrs,
            &item.vis,
            &item.ident,
            &functions,
        ))
    });
    expanded.unwrap_or_else(|errors| errors.to_compile_error())
}

fn expand_service(arguments: TokenStream, item: TokenStream) -> Result<TokenStream, Error> {
    let on = "a module: `mod counter { ... }`";
    let module: ItemMod = input::parse("service", on, arguments, item)?;
    let service = module::parse(&module)?;
    let docs: [syn::Attribute; 1] = [syn::parse_quote!(
        #[doc = "Calls the functions of this service, in whatever process it runs."]
    )];
    let client = client::client(
        &docs,
        &Visibility::Public(Default::default()),
        &Ident::new("Client", Span::call_site()),
        &service.functions,
    );
    let exports = exports::exports(&service);
    let ItemMod {
        attrs,
        vis,
        ident,
        content,
        ..
    } = &module;
    let items = content.iter().flat_map(|(_, items)| items);
    Ok(quote! {
        #(#attrs)*
        #vis mod #ident {
            #(#items)*
            #client
            #exports
        }
    })
}

fn with_errors(item: TokenStream, errors: &Error) -> TokenStream {
    let errors = errors.to_compile_error();
    quote! { #item #errors }
}
