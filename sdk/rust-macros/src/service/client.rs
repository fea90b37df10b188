//! The typed client of a service.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Attribute, Ident, LitStr, Visibility};

use super::functions::{Content, Function, Parameter};
use crate::types::here;

/// The functions of every client, whose names no function of a service may have.
pub(crate) const OWN_FUNCTIONS: [&str; 7] = [
    "whereis", "connect", "spawn", "fresh", "timeout", "pid", "cast",
];

/// A client type with a method for each function, and the one that does not wait.
pub(crate) fn client(
    docs: &[Attribute],
    visibility: &Visibility,
    ident: &Ident,
    functions: &[Function],
) -> TokenStream {
    let cast = format_ident!("{ident}Cast");
    let methods = functions.iter().map(method);
    let casts = functions.iter().filter_map(cast_method);
    let cast_docs = format!("The functions of [`{ident}`] as casts, without a result.");
    quote! {
        #(#docs)*
        #[derive(Clone, Debug)]
        #visibility struct #ident(::rusm_rs::service::Connection);

        #[allow(clippy::too_many_arguments, reason = "as many as the service's function has")]
        impl #ident {
            /// Returns a client of the process of that name. A resident service has the name of its
            /// component.
            ///
            /// # Errors
            /// `CallError::NoName` if no process has this name.
            pub fn whereis(name: &str) -> ::core::result::Result<Self, ::rusm_rs::CallError> {
                ::rusm_rs::service::Connection::whereis(name).map(Self)
            }

            /// Returns a client of this process.
            pub fn connect(pid: ::rusm_rs::Pid) -> Self {
                Self(::rusm_rs::service::Connection::to(pid))
            }

            /// Starts a process and returns its client. Needs `allow-spawn`.
            ///
            /// # Errors
            /// The process could not be started: the host's text.
            pub fn spawn(
                component: &str,
            ) -> ::core::result::Result<Self, ::std::string::String> {
                ::rusm_rs::service::Connection::spawn(component).map(Self)
            }

            /// Returns a client that starts a process of this component for each call, which ends
            /// after the call. Needs `allow-spawn`.
            pub fn fresh(component: &str) -> Self {
                Self(::rusm_rs::service::Connection::fresh(component))
            }

            /// Sets how long a call waits for its result; the default is 5 seconds. Functions that
            /// return iterators or take callbacks are limited only by the callee.
            #[must_use]
            pub fn timeout(self, timeout: ::core::time::Duration) -> Self {
                Self(self.0.timeout(timeout))
            }

            /// Returns the process, if it is the same for all calls.
            pub fn pid(&self) -> ::core::option::Option<::rusm_rs::Pid> {
                self.0.pid()
            }

            /// Returns the functions as casts, which return as soon as the call is in the mailbox.
            pub fn cast(&self) -> #cast<'_> {
                #cast(&self.0)
            }

            #(#methods)*
        }

        #[doc = #cast_docs]
        #[derive(Clone, Copy, Debug)]
        #visibility struct #cast<'a>(&'a ::rusm_rs::service::Connection);

        #[allow(clippy::too_many_arguments, reason = "as many as the service's function has")]
        impl #cast<'_> {
            #(#casts)*
        }
    }
}

fn method(function: &Function) -> TokenStream {
    let Function {
        ident,
        docs,
        parameters,
        output,
        ..
    } = function;
    let types = parameters.iter().map(parameter);
    let call = Call::of(function);
    let (span, name, arguments) = (call.span, call.name, call.arguments);
    let (returned, body) = match &output.content {
        Content::Items(item) => (
            quote!(impl ::core::iter::Iterator<Item = ::core::result::Result<#item, ::rusm_rs::CallError>> + use<>),
            quote_spanned!(span=> self.0.items::<_, #item>(#name, &#arguments)),
        ),
        Content::Value(value) => {
            let value = match value {
                Some(ty) => quote!(#ty),
                None => quote!(()),
            };
            let returned = quote!(::core::result::Result<#value, ::rusm_rs::CallError>);
            let closures: Vec<_> = parameters
                .iter()
                .filter(|parameter| parameter.callback.is_some())
                .map(closure)
                .collect();
            let body = if closures.is_empty() {
                quote_spanned!(span=> self.0.call::<_, #value>(#name, &#arguments))
            } else {
                quote_spanned! { span=>
                    self.0.call_with_callbacks::<_, #value>(
                        #name, &#arguments, &mut [#(#closures),*]
                    )
                }
            };
            (returned, body)
        }
    };
    quote! {
        #(#docs)*
        pub fn #ident(&self #(, #types)*) -> #returned {
            #body
        }
    }
}

/// Where there is nothing to wait for.
fn cast_method(function: &Function) -> Option<TokenStream> {
    if function.calls_back() || matches!(function.output.content, Content::Items(_)) {
        return None;
    }
    let Function {
        ident,
        docs,
        parameters,
        ..
    } = function;
    let types = parameters.iter().map(parameter);
    let call = Call::of(function);
    let (span, name, arguments) = (call.span, call.name, call.arguments);
    let body = quote_spanned!(span=> self.0.cast(#name, &#arguments));
    Some(quote! {
        #(#docs)*
        pub fn #ident(&self #(, #types)*) -> ::core::result::Result<(), ::rusm_rs::CallError> {
            #body
        }
    })
}

/// What of a call goes over the wire, with errors at the first argument's type.
struct Call {
    span: Span,
    name: LitStr,
    /// For a callback its number among them.
    arguments: TokenStream,
}

impl Call {
    fn of(function: &Function) -> Self {
        let span = function.arguments_span();
        let mut numbers = 0_u32..;
        let argument = |parameter: &Parameter| match &parameter.callback {
            Some(_) => {
                let number = numbers.next();
                quote_spanned!(span=> #number)
            }
            None => {
                let mut ident = parameter.ident.clone();
                ident.set_span(span);
                quote!(#ident)
            }
        };
        let arguments: Vec<_> = function.parameters.iter().map(argument).collect();
        Self {
            span,
            name: LitStr::new(&function.export, span),
            arguments: tuple(&arguments, span),
        }
    }
}

fn closure(
    Parameter {
        ident, callback, ..
    }: &Parameter,
) -> TokenStream {
    let span = here(callback);
    quote_spanned!(span=> &mut ::rusm_rs::service::callback::<#callback>(#ident))
}

fn parameter(
    Parameter {
        ident,
        ty,
        callback,
    }: &Parameter,
) -> TokenStream {
    match callback {
        Some(argument) => quote!(#ident: impl ::core::ops::FnMut(#argument)),
        None => quote!(#ident: #ty),
    }
}

/// The arguments of a call as one value: `[(); 0]` is the empty array in JSON, `()` is not.
pub(crate) fn tuple(elements: &[TokenStream], span: Span) -> TokenStream {
    if elements.is_empty() {
        quote_spanned!(span=> [(); 0])
    } else {
        quote_spanned!(span=> (#(#elements,)*))
    }
}
