//! WIT worlds: the exports of a component.

/// The package `rusm:runtime` with one more world, `handlers`, which exports each action.
pub(crate) fn handlers<'a>(actions: impl Iterator<Item = &'a str>) -> String {
    let mut world = World::new("handlers", "use http.{request, response};");
    for action in actions {
        world.export(action, "func(request: request) -> response");
    }
    world.finish()
}

/// The package with a world `service`, which exports each function, and `init` if it has a state.
pub(crate) fn service<'a>(
    functions: impl Iterator<Item = &'a str>,
    on_mail: bool,
    init: bool,
) -> String {
    let uses = if on_mail { "use actor.{mail};" } else { "" };
    let mut world = World::new("service", uses);
    for function in functions {
        world.export(function, "func(args: list<u8>) -> result<list<u8>, string>");
    }
    if init {
        world.export(INIT, "func()");
    }
    if on_mail {
        world.export(ON_MAIL, "func(mail: mail)");
    }
    world.finish()
}

/// The package with a world `connection`, which exports the interface of what happens to one.
pub(crate) fn connection(interface: &str, on_mail: bool) -> String {
    let uses = if on_mail { "use actor.{mail};" } else { "" };
    let mut world = World::new("connection", uses);
    world.0 += &format!("    export {interface};\n");
    if on_mail {
        world.export(ON_MAIL, "func(mail: mail)");
    }
    world.finish()
}

/// The package with a world `main`, which exports the life of a process.
pub(crate) fn main() -> String {
    let mut world = World::new("main", "");
    world.export(RUN, "func()");
    world.finish()
}

/// Where `rusm-rs` has its own bindings to the types that worlds use.
pub(crate) const HTTP_INTERFACE: &str = "rusm:runtime/http@0.1.0";
pub(crate) const TYPES_INTERFACE: &str = "rusm:runtime/types@0.1.0";
pub(crate) const ACTOR_INTERFACE: &str = "rusm:runtime/actor@0.1.0";

/// The interfaces of connections among the exports of a core module: of their version only what
/// breaks (component-model, `BuildTargets.md`).
pub(crate) const WEBSOCKET_INTERFACE: &str = "rusm:runtime/websocket@0.1";
pub(crate) const SSE_INTERFACE: &str = "rusm:runtime/sse@0.1";

/// The export of a service that is entered once, before anything else.
pub(crate) const INIT: &str = "init";
/// The export of a process that takes mail.
pub(crate) const ON_MAIL: &str = "on-mail";
/// The export of a free-form process.
pub(crate) const RUN: &str = "run";

struct World(String);

impl World {
    fn new(name: &str, uses: &str) -> Self {
        Self(format!("{RUNTIME}\nworld {name} {{\n    {uses}\n"))
    }

    fn export(&mut self, name: &str, ty: &str) {
        // The percent sign lets a name be a keyword of WIT.
        self.0 += &format!("    export %{name}: {ty};\n");
    }

    fn finish(self) -> String {
        self.0 + "}\n"
    }
}

const RUNTIME: &str = include_str!("../wit/runtime.wit");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_has_the_interfaces_that_are_bound() {
        let bound = [
            HTTP_INTERFACE,
            TYPES_INTERFACE,
            ACTOR_INTERFACE,
            WEBSOCKET_INTERFACE,
            SSE_INTERFACE,
        ];
        for bound in bound {
            let (interface, version) = bound.split_once('@').unwrap();
            let (package, interface) = interface.split_once('/').unwrap();
            assert!(RUNTIME.starts_with(&format!("package {package}@{version}")));
            assert!(RUNTIME.contains(&format!("interface {interface} {{")));
        }
    }
}
