//! Entries: functions that the exports call, and that call the author's.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::Ident;

use super::{Handler, Handlers, Protocol};
use crate::state::State;
use crate::types::given;

/// What makes entries of an author's functions.
pub(super) struct Entries<'a> {
    protocol: &'a Protocol,
    handlers: &'a Handlers,
}

/// A parameter beside the state and the connection: its name and its type.
pub(super) type Parameter<'a> = (&'a str, TokenStream);

impl<'a> Entries<'a> {
    pub(super) fn new(protocol: &'a Protocol, handlers: &'a Handlers) -> Self {
        Self { protocol, handlers }
    }

    /// Whether the author has a function for an event.
    pub(super) fn has(&self, event: &str) -> bool {
        self.handlers.has(event)
    }

    /// All of it in a module of its own within the author's, so that it reaches what is private
    /// there. `entries` are functions; `component` is what a guest has alone.
    pub(super) fn module(&self, entries: &[TokenStream], component: &TokenStream) -> TokenStream {
        let name = format_ident!("__rusm_{}", self.protocol.attribute);
        let state = self.state();
        quote! {
            #[doc(hidden)]
            #[allow(warnings, clippy::all, clippy::pedantic, missing_docs, unreachable_pub, unsafe_code)]
            mod #name {
                use super::*;

                #state
                #(#entries)*

                #[cfg(target_arch = "wasm32")]
                mod component {
                    #component
                }
            }
        }
    }

    /// The entry for the opening. The state is there from then on, whatever happens next.
    pub(super) fn open(&self) -> TokenStream {
        let makes_state = self.handlers.state.is_some();
        let body = self.body("open", &[], makes_state);
        self.function("open", &[], &body)
    }

    /// The entry for an event, which may have no function.
    pub(super) fn event(&self, name: &str, parameters: &[Parameter<'_>]) -> TokenStream {
        let body = self.body(name, parameters, false);
        self.function(name, parameters, &body)
    }

    /// An entry of this body, which finds the `connection`.
    pub(super) fn function(
        &self,
        name: &str,
        parameters: &[Parameter<'_>],
        body: &TokenStream,
    ) -> TokenStream {
        let with = format_ident!("{}", self.protocol.with);
        let entry = format_ident!("enter_{name}");
        let parameters = parameters.iter().map(|(name, ty)| {
            let name = Ident::new(name, Span::call_site());
            quote!(#name: #ty)
        });
        quote! {
            pub(super) fn #entry(#(#parameters),*) {
                ::rusm_rs::__private::#with(|connection| { #body })
            }
        }
    }

    /// The call of the author's function, if there is one, within an entry.
    pub(super) fn body(
        &self,
        name: &str,
        parameters: &[Parameter<'_>],
        makes_state: bool,
    ) -> TokenStream {
        let handler = self.handlers.get(name);
        let call = handler.map(|handler| call(name, handler, parameters));
        if makes_state || handler.is_some_and(|handler| handler.state) {
            quote! {
                STATE.with(|cell| cell.with(|| init_state(connection), |state| { #call }))
            }
        } else {
            quote!(#call)
        }
    }

    /// The state, and what makes it.
    fn state(&self) -> Option<TokenStream> {
        let state = self.handlers.state.as_ref()?;
        let argument = self
            .handlers
            .init_takes_connection
            .then(|| quote!(connection));
        let (holder, make) = (State::holder(), state.make(quote!(super::init(#argument))));
        let connection = format_ident!("{}", self.protocol.connection);
        Some(quote! {
            #holder

            fn init_state(connection: &::rusm_rs::#connection) -> State {
                #make
            }
        })
    }
}

fn call(name: &str, handler: &Handler, parameters: &[Parameter<'_>]) -> TokenStream {
    let state = handler.state.then(|| quote!(state,));
    let connection = handler.connection.then(|| quote!(connection,));
    // Errors of types belong to the author's.
    let arguments = parameters
        .iter()
        .zip(&handler.parameters)
        .map(|((name, ty), place)| given(&Ident::new(name, *place), ty));
    let ident = format_ident!("{name}");
    quote! { super::#ident(#state #connection #(#arguments),*); }
}

/// The standard name of a function of an exported interface among the exports of a core module
/// (component-model, `BuildTargets.md`).
pub(super) fn core_name(interface: &str, function: &str) -> String {
    format!("cm32p2|{interface}|{function}")
}
