//! The WIT of a component: what it exports.

use crate::actions::Action;

/// The package `rusm:runtime` with one more world, which exports each action.
pub(crate) fn wit(actions: &[Action]) -> String {
    let mut wit = String::from(RUNTIME);
    wit += "\nworld handlers {\n    use http.{request, response};\n";
    for Action { export, .. } in actions {
        // The percent sign lets a name be a keyword of WIT.
        wit += &format!("    export %{export}: func(request: request) -> response;\n");
    }
    wit + "}\n"
}

/// Where `rusm-rs` has its own bindings to the types that the world uses.
pub(crate) const HTTP_INTERFACE: &str = "rusm:runtime/http@0.1.0";

const RUNTIME: &str = include_str!("../wit/runtime.wit");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_has_the_interface_that_is_bound() {
        let (interface, version) = HTTP_INTERFACE.split_once('@').unwrap();
        let (package, interface) = interface.split_once('/').unwrap();
        assert!(RUNTIME.starts_with(&format!("package {package}@{version};")));
        assert!(RUNTIME.contains(&format!("interface {interface} {{")));
    }
}
