//! The state of a process, as the author's module has it.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{FnArg, Ident, Item, ReturnType, Signature};

use crate::module::Module;
use crate::types::{is_path_to, is_reference_to};

/// How the state comes to be.
pub(crate) enum State {
    /// By `Default`; where to say so if it has none.
    Default(Span),
    /// By `init`.
    Init,
}

impl State {
    /// That of a module, if any function takes it, or `init` is there to make it.
    pub(crate) fn find(module: &Module, init: bool, is_taken: bool) -> Option<Self> {
        if init {
            return Some(Self::Init);
        }
        is_taken.then(|| {
            let defined = module.items().iter().find_map(defined);
            Self::Default(defined.unwrap_or_else(|| module.ident().span()))
        })
    }

    /// The expression that makes it: `init`, if the module has that.
    pub(crate) fn make(&self, init: TokenStream) -> TokenStream {
        match self {
            Self::Init => init,
            Self::Default(span) => {
                let span = span.resolved_at(Span::call_site());
                quote_spanned!(span=> ::rusm_rs::__private::default_state::<State>())
            }
        }
    }

    /// Where it is held.
    pub(crate) fn holder() -> TokenStream {
        quote! {
            ::std::thread_local! {
                static STATE: ::rusm_rs::__private::StateCell<State> =
                    const { ::rusm_rs::__private::StateCell::new() };
            }
        }
    }
}

/// Whether a function gives a `State`.
pub(crate) fn is_made(signature: &Signature) -> bool {
    match &signature.output {
        ReturnType::Type(_, ty) => is_path_to(ty, "State"),
        ReturnType::Default => false,
    }
}

/// Whether a parameter is `&State` or `&mut State`.
pub(crate) fn is_state(input: &FnArg) -> bool {
    is_reference_to(input, "State")
}

/// Where this defines the type `State`, if it does.
fn defined(item: &Item) -> Option<Span> {
    let ident: &Ident = match item {
        Item::Struct(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Type(item) => &item.ident,
        _ => return None,
    };
    (ident == "State").then(|| ident.span())
}
