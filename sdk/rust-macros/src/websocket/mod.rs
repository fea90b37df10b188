//! `#[websocket]`.

mod exports;
mod module;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, ItemMod};

use crate::input;

/// The author's module with the component's exports in it, or the errors.
pub(crate) fn websocket(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(arguments, item.clone()).unwrap_or_else(|errors| {
        let errors = errors.to_compile_error();
        // The module as it was, so that what names it finds it.
        quote! { #item #errors }
    })
}

fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream, Error> {
    let on = "a module: `mod room { ... }`";
    let module: ItemMod = input::parse("websocket", on, arguments, item)?;
    let websocket = module::parse(&module)?;
    let exports = exports::exports(&websocket);
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
            #exports
        }
    })
}
