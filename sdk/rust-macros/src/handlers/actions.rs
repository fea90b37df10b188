//! Parser of an author's module: its actions, or the errors, each at the author's line.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{Error, FnArg, Ident, ItemFn, ReturnType, Signature, Type};

use crate::errors::Errors;
use crate::kind::Kind;
use crate::module::Module;
use crate::names;

/// An exported function of the author's module.
pub(crate) struct Action {
    pub(crate) ident: Ident,
    /// Its name in WIT.
    pub(crate) export: String,
    /// Of the type of each parameter, one to three.
    pub(crate) parameters: Vec<Span>,
    /// Of the return type.
    pub(crate) output: Span,
}

impl Action {
    /// Whether it answers by Server-Sent Events.
    pub(crate) fn sends_events(&self) -> bool {
        self.parameters.len() == 3
    }
}

/// The actions of a module, at least one.
///
/// # Errors
/// All that is wrong, each at its place.
pub(crate) fn parse(module: &Module) -> Result<Vec<Action>, Error> {
    let mut errors = Errors::default();
    let mut actions: Vec<Action> = Vec::new();
    for function in module.public_functions() {
        let action = action(function, &mut errors);
        if let Some(other) = actions.iter().find(|other| other.export == action.export) {
            let (one, two) = (&other.ident, &action.ident);
            let message = format!(
                "`{one}` and `{two}` are both the action `{}`",
                action.export
            );
            errors.at(two, message);
        }
        actions.push(action);
    }
    if actions.is_empty() {
        errors.at(
            module.ident(),
            "no actions here: write `pub fn index(request: Request, params: Params) -> Response`",
        );
    }
    errors.or(actions)
}

/// What an exported function is as an action; what is wrong with it goes to `errors`.
fn action(function: &ItemFn, errors: &mut Errors) -> Action {
    let signature = &function.sig;
    ACTION.check_attributes(&function.attrs, errors);
    ACTION.check_modifiers(signature, errors);
    Action {
        ident: signature.ident.clone(),
        export: names::export("an action", &signature.ident, errors),
        parameters: parameters(signature, errors),
        output: output(signature, errors),
    }
}

fn parameters(signature: &Signature, errors: &mut Errors) -> Vec<Span> {
    let mut spans = Vec::new();
    for input in &signature.inputs {
        match input {
            FnArg::Receiver(receiver) => {
                errors.at(
                    receiver,
                    "an action has no `self`: a fresh process answers each request",
                );
            }
            FnArg::Typed(parameter) => {
                if let Type::ImplTrait(ty) = &*parameter.ty {
                    errors.at(ty, ACTION.not_generic());
                }
                spans.push(parameter.ty.span());
            }
        }
    }
    if let Some(extra) = signature.inputs.iter().nth(3) {
        errors.at(
            extra,
            "one parameter too many: an action takes `(Request)`, `(Request, Params)` or \
             `(Request, Params, Sse)`",
        );
    }
    if signature.inputs.is_empty() {
        errors.at(
            &signature.ident,
            "an action takes `(Request)`, `(Request, Params)` or `(Request, Params, Sse)`",
        );
    }
    spans
}

fn output(signature: &Signature, errors: &mut Errors) -> Span {
    match &signature.output {
        ReturnType::Type(_, ty) => ty.span(),
        ReturnType::Default if signature.inputs.len() >= 3 => signature.ident.span(),
        ReturnType::Default => {
            errors.at(
                &signature.ident,
                "an action gives an answer: let it return a `Response`",
            );
            signature.ident.span()
        }
    }
}

const ACTION: Kind = Kind {
    name: "an action",
    concrete: "it takes `Request` and `Params`",
};
