//! What the author's top-level code says and asks for while the snapshot is taken.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::bundle::package;
use super::told_by_author;
use crate::source_map::SourceMap;

/// Lines of top-level code, and the packages that have asked for what is fixed at build time. All
/// places are the author's. Clones share what was noted.
#[derive(Clone, Debug)]
pub(super) struct TopLevel {
    map: Arc<SourceMap>,
    noted: Arc<Mutex<BTreeSet<(String, String)>>>,
}

impl TopLevel {
    pub(super) fn new(map: SourceMap) -> Self {
        Self {
            map: Arc::new(map),
            noted: Arc::default(),
        }
    }

    /// Returns a message with its stack in the author's places, without the runtime's own code.
    pub(super) fn located(&self, text: &str) -> String {
        told_by_author(&self.map.locate(text))
    }

    /// Prints a line of the console.
    pub(super) fn print(&self, text: &str) {
        crate::note(format_args!("{}", self.located(text)));
    }

    /// Whether the code at the top of this stack is a package's. If so, it is noted once that the
    /// package has asked for `what`.
    pub(super) fn is_package(&self, what: &str, stack: &str) -> bool {
        let located = self.map.locate(stack);
        let Some(file) = located.lines().find_map(file) else {
            // A module of Node that is loaded is nobody's mistake, and nothing to note.
            return located.contains(super::node::PREFIX);
        };
        let Some(package) = package_of(file) else {
            return false;
        };
        let note = (package.to_owned(), what.to_owned());
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.insert(note) {
            crate::note(format_args!(
                "note: the package {package} asks for {what} at its top level, which runs once, at \
                 build time: {}",
                given(what)
            ));
        }
        true
    }
}

/// What a package gets of it.
fn given(what: &str) -> &'static str {
    match what {
        "the clock" => "it gets 1970-01-01 there",
        _ => "it is empty there",
    }
}

/// Returns the file of a line of a stack, if it is the author's or a package's.
fn file(line: &str) -> Option<&str> {
    let place = line.trim().strip_prefix("at ")?;
    let place = match place.rsplit_once('(') {
        Some((_, place)) => place.strip_suffix(')')?,
        None => place,
    };
    let file = place.rsplitn(3, ':').nth(2)?;
    let is_own = matches!(file, "runtime.js" | "bundle.js") || file.contains(super::node::PREFIX);
    (!is_own).then_some(file)
}

/// Returns the package that a file belongs to; none if it is the author's.
fn package_of(file: &str) -> Option<&str> {
    let (_, inside) = file.rsplit_once("node_modules/")?;
    Some(package(inside))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_file_of_a_stack_that_is_not_rusms_tells_whose_code_it_is() {
        let top_level = TopLevel::new(SourceMap::new("{}"));
        for (stack, is_package) in [
            (
                "    at now (runtime.js:1:2)\n    at f (a/node_modules/b/c.js:1:2)\n    at d.ts:1:1",
                true,
            ),
            (
                "    at call (native)\n    at f (d.ts:1:1)\n    at g (node_modules/@b/c/d.js:1:2)",
                false,
            ),
            (
                "    at x (node:process:1:2)\n    at node_modules/b/c.js:1:2",
                true,
            ),
            (
                "    at x (node:process:1:2)\n    at y (node:util:1:2)",
                true,
            ),
            ("    at bundle.js:1:1", false),
            ("", false),
        ] {
            assert_eq!(
                top_level.is_package("the clock", stack),
                is_package,
                "{stack}"
            );
        }
        let noted = top_level.noted.lock().unwrap();
        assert_eq!(noted.len(), 1, "once: {noted:?}");
    }

    #[test]
    fn packages_have_their_scope() {
        assert_eq!(
            package_of("x/node_modules/a/node_modules/@b/c/d.js"),
            Some("@b/c")
        );
        assert_eq!(package_of("src/index.ts"), None);
    }
}
