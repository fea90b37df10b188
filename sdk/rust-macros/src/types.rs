//! Types as an author writes them.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::spanned::Spanned;
use syn::{FnArg, PatType, Type};

/// Whether a parameter is a reference to a type of this name.
pub(crate) fn is_reference_to(input: &FnArg, name: &str) -> bool {
    let FnArg::Typed(PatType { ty, .. }) = input else {
        return false;
    };
    match &**ty {
        Type::Reference(reference) => is_path_to(&reference.elem, name),
        _ => false,
    }
}

/// The last segment of a type that is a path.
pub(crate) fn last_segment(ty: &Type) -> Option<&syn::PathSegment> {
    match ty {
        Type::Path(ty) if ty.qself.is_none() => ty.path.segments.last(),
        Type::Paren(ty) => last_segment(&ty.elem),
        // What a macro puts around a type that it passes on.
        Type::Group(ty) => last_segment(&ty.elem),
        _ => None,
    }
}

/// Whether a type is a path that ends with this name.
pub(crate) fn is_path_to(ty: &Type, name: &str) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident == name)
}

pub(crate) fn is_unit(ty: &Type) -> bool {
    matches!(ty, Type::Tuple(tuple) if tuple.elems.is_empty())
}

/// The argument `value` of this type, for a parameter of the author's that is where `value` says.
pub(crate) fn given(value: &Ident, ty: &TokenStream) -> TokenStream {
    quote_spanned! { value.span()=> <_ as ::rusm_rs::__private::Given<#ty>>::given(#value) }
}

/// The place of the author's tokens for errors, with names resolved as in the rest of the
/// expansion.
pub(crate) fn here(tokens: &impl Spanned) -> Span {
    tokens.span().resolved_at(Span::call_site())
}
