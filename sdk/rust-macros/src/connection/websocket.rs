//! WebSockets: the events of a connection, and their exports.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Entries, Event, Protocol, core_name};
use crate::kind::Kind;
use crate::world;

/// The entries besides `open` and mail.
fn entries(entries: &Entries<'_>) -> Vec<TokenStream> {
    vec![
        entries.event("message", &[("message", quote!(::rusm_rs::Message))]),
        entries.event("close", &[("code", quote!(u16)), ("reason", quote!(&str))]),
    ]
}

/// The entry for mail, if the module has `on_mail`.
fn on_mail(entries: &Entries<'_>) -> Option<TokenStream> {
    let mail = [("mail", quote!(::rusm_rs::Mail))];
    entries
        .has("on_mail")
        .then(|| entries.event("on_mail", &mail))
}

/// The exports besides `open` and mail, as the canonical ABI has them.
fn core_exports() -> TokenStream {
    let [message, close] =
        ["message", "close"].map(|function| core_name(world::WEBSOCKET_INTERFACE, function));
    quote! {
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
    }
}

pub(super) const WEBSOCKET: Protocol = Protocol {
    attribute: "websocket",
    example: "room",
    interface: world::WEBSOCKET_INTERFACE,
    connection: "Connection",
    with: "with_connection",
    entries,
    on_mail,
    core_exports,
    events: &[
        Event {
            name: "open",
            parameters: 0,
            takes: "`open` takes `(state: &mut State, connection: &Connection)`, or less",
        },
        Event {
            name: "message",
            parameters: 1,
            takes: "`message` takes `(connection: &Connection, message: Message)` or `(state: \
                    &mut State, connection: &Connection, message: Message)`",
        },
        Event {
            name: "close",
            parameters: 2,
            takes: "`close` takes `(code: u16, reason: &str)` or `(state: &mut State, code: u16, \
                    reason: &str)`",
        },
        Event {
            name: "on_mail",
            parameters: 1,
            takes: "`on_mail` takes `(connection: &Connection, mail: Mail)` or `(state: &mut \
                    State, connection: &Connection, mail: Mail)`",
        },
    ],
    required: &["message"],
    missing: "no `message` here: write `pub fn message(connection: &Connection, message: Message)`",
    function: Kind {
        name: "a websocket's function",
        concrete: "it is called for what happens to the connection",
    },
    has: "a websocket has",
    init: "`init` makes the state when the connection opens: `pub fn init() -> State` or `pub fn \
           init(connection: &Connection) -> State`",
    returns_nothing: "a websocket's function returns nothing: send it to the connection",
};
