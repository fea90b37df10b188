//! The imports and exports of a guest, and the result of trimming them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::super::fuzzing::Grants;

/// The imports and exports of a module.
pub struct Shape {
    imports: BTreeSet<String>,
    has_answers: bool,
}

/// Makes the body of a function of this type.
pub type Body<'a> = &'a mut dyn FnMut(&Imported, &str) -> String;

/// The numbers of the imports that a module has.
pub type Imported = Vec<usize>;

impl Shape {
    /// A module with a bit for each import, and one for each export and each answer, whose functions
    /// have these bodies. The function of the import 3 is `$i3`.
    pub fn of(imports: u32, exports: u32, body: Body<'_>) -> (Self, Vec<u8>) {
        let is_set = |bits: u32, index: usize| bits >> index & 1 != 0;
        let imported = (0..IMPORTS.len()).filter(|index| is_set(imports, *index));
        let imported: Imported = imported.collect();
        let mut text = String::from("(module ");
        for &index in &imported {
            let (module, name, ty) = IMPORTS[index];
            write!(
                text,
                r#"(import "{module}" "{name}" (func $i{index} {ty}))"#
            )
            .unwrap();
        }
        text += r#"(memory (export "memory") 1 8)"#;
        text += "(global $count (mut i64) (i64.const 0)) (table $t 8 funcref)";
        let of_one = imported
            .iter()
            .filter(|index| IMPORTS[**index].2 == "(param i32)");
        let of_one: String = of_one.take(8).map(|index| format!(" $i{index}")).collect();
        write!(text, "(elem (table $t) (i32.const 0) func{of_one})").unwrap();
        let mut function = |name: &str, ty: &str| {
            let body = body(&imported, ty);
            write!(text, r#"(func (export "{name}") {ty} {body})"#).unwrap();
        };
        for (index, (name, ty)) in FUNCTIONS.iter().enumerate() {
            if is_set(exports, index) {
                function(name, ty);
            }
        }
        // Half of the modules answer all that they can, a quarter each third import.
        let answers = exports >> FUNCTIONS.len();
        let mut has_answers = false;
        for (index, (module, name, ty)) in IMPORTS.iter().enumerate() {
            let interface = module.split_once("@0.2").map(|(interface, _)| interface);
            let is_answered = match answers & 3 {
                0 => false,
                1 => index % 3 == (answers >> 2 & 3) as usize,
                _ => true,
            };
            if let Some(interface) = interface.filter(|name| name.starts_with("wasi:"))
                && is_answered
            {
                function(&format!("{ANSWER}{interface}#{name}"), ty);
                has_answers = true;
            }
        }
        for (index, item) in OTHERS.iter().enumerate() {
            if is_set(answers >> 4, index) {
                text += item;
            }
        }
        text.push(')');
        let name = |&index: &usize| format!("{}#{}", IMPORTS[index].0, IMPORTS[index].1);
        let shape = Self {
            imports: imported.iter().map(name).collect(),
            has_answers,
        };
        (shape, wat::parse_str(text).unwrap())
    }

    /// The imports that stay the host's if they are used; `None` for what asks the host in an
    /// answer's name, which depends on more.
    fn is_hosts(&self, import: &str, grants: Grants) -> Option<bool> {
        let streams = grants.stdio || self.brings_streams(grants);
        let families = [
            ("wasi:cli/exit@0.2", false),
            ("wasi:random/insecure-seed@0.2", false),
            ("wasi:cli/environment@0.2", grants.env),
            ("wasi:filesystem/", grants.preopen),
            ("wasi:sockets/", grants.sockets),
            ("wasi:cli/std", streams),
            ("wasi:cli/terminal", streams),
            ("wasi:io/", streams),
            ("", true),
        ];
        let family = families
            .iter()
            .find(|(family, _)| import.starts_with(family));
        let is_answer = import.starts_with("cm32p2|");
        family.filter(|_| !is_answer).map(|(_, is_hosts)| *is_hosts)
    }

    /// Returns whether the host may hand out streams other than its standard ones.
    fn brings_streams(&self, grants: Grants) -> bool {
        let families = [
            ("wasi:filesystem/", grants.preopen),
            ("wasi:sockets/", grants.sockets),
            ("cm32p2|wasi:filesystem/", true),
            ("wasi:http/", true),
            ("wasi:cli/environment@0.3", true),
            ("acme:", true),
        ];
        let brings = |import: &String| {
            let family = families
                .iter()
                .find(|(family, _)| import.starts_with(family));
            family.is_some_and(|(_, granted)| *granted)
        };
        self.imports.iter().any(brings)
    }

    /// Checks that imports which are not granted are gone. Returns those that remain the host's.
    pub fn hosts(&self, left: &BTreeSet<String>, grants: Grants) -> BTreeSet<String> {
        assert!(left.is_subset(&self.imports), "{left:?}");
        if !self.has_answers {
            assert_eq!(*left, self.imports);
            return left.clone();
        }
        for import in left {
            assert_ne!(
                self.is_hosts(import, grants),
                Some(false),
                "{import} has stayed"
            );
        }
        let is_hosts = |import: &&String| {
            let is_left = left.contains(*import);
            self.is_hosts(import, grants).unwrap_or(is_left)
        };
        self.imports.iter().filter(is_hosts).cloned().collect()
    }

    pub fn check_exports(
        &self,
        before: &BTreeSet<String>,
        after: &BTreeSet<String>,
        is_handler: bool,
    ) {
        assert!(after.is_subset(before), "{after:?}");
        if !self.has_answers {
            return assert_eq!(after, before);
        }
        for export in before {
            let is_initializer = ["_initialize", "cm32p2_initialize"].contains(&export.as_str());
            let is_inner = export.starts_with(ANSWER) || export == "__heap_base";
            let stays = !is_inner && self.serves(export, is_handler);
            match after.contains(export) {
                true => assert!(stays, "{export} has stayed"),
                false => assert!(!stays || is_initializer, "{export} is gone"),
            }
        }
    }

    /// Returns whether a component of this kind needs the export.
    pub fn serves(&self, export: &str, is_handler: bool) -> bool {
        !is_handler || OF_A_HANDLER.contains(&export)
    }

    /// The functions that are called, in an order that is the same for both modules.
    pub fn calls<'a>(&self, exports: &'a BTreeSet<String>) -> Vec<&'a str> {
        let exports = exports.iter().map(String::as_str);
        exports.filter(|name| !name.starts_with(ANSWER)).collect()
    }
}

/// The function that answers in an import's place, by its name among the exports.
pub fn answer_to(module: &str, name: &str) -> String {
    let interface = module.split_once('@').map_or(module, |(name, _)| name);
    format!("{ANSWER}{interface}#{name}")
}

/// Before the name of each answer that the SDK exports.
pub const ANSWER: &str = "rusm-virtual:";

pub const ACTIONS: [&str; 2] = ["index", "show"];

const OF_A_HANDLER: &[&str] = &[
    "memory",
    "cabi_realloc",
    "_initialize",
    "cm32p2_initialize",
    "index",
    "cm32p2||show",
];

pub const IMPORTS: &[(&str, &str, &str)] = &[
    (
        "wasi:cli/environment@0.2.3",
        "get-environment",
        "(param i32)",
    ),
    ("wasi:cli/exit@0.2.3", "exit", "(param i32)"),
    (
        "wasi:random/insecure-seed@0.2.3",
        "insecure-seed",
        "(param i32)",
    ),
    ("wasi:random/random@0.2.3", "get-random-u64", "(result i64)"),
    ("wasi:cli/stdout@0.2.3", "get-stdout", "(result i32)"),
    (
        "wasi:cli/terminal-stdout@0.2.3",
        "get-terminal-stdout",
        "(param i32)",
    ),
    (
        "wasi:io/poll@0.2.0",
        "[method]pollable.block",
        "(param i32)",
    ),
    (
        "wasi:io/poll@0.2.0",
        "[resource-drop]pollable",
        "(param i32)",
    ),
    (
        "cm32p2|wasi:io/poll@0.2",
        "[method]pollable.block",
        "(param i32)",
    ),
    ("cm32p2|wasi:io/poll@0.2", "pollable_drop", "(param i32)"),
    (
        "wasi:io/streams@0.2.3",
        "[method]output-stream.check-write",
        "(param i32 i32)",
    ),
    (
        "wasi:io/streams@0.2.3",
        "[resource-drop]output-stream",
        "(param i32)",
    ),
    (
        "wasi:filesystem/types@0.2.3",
        "[method]descriptor.sync",
        "(param i32 i32)",
    ),
    (
        "wasi:filesystem/types@0.2.3",
        "[resource-drop]descriptor",
        "(param i32)",
    ),
    (
        "cm32p2|wasi:filesystem/types@0.2",
        "descriptor_drop",
        "(param i32)",
    ),
    (
        "wasi:sockets/tcp@0.2.3",
        "[method]tcp-socket.is-listening",
        "(param i32) (result i32)",
    ),
    ("wasi:clocks/monotonic-clock@0.2.3", "now", "(result i64)"),
    (
        "wasi:clocks/monotonic-clock@0.2.3",
        "subscribe-duration",
        "(param i64) (result i32)",
    ),
    (
        "cm32p2|wasi:clocks/monotonic-clock@0.2",
        "subscribe-duration",
        "(param i64) (result i32)",
    ),
    (
        "wasi:http/types@0.2.3",
        "[resource-drop]fields",
        "(param i32)",
    ),
    (
        "wasi:cli/environment@0.3.0",
        "get-environment",
        "(param i32)",
    ),
    ("rusm:runtime/log@0.1.0", "log", "(param i32 i32 i32)"),
    ("acme:queue/api", "next", "(param i64) (result i32 f64)"),
    ("$root", "work", "(param f32 f64) (result i64)"),
];

const FUNCTIONS: &[(&str, &str)] = &[
    ("index", "(param i32 i32) (result i32)"),
    ("cabi_post_index", "(param i32)"),
    ("cm32p2||show", "(param i64) (result f64)"),
    ("cm32p2||show_post", "(param f64)"),
    ("cabi_realloc", "(param i32 i32 i32 i32) (result i32)"),
    ("_initialize", ""),
    ("cm32p2_initialize", ""),
    ("malloc", "(param i32) (result i32 i64)"),
];

const OTHERS: &[&str] = &[
    r#"(global (export "__heap_base") i32 (i32.const 1024))"#,
    r#"(export "count" (global $count))"#,
    r#"(export "table" (table $t))"#,
];
