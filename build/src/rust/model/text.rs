//! Bodies of functions, of the kind that call imports and leave traces.

use std::fmt::Write as _;

use super::shape::{IMPORTS, Imported};

/// The body of a function of this type, of steps that take three bytes each.
pub fn body(steps: &[u8], imported: &Imported, ty: &str) -> String {
    let mut text = String::new();
    for step in steps.chunks_exact(3) {
        self::step(&mut text, step[0], step[1].into(), step[2], imported);
    }
    for result in words(ty, "result") {
        write!(text, "({result}.const 7)").unwrap();
    }
    text
}

fn step(text: &mut String, kind: u8, a: usize, b: u8, imported: &Imported) {
    let done = match kind % 8 {
        0..3 if !imported.is_empty() => {
            let index = imported[a % imported.len()];
            let ty = IMPORTS[index].2;
            for (nth, param) in words(ty, "param").enumerate() {
                write!(text, "({param}.const {})", usize::from(b) + nth).unwrap();
            }
            write!(text, "(call $i{index})").unwrap();
            words(ty, "result").try_for_each(|_| write!(text, "(drop)"))
        }
        3 => write!(text, "(i32.store (i32.const {}) (i32.const {b}))", a * 16),
        4 => write!(
            text,
            "(global.set $count (i64.add (global.get $count) (i64.const {b})))"
        ),
        5 => write!(
            text,
            "(call_indirect (param i32) (i32.const {b}) (i32.const {}))",
            a % 8
        ),
        6 => write!(
            text,
            "(if (i32.load (i32.const {})) (then (i32.store (i32.const {b}) (i32.const 1))))",
            a * 16
        ),
        _ => Ok(()),
    };
    done.unwrap();
}

/// The types of a kind in a type of functions: `param` or `result`.
fn words<'a>(ty: &'a str, kind: &str) -> impl Iterator<Item = &'a str> {
    let rest = ty.split_once(kind).map_or("", |(_, rest)| rest);
    let end = rest.find(')').unwrap_or(rest.len());
    rest[..end].split_whitespace()
}
