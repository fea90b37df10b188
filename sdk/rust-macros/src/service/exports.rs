//! Exports of a service, and the entries that they call.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Ident, LitStr};

use super::client::tuple;
use super::functions::{Content, Function};
use super::module::{OnMail, Service};
use crate::state::State;
use crate::types::given;
use crate::world;

/// The functions behind the exports, in a module of their own within the author's, so that they
/// reach what is private there.
pub(crate) fn exports(service: &Service) -> TokenStream {
    let state = service.state.as_ref().map(state);
    let entries = service.functions.iter().map(entry);
    let on_mail = service.on_mail.as_ref().map(on_mail);
    let core_functions = service.functions.iter().map(core_function);
    let core_on_mail = service.on_mail.as_ref().map(|_| core_on_mail());
    let names = service.functions.iter().map(|function| &*function.export);
    let core_init = service.state.as_ref().map(|_| core_init());
    let wit = world::service(names, service.on_mail.is_some(), core_init.is_some());
    let bindings = bindings("service", &wit, service.on_mail.is_some());
    quote! {
        #[doc(hidden)]
        #[allow(warnings, clippy::all, clippy::pedantic, missing_docs, unreachable_pub, unsafe_code)]
        mod __rusm_service {
            use super::*;

            #state
            #(#entries)*
            #on_mail

            #[cfg(target_arch = "wasm32")]
            mod component {
                use ::rusm_rs::__private::{FlatMail, mail};
                use ::rusm_rs::service::{enter, leave};

                #(#core_functions)*
                #core_init
                #core_on_mail
                #bindings
            }
        }
    }
}

/// The types of a component's exports, for the tool that makes a component of the core module.
pub(crate) fn bindings(world: &str, wit: &str, takes_mail: bool) -> TokenStream {
    // A mapping that nothing needs is an error.
    let with = takes_mail.then(|| {
        let (http, types, actor) = (
            world::HTTP_INTERFACE,
            world::TYPES_INTERFACE,
            world::ACTOR_INTERFACE,
        );
        quote! {
            with: {
                #http: ::rusm_rs::__private::http,
                #types: ::rusm_rs::__private::types,
                #actor: ::rusm_rs::__private::actor,
            },
        }
    });
    quote! {
        mod world {
            ::rusm_rs::__private::wit_bindgen::generate!({
                inline: #wit,
                path: [],
                world: #world,
                #with
                runtime_path: "::rusm_rs::__private::wit_bindgen::rt",
            });
        }
    }
}

/// The state, and what makes it.
fn state(state: &State) -> TokenStream {
    let (holder, make) = (State::holder(), state.make(quote!(super::init())));
    quote! {
        #holder

        fn init_state() -> State {
            #make
        }

        /// The service starts: its state is made, and `init` may set timers.
        pub(super) fn enter_init() {
            STATE.with(|cell| cell.with(init_state, |_| ()))
        }
    }
}

/// From the bytes of a call of a function to those of its answer.
fn entry(function: &Function) -> TokenStream {
    let (of_arguments, of_answer) = (function.arguments_span(), function.answer_span());
    let names: Vec<_> = (0..function.parameters.len())
        .map(|index| format_ident!("argument_{index}", span = of_answer))
        .collect();
    let mut ident = function.ident.clone();
    ident.set_span(of_answer);
    let state = function.state.then(|| quote_spanned!(of_answer=> state,));
    let answer = quote_spanned!(of_answer=> super::#ident(#state #(#names),*));
    let answer = if function.output.fallible {
        quote_spanned!(of_answer=> ::rusm_rs::service::fallible(#answer)?)
    } else {
        answer
    };

    let name = LitStr::new(&function.export, of_arguments);
    let types = function.parameters.iter().map(|parameter| &parameter.ty);
    let types: Vec<_> = types.map(|ty| quote!(#ty)).collect();
    let types = tuple(&types, of_arguments);
    let pattern = match &*names {
        [] => quote!([]),
        names => quote!((#(#names,)*)),
    };
    let arguments = quote_spanned! { of_arguments=>
        let #pattern = ::rusm_rs::service::arguments::<#types>(#name, arguments)?;
    };

    let name = LitStr::new(&function.export, of_answer);
    let make = quote_spanned! { of_answer=> || {
        #arguments
        ::core::result::Result::Ok(#answer)
    }};
    let body = match &function.output.content {
        Content::Items(_) => {
            quote_spanned!(of_answer=> ::rusm_rs::service::items(#name, #make))
        }
        Content::Value(_) if function.calls_back() => {
            quote_spanned!(of_answer=> ::rusm_rs::service::answer_with_callbacks(#name, #make))
        }
        Content::Value(_) => {
            let value = quote_spanned!(of_answer=> ::rusm_rs::service::value(&#answer));
            quote! { #arguments #value }
        }
    };
    let body = if function.state {
        with_state(&body)
    } else {
        body
    };
    let entry = format_ident!("enter_{}", function.ident);
    quote! {
        pub(super) fn #entry(arguments: &[u8])
            -> ::core::result::Result<::std::vec::Vec<u8>, ::std::string::String>
        {
            #body
        }
    }
}

fn on_mail(on_mail: &OnMail) -> TokenStream {
    let place = on_mail.mail.resolved_at(Span::call_site());
    let mail = given(&Ident::new("mail", place), &quote!(::rusm_rs::Mail));
    let body = if on_mail.state {
        with_state(&quote!(super::on_mail(state, #mail)))
    } else {
        quote!(super::on_mail(#mail))
    };
    quote! {
        pub(super) fn enter_on_mail(mail: ::rusm_rs::Mail) {
            #body
        }
    }
}

fn with_state(body: &TokenStream) -> TokenStream {
    quote! {
        STATE.with(|cell| cell.with(init_state, |state| { #body }))
    }
}

/// A function as the canonical ABI has it, and the one that frees its answer.
fn core_function(function: &Function) -> TokenStream {
    let Function { ident, export, .. } = function;
    let entry = format_ident!("enter_{}", ident);
    let (core, post) = (
        format_ident!("core_{}", ident),
        format_ident!("post_{}", ident),
    );
    let core_name = core_name(export);
    let post_name = format!("{core_name}_post");
    quote! {
        #[unsafe(export_name = #core_name)]
        unsafe extern "C" fn #core(arguments: *mut u8, len: usize) -> *const u8 {
            // SAFETY: the host calls it, with the arguments of this type.
            unsafe { enter(arguments, len, super::#entry) }
        }

        #[unsafe(export_name = #post_name)]
        extern "C" fn #post(_answer: *const u8) {
            leave()
        }
    }
}

fn core_init() -> TokenStream {
    let core_name = core_name(world::INIT);
    quote! {
        #[unsafe(export_name = #core_name)]
        extern "C" fn core_init() {
            ::rusm_rs::__private::begin_lasting();
            super::enter_init();
        }
    }
}

pub(crate) fn core_on_mail() -> TokenStream {
    let core_name = core_name(world::ON_MAIL);
    quote! {
        #[unsafe(export_name = #core_name)]
        unsafe extern "C" fn core_on_mail(case: i32, first: u64, second: usize, third: usize) {
            // SAFETY: the host calls it, with mail.
            super::enter_on_mail(unsafe { mail(FlatMail { case, first, second, third }) })
        }
    }
}

/// The standard name of a world-level function among the exports of a core module
/// (component-model, `BuildTargets.md`).
pub(crate) fn core_name(export: &str) -> String {
    format!("cm32p2||{export}")
}
