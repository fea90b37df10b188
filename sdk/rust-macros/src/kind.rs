//! Checks common to all functions that the host calls.

use syn::{Attribute, Safety, Signature};

use crate::errors::Errors;

/// A kind of function, in the words of the messages.
pub(crate) struct Kind {
    /// With its article.
    pub(crate) name: &'static str,
    /// Why it is not generic.
    pub(crate) concrete: &'static str,
}

impl Kind {
    /// Nothing before the name or in angle brackets that a call from outside could not give.
    pub(crate) fn check_modifiers(&self, signature: &Signature, errors: &mut Errors) {
        let Self { name, .. } = self;
        if let Some(token) = &signature.asyncness {
            errors.at(
                token,
                format!(
                    "{name} is not async: a call that waits parks the process and frees the core"
                ),
            );
        }
        if let Safety::Unsafe(token) = &signature.safety {
            errors.at(token, format!("{name} is not unsafe"));
        }
        if let Some(token) = &signature.abi {
            errors.at(token, format!("{name} is a plain Rust function"));
        }
        if !signature.generics.params.is_empty() {
            errors.at(&signature.generics, self.not_generic());
        }
    }

    /// Nothing that takes it away.
    pub(crate) fn check_attributes(&self, attributes: &[Attribute], errors: &mut Errors) {
        if let Some(cfg) = attributes.iter().find(|a| a.path().is_ident("cfg")) {
            let message = format!(
                "{} is always there: put the `cfg` inside the function",
                self.name
            );
            errors.at(cfg, message);
        }
    }

    pub(crate) fn not_generic(&self) -> String {
        format!("{} is not generic: {}", self.name, self.concrete)
    }
}
