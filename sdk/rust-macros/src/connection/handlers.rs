//! Parser of an author's module: its functions by their events, or the errors, each at the author's
//! line.

use proc_macro2::Span;
use syn::{FnArg, ItemFn, ReturnType};

use super::{Event, Protocol};
use crate::errors::Errors;
use crate::module::Module;
use crate::state::{self, State};
use crate::types;

/// What the author's module says.
pub(super) struct Handlers {
    /// If any function takes it.
    pub(super) state: Option<State>,
    /// Whether `init` takes the connection.
    pub(super) init_takes_connection: bool,
    /// By the name of the event.
    handlers: Vec<(&'static str, Handler)>,
}

/// A function for an event.
pub(super) struct Handler {
    /// Whether it takes the state first.
    pub(super) state: bool,
    /// Whether it takes the connection then.
    pub(super) connection: bool,
    /// Where what comes with the event is.
    pub(super) parameters: Vec<Span>,
}

impl Handlers {
    /// Those of a module. What is wrong goes to `errors`, each at its place.
    pub(super) fn parse(protocol: &Protocol, module: &Module, errors: &mut Errors) -> Self {
        let mut handlers = Vec::new();
        let mut init = None;
        for function in module.public_functions() {
            protocol.function.check_attributes(&function.attrs, errors);
            protocol.function.check_modifiers(&function.sig, errors);
            let ident = &function.sig.ident;
            let mut events = protocol.events.iter();
            if let Some(event) = events.find(|event| ident == event.name) {
                handlers.push((event.name, handler(protocol, event, function, errors)));
            } else if ident == "init" {
                init = Some(takes_connection(protocol, function, errors));
            } else {
                let names = names(protocol);
                let message = format!(
                    "{} {names}: if `{ident}` is a helper, leave its `pub` out",
                    protocol.has
                );
                errors.at(ident, message);
            }
        }
        let takes_state = handlers.iter().any(|(_, handler)| handler.state);
        Self {
            state: State::find(module, init.is_some(), takes_state),
            init_takes_connection: init == Some(true),
            handlers,
        }
    }

    pub(super) fn get(&self, event: &str) -> Option<&Handler> {
        let mut handlers = self.handlers.iter();
        handlers.find_map(|(name, handler)| (*name == event).then_some(handler))
    }

    pub(super) fn has(&self, event: &str) -> bool {
        self.get(event).is_some()
    }
}

fn handler(protocol: &Protocol, event: &Event, function: &ItemFn, errors: &mut Errors) -> Handler {
    let signature = &function.sig;
    let is_connection = |input: &FnArg| types::is_reference_to(input, protocol.connection);
    let mut inputs = signature.inputs.iter().peekable();
    let state = inputs.next_if(|input| state::is_state(input)).is_some();
    let connection = inputs.next_if(|input| is_connection(input)).is_some();
    let parameters: Vec<_> = inputs
        .filter_map(|input| match input {
            FnArg::Typed(parameter) if !state::is_state(input) && !is_connection(input) => {
                Some(types::here(&*parameter.ty))
            }
            _ => None,
        })
        .collect();
    let taken = usize::from(state) + usize::from(connection) + event.parameters;
    if parameters.len() != event.parameters || signature.inputs.len() != taken {
        errors.at(&signature.ident, event.takes);
    }
    if let ReturnType::Type(_, ty) = &signature.output
        && !types::is_unit(ty)
    {
        errors.at(ty, protocol.returns_nothing);
    }
    Handler {
        state,
        connection,
        parameters,
    }
}

/// Whether `init` does.
fn takes_connection(protocol: &Protocol, init: &ItemFn, errors: &mut Errors) -> bool {
    let signature = &init.sig;
    let mut inputs = signature.inputs.iter();
    let connection = inputs
        .next()
        .map(|input| types::is_reference_to(input, protocol.connection));
    if connection == Some(false) || inputs.next().is_some() || !state::is_made(signature) {
        errors.at(&signature.ident, protocol.init);
    }
    connection.is_some()
}

/// Of all that a module may have.
fn names(protocol: &Protocol) -> String {
    let events: Vec<_> = protocol
        .events
        .iter()
        .map(|event| format!("`{}`", event.name))
        .collect();
    format!("{} and `init`", events.join(", "))
}
