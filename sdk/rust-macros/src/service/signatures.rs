//! Parser of an author's trait: the functions that a client calls.

use syn::{Error, ItemTrait, TraitItem};

use super::functions::{self, Function};
use crate::errors::Errors;

/// The functions of a trait.
///
/// # Errors
/// All that is wrong, each at its place.
pub(crate) fn parse(item: &ItemTrait) -> Result<Vec<Function>, Error> {
    let mut errors = Errors::default();
    if !item.generics.params.is_empty() {
        errors.at(&item.generics, "a client is not generic");
    }
    let mut functions = Vec::new();
    for item in &item.items {
        let TraitItem::Fn(function) = item else {
            errors.at(item, NO_SIGNATURE);
            continue;
        };
        if let Some(body) = &function.default {
            errors.at(body, "the function is the service's: end it with `;`");
        }
        let parsed = functions::function(&function.attrs, &function.sig, &mut errors);
        if parsed.state {
            errors.at(
                function.sig.inputs.first(),
                "the state is the service's own: leave it out",
            );
        }
        functions.push(parsed);
    }
    functions::check_names(&functions, &mut errors);
    if functions.is_empty() {
        errors.at(&item.ident, NO_SIGNATURE);
    }
    errors.or(functions)
}

const NO_SIGNATURE: &str =
    "a client has the signatures of a service's functions: `fn increment(name: String) -> u64;`";
