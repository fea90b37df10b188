//! `#[sse]`.

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
pub(crate) fn sse(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expanded(item, |item| {
        let module = Module::parse(SSE.attribute, "feed", arguments, item)?;
        let handlers = parse(&module)?;
        Ok(module.with(exports(&handlers)))
    })
}

/// All that is wrong is an error, each at its place.
fn parse(module: &Module) -> Result<Handlers, Error> {
    let mut errors = Errors::default();
    let handlers = Handlers::parse(&SSE, module, &mut errors);
    if !["open", "message", "on_mail"]
        .iter()
        .any(|name| handlers.has(name))
    {
        errors.at(
            module.ident(),
            "nothing is ever sent here: write `pub fn message(sse: &Sse, message: Vec<u8>)`, \
             `on_mail` or `open`",
        );
    }
    errors.or(handlers)
}

/// The functions behind the exports.
fn exports(handlers: &Handlers) -> TokenStream {
    let entries = Entries::new(&SSE, handlers);
    let mut functions = vec![entries.open(), entries.event("close", &[])];
    let on_mail = on_mail(&entries, handlers);
    let takes_mail = on_mail.is_some();
    functions.extend(on_mail);
    entries.module(&functions, &component(takes_mail))
}

/// The entry for mail, if any is wanted: messages go to `message` if that is there, the rest to
/// `on_mail`.
fn on_mail(entries: &Entries<'_>, handlers: &Handlers) -> Option<TokenStream> {
    let mail = [("mail", quote!(::rusm_rs::Mail))];
    let on_mail = entries.body("on_mail", &mail, false);
    let body = if handlers.has("message") {
        let message = [("message", quote!(::std::vec::Vec<u8>))];
        let on_message = entries.body("message", &message, false);
        quote! {
            match mail {
                ::rusm_rs::Mail::Message(message) => { #on_message }
                mail => { #on_mail }
            }
        }
    } else if handlers.has("on_mail") {
        on_mail
    } else {
        return None;
    };
    Some(entries.function("on_mail", &mail, &body))
}

/// The exports of the core module, as the canonical ABI has them.
fn component(takes_mail: bool) -> TokenStream {
    let [open, close] = ["open", "close"].map(|function| core_name(world::SSE_INTERFACE, function));
    let core_on_mail = takes_mail.then(core_on_mail);
    let wit = world::connection("sse", takes_mail);
    let bindings = bindings("connection", &wit, takes_mail);
    quote! {
        use ::rusm_rs::__private::{FlatMail, begin_lasting, mail};

        #[unsafe(export_name = #open)]
        extern "C" fn core_open() {
            begin_lasting();
            super::enter_open()
        }

        #[unsafe(export_name = #close)]
        extern "C" fn core_close() {
            super::enter_close()
        }

        #core_on_mail
        #bindings
    }
}

const SSE: Protocol = Protocol {
    attribute: "sse",
    connection: "Sse",
    with: "with_sse",
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
    function: Kind {
        name: "a function of `sse`",
        concrete: "it is called for what happens to the connection",
    },
    has: "a module of `sse` has",
    init: "`init` makes the state when the connection opens: `pub fn init() -> State` or `pub fn \
           init(sse: &Sse) -> State`",
    returns_nothing: "a function of `sse` returns nothing: send it to the client",
};
