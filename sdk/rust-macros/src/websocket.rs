//! `#[websocket]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Error;

use crate::connection::{Entries, Event, Handlers, Protocol, core_name};
use crate::errors::Errors;
use crate::kind::Kind;
use crate::module::{Module, expanded};
use crate::service::{bindings, core_on_mail};
use crate::world;

/// The author's module with the component's exports in it, or the errors.
pub(crate) fn websocket(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expanded(item, |item| {
        let module = Module::parse(WEBSOCKET.attribute, "room", arguments, item)?;
        let handlers = parse(&module)?;
        Ok(module.with(exports(&handlers)))
    })
}

/// All that is wrong is an error, each at its place.
fn parse(module: &Module) -> Result<Handlers, Error> {
    let mut errors = Errors::default();
    let handlers = Handlers::parse(&WEBSOCKET, module, &mut errors);
    if !handlers.has("message") {
        errors.at(
            module.ident(),
            "no `message` here: write `pub fn message(connection: &Connection, message: Message)`",
        );
    }
    errors.or(handlers)
}

/// The functions behind the exports.
fn exports(handlers: &Handlers) -> TokenStream {
    let entries = Entries::new(&WEBSOCKET, handlers);
    let mut functions = vec![
        entries.open(),
        entries.event("message", &[("message", quote!(::rusm_rs::Message))]),
        entries.event("close", &[("code", quote!(u16)), ("reason", quote!(&str))]),
    ];
    let takes_mail = handlers.has("on_mail");
    if takes_mail {
        functions.push(entries.event("on_mail", &[("mail", quote!(::rusm_rs::Mail))]));
    }
    entries.module(&functions, &component(takes_mail))
}

/// The exports of the core module, as the canonical ABI has them.
fn component(takes_mail: bool) -> TokenStream {
    let [open, message, close] = ["open", "message", "close"]
        .map(|function| core_name(world::WEBSOCKET_INTERFACE, function));
    let core_on_mail = takes_mail.then(core_on_mail);
    let wit = world::connection("websocket", takes_mail);
    let bindings = bindings("connection", &wit, takes_mail);
    quote! {
        use ::rusm_rs::__private::{FlatMail, begin_lasting, mail, message, string};

        #[unsafe(export_name = #open)]
        extern "C" fn core_open() {
            begin_lasting();
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

const WEBSOCKET: Protocol = Protocol {
    attribute: "websocket",
    connection: "Connection",
    with: "with_connection",
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
    function: Kind {
        name: "a websocket's function",
        concrete: "it is called for what happens to the connection",
    },
    has: "a websocket has",
    init: "`init` makes the state when the connection opens: `pub fn init() -> State` or `pub fn \
           init(connection: &Connection) -> State`",
    returns_nothing: "a websocket's function returns nothing: send it to the connection",
};
