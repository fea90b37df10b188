//! What a websocket's module exports.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::Ident;

use super::module::{Function, WebSocket};
use crate::service::{bindings, core_on_mail};
use crate::state::State;
use crate::world;

/// The functions behind the exports, in a module of their own within the author's, so that they
/// reach what is private there.
pub(crate) fn exports(websocket: &WebSocket) -> TokenStream {
    let state = websocket.state.as_ref().map(|state| {
        let argument = websocket.init_takes_connection.then(|| quote!(connection));
        let (holder, make) = (State::holder(), state.make(quote!(super::init(#argument))));
        quote! {
            #holder

            fn init_state(connection: &::rusm_rs::Connection) -> State {
                #make
            }
        }
    });
    // The state is there from then on, whatever happens next.
    let makes_state = websocket.state.is_some();
    let open = entry("open", websocket.open.as_ref(), makes_state, &[]);
    let message = entry(
        "message",
        websocket.message.as_ref(),
        false,
        &[("message", quote!(::rusm_rs::Message))],
    );
    let close = entry(
        "close",
        websocket.close.as_ref(),
        false,
        &[("code", quote!(u16)), ("reason", quote!(&str))],
    );
    let on_mail = websocket.on_mail.as_ref().map(|on_mail| {
        let mail = [("mail", quote!(::rusm_rs::Mail))];
        entry("on_mail", Some(on_mail), false, &mail)
    });
    let component = component(websocket.on_mail.is_some());
    quote! {
        #[doc(hidden)]
        #[allow(warnings, clippy::all, clippy::pedantic, missing_docs, unreachable_pub, unsafe_code)]
        mod __rusm_websocket {
            use super::*;

            #state
            #open
            #message
            #close
            #on_mail

            #[cfg(target_arch = "wasm32")]
            #component
        }
    }
}

/// What enters the author's function, if there is one.
fn entry(
    name: &str,
    function: Option<&Function>,
    makes_state: bool,
    parameters: &[(&str, TokenStream)],
) -> TokenStream {
    let call = function.map(|function| {
        let state = function.state.then(|| quote!(state,));
        let connection = function.connection.then(|| quote!(connection,));
        let places = function.parameters.iter();
        let arguments = parameters
            .iter()
            .zip(places)
            .map(|((name, _), place)| Ident::new(name, *place));
        let ident = format_ident!("{name}");
        quote! { super::#ident(#state #connection #(#arguments),*); }
    });
    let body = if makes_state || function.is_some_and(|function| function.state) {
        quote! {
            STATE.with(|held| held.with(|| init_state(connection), |state| { #call }))
        }
    } else {
        quote!(#call)
    };
    let entry = format_ident!("enter_{name}");
    let parameters = parameters.iter().map(|(name, ty)| {
        let name = Ident::new(name, Span::call_site());
        quote!(#name: #ty)
    });
    quote! {
        pub(super) fn #entry(#(#parameters),*) {
            ::rusm_rs::__private::with_connection(|connection| { #body })
        }
    }
}

/// The exports of the core module, as the canonical ABI has them.
fn component(on_mail: bool) -> TokenStream {
    let [open, message, close] = ["open", "message", "close"].map(core_name);
    let core_on_mail = on_mail.then(core_on_mail);
    let bindings = bindings("connection", &world::connection(on_mail), on_mail);
    quote! {
        mod component {
            use ::rusm_rs::__private::{FlatMail, live_on, mail, message, string};

            #[unsafe(export_name = #open)]
            extern "C" fn core_open() {
                live_on();
                super::enter_open()
            }

            #[unsafe(export_name = #message)]
            unsafe extern "C" fn core_message(case: i32, content: *mut u8, len: usize) {
                // SAFETY: the host calls it, with a `frame`.
                super::enter_message(unsafe { message(case, content, len) })
            }

            #[unsafe(export_name = #close)]
            unsafe extern "C" fn core_close(code: i32, reason: *mut u8, len: usize) {
                // SAFETY: the host calls it, with a `u16` and a `string`.
                let reason = unsafe { string(reason, len) };
                super::enter_close(code as u16, &reason)
            }

            #core_on_mail
            #bindings
        }
    }
}

/// The standard name of a function of the interface among the exports of a core module
/// (component-model, `BuildTargets.md`).
fn core_name(function: &str) -> String {
    format!("cm32p2|{}|{function}", world::WEBSOCKET_INTERFACE)
}
