//! Parser of an author's signatures: the functions of a service, or the errors, each at the author's
//! line.

use proc_macro2::Span;
use quote::format_ident;
use syn::{
    Attribute, FnArg, GenericArgument, Ident, Pat, PatType, PathArguments, ReturnType, Signature,
    Type, TypeParamBound,
};

use super::client::OWN_FUNCTIONS;
use crate::errors::Errors;
use crate::kind::Kind;
use crate::names;
use crate::state::is_state;
use crate::types::{here, last_segment};

/// A function that other processes call.
pub(crate) struct Function {
    pub(crate) ident: Ident,
    /// Its name in WIT, and on the wire.
    pub(crate) export: String,
    /// What the author says of it.
    pub(crate) docs: Vec<Attribute>,
    /// Whether it takes the state first.
    pub(crate) state: bool,
    /// The parameters that come over the wire.
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) output: Output,
}

impl Function {
    /// Where errors of the arguments' types belong: to the first one's.
    pub(crate) fn arguments_span(&self) -> Span {
        self.parameters
            .first()
            .map_or_else(|| here(&self.ident), |parameter| here(&parameter.ty))
    }

    /// Where errors of the answer's type belong.
    pub(crate) fn answer_span(&self) -> Span {
        self.output.span
    }

    /// Whether its answer is a stream that carries calls of callbacks, too.
    pub(crate) fn calls_back(&self) -> bool {
        self.parameters.iter().any(|p| p.callback.is_some())
    }
}

pub(crate) struct Parameter {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    /// `A`, of a `Callback<A>`.
    pub(crate) callback: Option<Type>,
}

pub(crate) struct Output {
    pub(crate) content: Content,
    /// Whether it is in a `Result`.
    pub(crate) fallible: bool,
    /// Of the whole type.
    span: Span,
}

pub(crate) enum Content {
    /// `None`: nothing, `()`.
    Value(Option<Type>),
    /// `impl Iterator<Item = T>`.
    Items(Type),
}

/// The function of this signature; what is wrong with it goes to `errors`.
pub(crate) fn function(
    attributes: &[Attribute],
    signature: &Signature,
    errors: &mut Errors,
) -> Function {
    FUNCTION.check_attributes(attributes, errors);
    FUNCTION.check_modifiers(signature, errors);
    let ident = signature.ident.clone();
    let mut inputs = signature.inputs.iter().peekable();
    let state = inputs.next_if(|input| is_state(input)).is_some();
    let parameters: Vec<_> = inputs
        .enumerate()
        .filter_map(|(index, input)| parameter(index, input, errors))
        .collect();
    if let Some(extra) = signature
        .inputs
        .iter()
        .skip(usize::from(state))
        .nth(MOST_PARAMETERS)
    {
        errors.at(
            extra,
            format!(
                "a service's function takes at most {MOST_PARAMETERS} parameters: make it a struct"
            ),
        );
    }
    let export = names::export("a service's function", &ident, errors);
    let function = Function {
        docs: docs(attributes, &export),
        export,
        state,
        parameters,
        output: output(signature, errors),
        ident,
    };
    if OWN_FUNCTIONS.iter().any(|name| function.ident == name) {
        let message = format!(
            "the client has a function `{}` of its own: choose another name",
            function.ident
        );
        errors.at(&function.ident, message);
    }
    if function.calls_back() && matches!(function.output.content, Content::Items(_)) {
        errors.at(
            &signature.output,
            "a function answers with an iterator or takes callbacks, not both",
        );
    }
    function
}

/// Whether no two functions have the same name on the wire.
pub(crate) fn check_names(functions: &[Function], errors: &mut Errors) {
    for (index, function) in functions.iter().enumerate() {
        let namesake = functions
            .iter()
            .take(index)
            .find(|other| other.export == function.export);
        if let Some(other) = namesake {
            let (one, two) = (&other.ident, &function.ident);
            let message = format!(
                "`{one}` and `{two}` are both the function `{}`",
                function.export
            );
            errors.at(two, message);
        }
    }
}

fn docs(attributes: &[Attribute], export: &str) -> Vec<Attribute> {
    let is_kept = |attribute: &&Attribute| {
        attribute.path().is_ident("doc") || attribute.path().is_ident("deprecated")
    };
    let mut docs: Vec<_> = attributes.iter().filter(is_kept).cloned().collect();
    if docs.is_empty() {
        let doc = format!("Calls `{export}`.");
        docs.push(syn::parse_quote!(#[doc = #doc]));
    }
    docs
}

fn parameter(index: usize, input: &FnArg, errors: &mut Errors) -> Option<Parameter> {
    let PatType { pat, ty, .. } = match input {
        FnArg::Typed(parameter) => parameter,
        FnArg::Receiver(receiver) => {
            errors.at(
                receiver,
                "a service's function has no `self`: it takes `state: &mut State`, of a type `State` in the module",
            );
            return None;
        }
    };
    match &**ty {
        Type::Reference(_) if is_state(input) => {
            errors.at(ty, "the state is the first parameter");
        }
        Type::Reference(_) | Type::Ptr(_) => errors.at(
            ty,
            "an argument comes from another process, so it owns what it has: `String`, not `&str`",
        ),
        Type::ImplTrait(_) => errors.at(ty, FUNCTION.not_generic()),
        _ => {}
    }
    let ident = match &**pat {
        Pat::Ident(pat) if pat.subpat.is_none() => pat.ident.clone(),
        _ => format_ident!("argument_{}", index + 1),
    };
    let callback = last_segment(ty)
        .filter(|segment| segment.ident == "Callback")
        .and_then(|segment| first_type(&segment.arguments));
    Some(Parameter {
        ident,
        ty: (**ty).clone(),
        callback,
    })
}

fn output(signature: &Signature, errors: &mut Errors) -> Output {
    let ReturnType::Type(_, ty) = &signature.output else {
        return Output {
            content: Content::Value(None),
            fallible: false,
            span: here(&signature.ident),
        };
    };
    let result = last_segment(ty).filter(|segment| segment.ident == "Result");
    let content = match result.map(|segment| first_type(&segment.arguments)) {
        None => content(ty, errors),
        Some(Some(ty)) => content(&ty, errors),
        Some(None) => {
            errors.at(ty, "write the type of the answer out: `Result<T, E>`");
            Content::Value(None)
        }
    };
    Output {
        content,
        fallible: result.is_some(),
        span: here(&**ty),
    }
}

fn content(ty: &Type, errors: &mut Errors) -> Content {
    match ty {
        Type::ImplTrait(iterator) => match iterator.bounds.iter().find_map(item) {
            Some(item) => return Content::Items(item),
            None => errors.at(
                ty,
                "a service's function answers with a value or an `impl Iterator<Item = T>`",
            ),
        },
        Type::Reference(_) | Type::Ptr(_) => errors.at(
            ty,
            "an answer goes to another process, so it owns what it has: `String`, not `&str`",
        ),
        _ => {}
    }
    Content::Value(Some(ty.clone()))
}

/// `T`, of `Iterator<Item = T>`.
fn item(bound: &TypeParamBound) -> Option<Type> {
    let TypeParamBound::Trait(bound) = bound else {
        return None;
    };
    let segment = bound.path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    if segment.ident != "Iterator" {
        return None;
    }
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(item) if item.ident == "Item" => Some(item.ty.clone()),
        _ => None,
    })
}

fn first_type(arguments: &PathArguments) -> Option<Type> {
    let PathArguments::AngleBracketed(arguments) = arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty.clone()),
        _ => None,
    })
}

/// In the words of messages.
pub(crate) const FUNCTION: Kind = Kind {
    name: "a service's function",
    concrete: "its arguments come from another process",
};

/// Tuples beyond that have no JSON in serde.
const MOST_PARAMETERS: usize = 16;
