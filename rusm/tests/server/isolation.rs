//! No byte of one request is visible to the next.
//!
//! Some requests leave a secret wherever a guest can write, and end well or badly; others look
//! for it. A fresh instance that gets the same request must find the very same memory, whatever
//! ran before it: its scan gives a digest of all of it.

use std::net::SocketAddr;
use std::thread;

use crate::apps;
use crate::client::Client;
use crate::server::{Serve, two_cores};

/// How a request that leaves the secret ends.
const STAINS: [(&str, u16); 6] = [
    ("", 200),
    ("?grow=1", 200),
    ("?grow=20&end=trap", 500),
    ("?end=trap", 500),
    ("?end=overflow", 500),
    ("?end=spin", 504),
];

/// Memories that are put back whole.
#[test]
fn small_memories() {
    let manifest = manifest(4, &["small"]);
    let server = Serve::app(apps::lab()).manifest(&manifest).start();
    nothing_is_left(server.addr(), &["small"], 3_000);
}

/// Memories of which only the dirty pages are put back, beside small ones.
#[test]
fn large_memories() {
    let manifest = manifest(4, &["small", "large"]);
    let server = Serve::app(apps::lab()).manifest(&manifest).start();
    nothing_is_left(server.addr(), &["large", "small"], 600);
}

/// So few places that every request gets the memory of the one before.
#[test]
fn one_place_for_all() {
    let manifest = manifest(1, &["small", "large"]);
    let server = Serve::app(apps::lab()).manifest(&manifest).start();
    nothing_is_left(server.addr(), &["small", "large"], 300);
}

#[test]
fn several_cores() {
    let manifest = manifest(2, &["small", "large"]);
    let server = Serve::app(apps::lab())
        .manifest(&manifest)
        .args(["--cores", &two_cores()])
        .start();
    nothing_is_left(server.addr(), &["small", "large"], 300);
}

/// What `rusm build` makes is put back, and its actions are called in one piece, in both languages: if it came to be
/// unsuited, it would only be slow.
#[test]
fn components_of_both_languages_are_put_back() {
    for (app, component) in [
        (apps::hello(), "hello"),
        (apps::lab(), "small"),
        (apps::lab(), "large"),
        (apps::typescript(), "plain"),
    ] {
        let wasm = std::fs::read(app.join(format!("wasm/{component}.wasm"))).unwrap();
        let rewritten = rusm_wasm_reset::rewrite(&wasm, rusm_wasm_reset::Added::Reset);
        let rewritten = rewritten.unwrap_or_else(|why| panic!("{component}: {why}"));
        let call = rusm_wasm_reset::CALL.as_bytes();
        let calls = |bytes: &[u8]| bytes.windows(call.len()).any(|at| at == call);
        assert!(!calls(&wasm) && calls(&rewritten), "{component}");
    }
}

/// Stain and scan from several connections at once, so many times on each.
#[track_caller]
fn nothing_is_left(addr: SocketAddr, components: &[&str], rounds: usize) {
    let clean: Vec<_> = components
        .iter()
        .map(|component| clean_scan(addr, component))
        .collect();
    let clean = &clean;
    thread::scope(|scope| {
        for offset in 0..3 {
            scope.spawn(move || {
                let mut client = Client::connect(addr);
                for round in offset..rounds + offset {
                    let stained = components[round % components.len()];
                    // Those that end late are few, for they take their time.
                    let kinds = STAINS.len() - usize::from(round % 60 != 0);
                    let (how, status) = STAINS[round / 2 % kinds];
                    let stain = client.get(&format!("/{stained}/stain{how}"));
                    assert_eq!(stain.status, status, "{stained} {how}");
                    for (component, clean) in components.iter().zip(clean) {
                        let found = client.get(&format!("/{component}/scan")).text();
                        assert_eq!(&found, clean, "{component} after {stained} {how}");
                    }
                }
            });
        }
    });
}

/// What a scan finds in memory that nobody has used, after a look at what it would find.
#[track_caller]
fn clean_scan(addr: SocketAddr, component: &str) -> String {
    let mut client = Client::connect(addr);
    let clean = client.get(&format!("/{component}/scan")).text();
    assert!(clean.starts_with("secrets=0 statics=initial "), "{clean}");
    let stained = client.get(&format!("/{component}/both")).text();
    let (words, pages) = (number(&stained, "secrets="), number(&stained, "pages="));
    assert!(words * 8 > pages * 65_536 * 3 / 4, "most of it: {stained}");
    assert!(stained.contains(" statics=changed "), "{stained}");
    clean
}

/// The number behind `key` in what a scan has found.
#[track_caller]
fn number(found: &str, key: &str) -> usize {
    let text = found.split_once(key).expect(found).1;
    text.split(' ').next().unwrap().parse().expect(found)
}

fn manifest(instances: usize, components: &[&str]) -> String {
    let routes = components.iter().flat_map(|component| {
        ["stain", "scan", "both"]
            .map(|action| format!("\"GET /{component}/{action}\" = \"{component}#{action}\"\n"))
    });
    format!(
        "[node]\ninstances-per-core = {instances}\npool-wait-ms = 60000\n\
         [[serve]]\nlisten = \"127.0.0.1:0\"\nrequest-timeout-ms = 2000\n\
         [serve.routes]\n{}",
        routes.collect::<String>()
    )
}
