//! Server-Sent Events: the events of a connection, and their exports.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Entries, Event, Protocol, core_name};
use crate::kind::Kind;
use crate::world;

/// The entries besides `open` and mail.
fn entries(entries: &Entries<'_>) -> Vec<TokenStream> {
    vec![entries.event("close", &[])]
}

/// The entry for mail, if the module takes any: messages go to `message` if the module has it, the
/// rest to `on_mail`.
fn on_mail(entries: &Entries<'_>) -> Option<TokenStream> {
    let mail = [("mail", quote!(::rusm_rs::Mail))];
    let on_mail = entries.body("on_mail", &mail, false);
    let body = if entries.has("message") {
        let message = [("message", quote!(::std::vec::Vec<u8>))];
        let on_message = entries.body("message", &message, false);
        quote! {
            match mail {
                ::rusm_rs::Mail::Message(message) => { #on_message }
                mail => { #on_mail }
            }
        }
    } else if entries.has("on_mail") {
        on_mail
    } else {
        return None;
    };
    Some(entries.function("on_mail", &mail, &body))
}

/// The exports besides `open` and mail, as the canonical ABI has them.
fn core_exports() -> TokenStream {
    let close = core_name(world::SSE_INTERFACE, "close");
    quote! {
        #[unsafe(export_name = #close)]
        extern "C" fn core_close() {
            super::enter_close()
        }
    }
}

pub(super) const SSE: Protocol = Protocol {
    attribute: "sse",
    example: "feed",
    interface: world::SSE_INTERFACE,
    connection: "Sse",
    with: "with_sse",
    entries,
    on_mail,
    core_exports,
    events: &[
        Event {
            name: "open",
            parameters: 0,
            takes: "`open` takes `(state: &mut State, sse: &Sse)`, or less",
        },
        Event {
            name: "message",
            parameters: 1,
            takes: "`message` takes `(sse: &Sse, message: Vec<u8>)` or `(state: &mut State, sse: \
                    &Sse, message: Vec<u8>)`",
        },
        Event {
            name: "on_mail",
            parameters: 1,
            takes: "`on_mail` takes `(sse: &Sse, mail: Mail)` or `(state: &mut State, sse: &Sse, \
                    mail: Mail)`",
        },
        Event {
            name: "close",
            parameters: 0,
            takes: "`close` takes `(state: &mut State, sse: &Sse)`, or less",
        },
    ],
    required: &["open", "message", "on_mail"],
    missing: "nothing is ever sent here: write `pub fn message(sse: &Sse, message: Vec<u8>)`, \
              `on_mail` or `open`",
    function: Kind {
        name: "a function of `sse`",
        concrete: "it is called for what happens to the connection",
    },
    has: "a module of `sse` has",
    init: "`init` makes the state when the connection opens: `pub fn init() -> State` or `pub fn \
           init(sse: &Sse) -> State`",
    returns_nothing: "a function of `sse` returns nothing: send it to the client",
};
