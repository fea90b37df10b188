//! The table of routes agrees with trying each of them in turn.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rusm_config::{Lookup, Route};

fuzz_target!(|text: &str| {
    let mut lines = text.lines();
    let Some((method, path)) = lines.next().and_then(|line| line.split_once(' ')) else {
        return;
    };
    let mut manifest = String::from("[[serve]]\nlisten = \"127.0.0.1:0\"\n[serve.routes]\n");
    for route in lines.take(12) {
        if route.contains(['"', '\\', '\n']) || route.chars().any(char::is_control) {
            return;
        }
        manifest += &format!("\"{route}\" = \"c#a\"\n");
    }
    let Ok(app) = rusm_config::parse("fuzz", &manifest) else {
        return;
    };
    let Some(listener) = app.listeners.first() else {
        return;
    };
    let table = &listener.routes;
    let lookup = table.lookup(method, path);
    let expected = try_each(table.routes(), method, path);
    match (lookup, expected) {
        (Lookup::BadPath, Expected::BadPath) | (Lookup::NotFound, Expected::None) => {}
        (Lookup::MethodNotAllowed { allow }, Expected::None) => {
            // One of the methods that it names would be answered.
            for method in allow.split(", ") {
                assert!(matches!(
                    try_each(table.routes(), method, path),
                    Expected::Found(..) | Expected::BadPath
                ));
            }
            assert!(
                !allow.split(", ").any(|allowed| allowed == method),
                "{allow}"
            );
        }
        (Lookup::Found(found), Expected::Found(index, captures)) => {
            assert_eq!(found.route.index(), index);
            let values: Vec<_> = found
                .params
                .iter()
                .map(|(_, value)| value.to_owned())
                .collect();
            assert_eq!(values, captures);
        }
        (lookup, expected) => panic!("{lookup:?}, but {expected:?}"),
    }
});

#[derive(Debug)]
enum Expected {
    Found(usize, Vec<String>),
    BadPath,
    None,
}

fn try_each(routes: &[Route], method: &str, path: &str) -> Expected {
    let hex = |at: usize| path.as_bytes().get(at).is_some_and(u8::is_ascii_hexdigit);
    if path
        .match_indices('%')
        .any(|(at, _)| !hex(at + 1) || !hex(at + 2))
    {
        return Expected::BadPath;
    }
    let methods: &[&str] = match method {
        "HEAD" => &["HEAD", "GET", "*"],
        method => &[method, "*"],
    };
    for method in methods {
        let of_method = routes
            .iter()
            .enumerate()
            .filter(|(_, route)| route.method == *method);
        let matching = of_method.filter_map(|(index, route)| {
            let (rank, captures) = matches(&route.pattern, path)?;
            Some((rank, index, captures))
        });
        if let Some((_, index, captures)) = matching.min() {
            let decoded = captures.iter().map(|raw| {
                let decoded = percent_encoding::percent_decode_str(raw).decode_utf8();
                decoded.ok().map(|value| value.into_owned())
            });
            return match decoded.collect() {
                Some(values) => Expected::Found(index, values),
                None => Expected::BadPath,
            };
        }
    }
    Expected::None
}

/// How good the match is, segment by segment, the least the best; and what is captured.
fn matches(pattern: &str, path: &str) -> Option<(Vec<u8>, Vec<String>)> {
    let mut rest = path.strip_prefix('/');
    let mut rank = Vec::new();
    let mut captures = Vec::new();
    for segment in pattern.strip_prefix('/')?.split('/') {
        let left = rest?;
        if segment == "*" {
            rank.push(2);
            captures.push(left.to_owned());
            return Some((rank, captures));
        }
        let (first, tail) = match left.split_once('/') {
            Some((first, tail)) => (first, Some(tail)),
            None => (left, None),
        };
        rest = tail;
        if segment.starts_with(':') {
            if first.is_empty() {
                return None;
            }
            rank.push(1);
            captures.push(first.to_owned());
        } else {
            if octets(segment) != octets(first) {
                return None;
            }
            rank.push(0);
        }
    }
    rest.is_none().then_some((rank, captures))
}

/// A segment as a list of octets, of each whether it was escaped though it has a meaning of its own.
fn octets(segment: &str) -> Vec<(u8, bool)> {
    let bytes = segment.as_bytes();
    let (mut octets, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let escaped = bytes[at] == b'%';
        let octet = match escaped {
            true => u8::from_str_radix(&segment[at + 1..at + 3], 16).unwrap_or_default(),
            false => bytes[at],
        };
        let reserved = b"!$&'()*+,;=:@/".contains(&octet);
        octets.push((octet, escaped && reserved));
        at += if escaped { 3 } else { 1 };
    }
    octets
}
