//! `#[websocket]` and `#[sse]`: a module of functions, one for each event of a connection.
//!
//! Both attributes are expanded here. What differs is in their [`Protocol`].

mod entry;
mod handlers;
mod sse;
mod websocket;

use proc_macro2::TokenStream;
use quote::quote;
use syn::Error;

use self::entry::{Entries, core_name};
use self::handlers::{Handler, Handlers};
use crate::errors::Errors;
use crate::kind::Kind;
use crate::module::{Module, expanded};
use crate::service::{bindings, core_on_mail};
use crate::world;

/// Expands `#[websocket]`: the author's module with the component's exports in it, or the errors.
pub(crate) fn websocket(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(&websocket::WEBSOCKET, arguments, item)
}

/// Expands `#[sse]`, likewise.
pub(crate) fn sse(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(&sse::SSE, arguments, item)
}

/// A protocol of long-lived connections, as its module sees it.
struct Protocol {
    /// The name of the attribute, and of the interface that is exported.
    attribute: &'static str,
    /// The name of a module, for messages.
    example: &'static str,
    /// The interface among the exports of a core module.
    interface: &'static str,
    /// The type in `rusm_rs` that the functions can take a reference to.
    connection: &'static str,
    /// The function in `rusm_rs::__private` that gives it.
    with: &'static str,
    /// Makes the entries besides `open` and mail.
    entries: fn(&Entries<'_>) -> Vec<TokenStream>,
    /// Makes the entry for mail; none if the module takes no mail.
    on_mail: fn(&Entries<'_>) -> Option<TokenStream>,
    /// Makes the core functions of the entries besides `open` and mail.
    core_exports: fn() -> TokenStream,
    /// The events that a module can have functions for.
    events: &'static [Event],
    /// The events of which a module has at least one.
    required: &'static [&'static str],
    /// The error for a module that has none of them.
    missing: &'static str,
    /// A function, in the words of messages.
    function: Kind,
    /// The error for a public function of another name, up to the list of names.
    has: &'static str,
    /// The error for an `init` that makes no state.
    init: &'static str,
    /// The error for a function that returns something.
    returns_nothing: &'static str,
}

/// An event of a connection.
struct Event {
    /// The name of its function.
    name: &'static str,
    /// The number of its parameters besides the state and the connection.
    parameters: usize,
    /// The error for a function with other parameters.
    takes: &'static str,
}

fn expand(protocol: &Protocol, arguments: TokenStream, item: TokenStream) -> TokenStream {
    expanded(item, |item| {
        let module = Module::parse(protocol.attribute, protocol.example, arguments, item)?;
        let handlers = parse(protocol, &module)?;
        Ok(module.with(exports(protocol, &handlers)))
    })
}

/// The functions of the author's module.
///
/// # Errors
/// All that is wrong, each at its place.
fn parse(protocol: &Protocol, module: &Module) -> Result<Handlers, Error> {
    let mut errors = Errors::default();
    let handlers = Handlers::parse(protocol, module, &mut errors);
    if !protocol.required.iter().any(|event| handlers.has(event)) {
        errors.at(module.ident(), protocol.missing);
    }
    errors.or(handlers)
}

/// The entries, and the component's exports that call them.
fn exports(protocol: &Protocol, handlers: &Handlers) -> TokenStream {
    let entries = Entries::new(protocol, handlers);
    let mut functions = vec![entries.open()];
    functions.extend((protocol.entries)(&entries));
    let on_mail = (protocol.on_mail)(&entries);
    let takes_mail = on_mail.is_some();
    functions.extend(on_mail);
    entries.module(&functions, &component(protocol, takes_mail))
}

/// The exports of the core module, as the canonical ABI has them.
fn component(protocol: &Protocol, takes_mail: bool) -> TokenStream {
    let open = core_name(protocol.interface, "open");
    let core_exports = (protocol.core_exports)();
    let core_on_mail = takes_mail.then(core_on_mail);
    let wit = world::connection(protocol.attribute, takes_mail);
    let bindings = bindings("connection", &wit, takes_mail);
    quote! {
        use ::rusm_rs::__private::{FlatMail, begin_lasting, mail, message, string};

        #[unsafe(export_name = #open)]
        extern "C" fn core_open() {
            begin_lasting();
            super::enter_open()
        }

        #core_exports
        #core_on_mail
        #bindings
    }
}
