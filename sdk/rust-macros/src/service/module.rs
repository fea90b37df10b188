//! Parser of an author's module: a service, or the errors, each at the author's line.

use proc_macro2::Span;
use syn::{Error, FnArg, ItemFn, PatType, ReturnType};

use super::functions::{self, FUNCTION, Function};
use crate::errors::Errors;
use crate::module::Module;
use crate::state::{self, State};
use crate::{types, world};

/// What the author's module says.
pub(crate) struct Service {
    pub(crate) functions: Vec<Function>,
    /// If any function takes it.
    pub(crate) state: Option<State>,
    pub(crate) on_mail: Option<OnMail>,
}

pub(crate) struct OnMail {
    /// Whether it takes the state first.
    pub(crate) state: bool,
    /// Where its mail is.
    pub(crate) mail: Span,
}

/// The service of a module.
///
/// # Errors
/// All that is wrong, each at its place.
pub(crate) fn parse(module: &Module) -> Result<Service, Error> {
    let mut errors = Errors::default();
    let mut functions = Vec::new();
    let (mut on_mail, mut init) = (None, false);
    for function in module.public_functions() {
        if function.sig.ident == "on_mail" {
            on_mail = Some(check_on_mail(function, &mut errors));
        } else if function.sig.ident == "init" {
            init = true;
            check_init(function, &mut errors);
        } else {
            let function = functions::function(&function.attrs, &function.sig, &mut errors);
            if function.export == world::RUN {
                errors.at(
                    &function.ident,
                    "`run` is what a free-form process exports: choose another name",
                );
            }
            functions.push(function);
        }
    }
    functions::check_names(&functions, &mut errors);
    if functions.is_empty() && on_mail.is_none() {
        errors.at(
            module.ident(),
            "no functions here: write `pub fn increment(state: &mut State, name: String) -> u64`",
        );
    }
    let takes_state = functions.iter().any(|function| function.state)
        || on_mail.as_ref().is_some_and(|on_mail| on_mail.state);
    errors.or(Service {
        functions,
        state: State::find(module, init, takes_state),
        on_mail,
    })
}

fn check_on_mail(function: &ItemFn, errors: &mut Errors) -> OnMail {
    let signature = &function.sig;
    FUNCTION.check_attributes(&function.attrs, errors);
    FUNCTION.check_modifiers(signature, errors);
    let mut inputs = signature.inputs.iter().peekable();
    let state = inputs.next_if(|input| state::is_state(input)).is_some();
    let mail = match (inputs.next(), inputs.next()) {
        (Some(FnArg::Typed(PatType { ty, .. })), None) => Some(types::here(&**ty)),
        _ => {
            errors.at(&signature.ident, ON_MAIL_TYPE);
            None
        }
    };
    if let ReturnType::Type(_, ty) = &signature.output
        && !types::is_unit(ty)
    {
        errors.at(ty, "`on_mail` returns nothing: nobody waits for an answer");
    }
    OnMail {
        state,
        mail: mail.unwrap_or_else(|| signature.ident.span()),
    }
}

fn check_init(function: &ItemFn, errors: &mut Errors) {
    let signature = &function.sig;
    FUNCTION.check_attributes(&function.attrs, errors);
    FUNCTION.check_modifiers(signature, errors);
    if !signature.inputs.is_empty() || !state::is_made(signature) {
        errors.at(
            &signature.ident,
            "`init` makes the state when the service starts: `pub fn init() -> State`",
        );
    }
}

const ON_MAIL_TYPE: &str = "`on_mail` takes `(mail: Mail)` or `(state: &mut State, mail: Mail)`";
