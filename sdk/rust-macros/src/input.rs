//! Input of an attribute: its arguments and its item.

use proc_macro2::TokenStream;
use syn::Error;
use syn::parse::Parse;

/// The item that an attribute without arguments stands on; `on` says what it should be.
pub(crate) fn parse<T: Parse>(
    attribute: &str,
    on: &str,
    arguments: TokenStream,
    item: TokenStream,
) -> Result<T, Error> {
    if !arguments.is_empty() {
        let message = format!("`{attribute}` takes no arguments");
        return Err(Error::new_spanned(arguments, message));
    }
    syn::parse2(item.clone()).map_err(|error| {
        // An item of another kind yields a better message than what the parser expected.
        match syn::parse2::<syn::Item>(item) {
            Ok(other) => Error::new_spanned(other, format!("`{attribute}` goes on {on}")),
            Err(_) => error,
        }
    })
}
