//! Modules with an attribute.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Error, Ident, Item, ItemFn, ItemMod, Visibility};

use crate::input;

/// The author's module, with its items.
pub(crate) struct Module(ItemMod);

impl Module {
    /// The module that `attribute` stands on; `example` is the name of one.
    pub(crate) fn parse(
        attribute: &str,
        example: &str,
        arguments: TokenStream,
        item: TokenStream,
    ) -> Result<Self, Error> {
        let on = format!("a module: `mod {example} {{ ... }}`");
        let module: ItemMod = input::parse(attribute, &on, arguments, item)?;
        if module.content.is_none() {
            let message = format!(
                "the module of `{attribute}` must be in the same file: `mod {example} {{ ... }}`"
            );
            return Err(Error::new_spanned(module, message));
        }
        Ok(Self(module))
    }

    pub(crate) fn ident(&self) -> &Ident {
        &self.0.ident
    }

    pub(crate) fn items(&self) -> &[Item] {
        self.0.content.as_ref().map_or(&[], |(_, items)| items)
    }

    /// Those that are no helpers.
    pub(crate) fn public_functions(&self) -> impl Iterator<Item = &ItemFn> {
        self.items().iter().filter_map(|item| match item {
            Item::Fn(function) if matches!(function.vis, Visibility::Public(_)) => Some(function),
            _ => None,
        })
    }

    /// The module as it was, and these items in it.
    pub(crate) fn with(mut self, items: TokenStream) -> TokenStream {
        if let Some((_, content)) = &mut self.0.content {
            content.push(Item::Verbatim(items));
        }
        self.0.into_token_stream()
    }
}

/// What the item became; if it could not, the item as it was, so that what names it finds it, and
/// the errors.
pub(crate) fn expanded(
    item: TokenStream,
    expand: impl FnOnce(TokenStream) -> Result<TokenStream, Error>,
) -> TokenStream {
    expand(item.clone()).unwrap_or_else(|errors| {
        let errors = errors.to_compile_error();
        quote! { #item #errors }
    })
}
