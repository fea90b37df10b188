//! From an author's module to the events of a WebSocket, or to what is wrong with it, at the
//! author's lines.

use proc_macro2::Span;
use syn::{Error, FnArg, Item, ItemFn, ItemMod, ReturnType, Visibility};

use crate::errors::Errors;
use crate::kind::Kind;
use crate::state::{self, State};
use crate::types;

/// What the author's module says.
pub(crate) struct WebSocket {
    /// If any function takes it.
    pub(crate) state: Option<State>,
    /// Whether `init` takes the connection.
    pub(crate) init_takes_connection: bool,
    pub(crate) open: Option<Function>,
    pub(crate) message: Option<Function>,
    pub(crate) close: Option<Function>,
    pub(crate) on_mail: Option<Function>,
}

/// A function for an event.
pub(crate) struct Function {
    /// Whether it takes the state first.
    pub(crate) state: bool,
    /// Whether it takes the connection then.
    pub(crate) connection: bool,
    /// Where what comes with the event is.
    pub(crate) parameters: Vec<Span>,
}

/// The WebSocket of a module. It has `message`.
///
/// # Errors
/// All that is wrong, each at its place.
pub(crate) fn parse(module: &ItemMod) -> Result<WebSocket, Error> {
    let Some((_, items)) = &module.content else {
        return Err(Error::new_spanned(
            module,
            "the websocket must be in the same file: `mod room { ... }`",
        ));
    };
    let mut errors = Errors::default();
    let mut websocket = WebSocket {
        state: None,
        init_takes_connection: false,
        open: None,
        message: None,
        close: None,
        on_mail: None,
    };
    let (mut init, mut defined) = (false, None);
    for item in items {
        let function = match item {
            Item::Fn(function) if matches!(function.vis, Visibility::Public(_)) => function,
            _ => {
                defined = defined.or_else(|| state::defined(item));
                continue;
            }
        };
        FUNCTION.check_attributes(&function.attrs, &mut errors);
        FUNCTION.check_modifiers(&function.sig, &mut errors);
        let ident = &function.sig.ident;
        let (event, takes) = if ident == "open" {
            (&mut websocket.open, OPEN)
        } else if ident == "message" {
            (&mut websocket.message, MESSAGE)
        } else if ident == "close" {
            (&mut websocket.close, CLOSE)
        } else if ident == "on_mail" {
            (&mut websocket.on_mail, ON_MAIL)
        } else if ident == "init" {
            init = true;
            websocket.init_takes_connection = check_init(function, &mut errors);
            continue;
        } else {
            errors.at(
                ident,
                format!(
                    "a websocket has `open`, `message`, `close`, `on_mail` and `init`: if `{ident}` \
                     is a helper, leave its `pub` out"
                ),
            );
            continue;
        };
        *event = Some(parse_event(function, takes, &mut errors));
    }
    if websocket.message.is_none() {
        errors.at(
            &module.ident,
            "no `message` here: write `pub fn message(connection: &Connection, message: Message)`",
        );
    }
    let WebSocket {
        open,
        message,
        close,
        on_mail,
        ..
    } = &websocket;
    let functions = [open, message, close, on_mail];
    let takes_state = functions
        .into_iter()
        .flatten()
        .any(|function| function.state);
    websocket.state = match (init, takes_state) {
        (true, _) => Some(State::Init),
        (false, true) => {
            let place = defined.unwrap_or_else(|| module.ident.span());
            Some(State::Default(place))
        }
        (false, false) => None,
    };
    errors.or(websocket)
}

/// What comes with an event.
struct Takes {
    parameters: usize,
    /// For a function that takes something else.
    message: &'static str,
}

const OPEN: Takes = Takes {
    parameters: 0,
    message: "`open` takes `(state: &mut State, connection: &Connection)`, or less",
};

const MESSAGE: Takes = Takes {
    parameters: 1,
    message: "`message` takes `(connection: &Connection, message: Message)` or `(state: &mut \
              State, connection: &Connection, message: Message)`",
};

const CLOSE: Takes = Takes {
    parameters: 2,
    message: "`close` takes `(code: u16, reason: &str)` or `(state: &mut State, code: u16, \
              reason: &str)`",
};

const ON_MAIL: Takes = Takes {
    parameters: 1,
    message: "`on_mail` takes `(connection: &Connection, mail: Mail)` or `(state: &mut State, \
              connection: &Connection, mail: Mail)`",
};

fn parse_event(function: &ItemFn, takes: Takes, errors: &mut Errors) -> Function {
    let signature = &function.sig;
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
    let taken = usize::from(state) + usize::from(connection) + takes.parameters;
    if parameters.len() != takes.parameters || signature.inputs.len() != taken {
        errors.at(&signature.ident, takes.message);
    }
    if let ReturnType::Type(_, ty) = &signature.output
        && !types::is_unit(ty)
    {
        errors.at(
            ty,
            "a websocket's function returns nothing: send it to the connection",
        );
    }
    Function {
        state,
        connection,
        parameters,
    }
}

/// Whether it takes the connection.
fn check_init(function: &ItemFn, errors: &mut Errors) -> bool {
    let signature = &function.sig;
    let mut inputs = signature.inputs.iter();
    let connection = inputs.next().map(is_connection);
    if connection == Some(false) || inputs.next().is_some() || !state::is_made(signature) {
        errors.at(
            &signature.ident,
            "`init` makes the state when the connection opens: `pub fn init() -> State` or `pub \
             fn init(connection: &Connection) -> State`",
        );
    }
    connection.is_some()
}

fn is_connection(input: &FnArg) -> bool {
    types::is_reference_to(input, "Connection")
}

const FUNCTION: Kind = Kind {
    name: "a websocket's function",
    concrete: "it is called for what happens to the connection",
};
