//! `#[service]` and `#[client]`.

mod client;
mod exports;
mod functions;
mod module;
mod signatures;

pub(crate) use exports::{bindings, core_name, core_on_mail};

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Ident, ItemTrait, Visibility};

use self::module::Service;
use crate::input;
use crate::module::{Module, expanded};

/// The author's module with a client and the component's exports in it, or the errors.
pub(crate) fn service(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expanded(item, |item| {
        let module = Module::parse("service", "counter", arguments, item)?;
        let service = module::parse(&module)?;
        let (client, exports) = (client_of(&service), exports::exports(&service));
        Ok(module.with(quote! { #client #exports }))
    })
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

fn client_of(service: &Service) -> TokenStream {
    let docs: [syn::Attribute; 1] = [syn::parse_quote!(
        #[doc = "Calls the functions of this service, in whatever process it runs."]
    )];
    client::client(
        &docs,
        &Visibility::Public(Default::default()),
        &Ident::new("Client", Span::call_site()),
        &service.functions,
    )
}
