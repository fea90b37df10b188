//! No error tells what a variable holds.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail loudly"
)]

mod support;

use std::io;
use std::path::Path;

use miette::{GraphicalReportHandler, GraphicalTheme};
use rusm_config::{ConfigError, Variables};
use serde_json::json;

/// Holds a secret, as a variable and as a file.
struct Secret<'s>(&'s str);

impl Variables for Secret<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        (name == "SECRET").then(|| self.0.to_owned())
    }

    fn file(&self, _path: &Path) -> io::Result<String> {
        Ok(format!("{}\n", self.0))
    }
}

fn report(error: &ConfigError) -> String {
    let mut report = format!("{error}\n{error:?}\n");
    GraphicalReportHandler::new_themed(GraphicalTheme::none())
        .with_width(200)
        .render_report(&mut report, error)
        .unwrap();
    report
}

#[test]
fn a_secret_in_any_key_stays_one() {
    let values = support::values();
    assert!(values.len() > 60, "{}", values.len());
    let mut refused = 0;
    for path in &values {
        for secret in SECRETS {
            for written in [
                "${SECRET}",
                "${file:secret}",
                "x${SECRET}",
                "127.0.0.1:${SECRET}",
            ] {
                let manifest = support::manifest(path, &json!(written));
                let manifest = format!("{manifest}\n{}", manifest_beside(&manifest));
                let Err(error) = rusm_config::parse_with("rusm.toml", &manifest, &Secret(secret))
                else {
                    continue;
                };
                refused += 1;
                let report = report(&error).to_lowercase();
                assert!(!report.contains("hunter"), "{path:?} {secret}\n{report}");
            }
        }
    }
    assert!(refused > 1000, "{refused}");
}

#[test]
fn an_error_shows_the_value_as_it_is_written() {
    for (manifest, secret, words) in [
        (
            "[[serve]]\nlisten = '${SECRET}'\ncomponent = 'c'",
            "hunter2",
            &[
                "`${SECRET}` is not an IP address and a port",
                "rusm.toml:2:10: ",
            ][..],
        ),
        (
            "[[serve]]\nlisten = '127.0.0.1:1'\ncomponent = 'c'\nmax-body = '${SECRET}'",
            "10hunters",
            &["`max-body` must be a size", "such as `8KiB`"],
        ),
        (
            "[log]\nlevel = '${SECRET}'",
            "hunters",
            &["`level` must be one of `off`"],
        ),
        (
            "[node]\ncores = '${SECRET}'",
            "hunter-2",
            &["`${SECRET}` is not a core's number"],
        ),
        (
            "[node]\npool-wait-ms = '${SECRET}'",
            "70000",
            &[
                "a whole number from 0 to 60000",
                "its variable has another value",
            ],
        ),
        (
            "[[serve]]\nlisten = '127.0.0.1:1'\ncomponent = 'c'\nheaders = { a = '${SECRET}' }",
            "hunter\u{e9}",
            &[
                "the value of `${SECRET}` is not valid here",
                "may be a secret",
            ],
        ),
    ] {
        let error = rusm_config::parse_with("rusm.toml", manifest, &Secret(secret)).unwrap_err();
        let report = report(&error);
        assert!(!report.contains(secret), "{report}");
        for word in words {
            assert!(report.contains(word), "no {word:?} in\n{report}");
        }
    }
}

#[test]
fn values_that_are_wrong_together_are_not_told() {
    for (manifest, secret, words) in [
        (
            "[[serve]]\nlisten = '127.0.0.1:${SECRET}'\ncomponent = 'c'\n\
             [[serve]]\nlisten = '127.0.0.1:${SECRET}'\ncomponent = 'c'",
            "7777",
            &[
                "the value of `127.0.0.1:${SECRET}` is not valid here",
                "the first",
            ][..],
        ),
        (
            "[node]\ninstances-per-core = '${SECRET}'\nheld-per-core = 7778",
            "7777",
            &["all guests of a core", "lower this, or raise"],
        ),
        (
            "[components.hunter-two]\n[[serve]]\nlisten = '127.0.0.1:1'\ncomponent = '${SECRET}'",
            "hunter_two",
            &["first named here"],
        ),
    ] {
        let error = rusm_config::parse_with("rusm.toml", manifest, &Secret(secret)).unwrap_err();
        let report = report(&error);
        assert!(!report.contains(secret), "{report}");
        for word in words {
            assert!(report.contains(word), "no {word:?} in\n{report}");
        }
    }
}

#[test]
fn a_fault_beside_a_variable_is_told_as_ever() {
    let manifest = "[node]\nstore = '${SECRET}'\ncors = 1\n[log]\nlevel = 'inf'\n";
    let error = rusm_config::parse_with("rusm.toml", manifest, &Secret("x")).unwrap_err();
    let problems: Vec<_> = error.problems().map(ToString::to_string).collect();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(
        problems[0].ends_with("unknown key `cors` in [node]"),
        "{problems:?}"
    );
    assert!(
        problems[1].starts_with("rusm.toml:5:9: `level` must be"),
        "{problems:?}"
    );
}

/// Gives a listener an address, so that what else it has is read.
fn manifest_beside(manifest: &str) -> &'static str {
    match manifest.contains("[[serve]]") {
        true => "",
        false => "[[serve]]\nlisten = '127.0.0.1:1'\ncomponent = 'c'\n",
    }
}

/// What different forms may quote in part, or change before they do.
const SECRETS: &[&str] = &[
    "hunter2",
    "Hunter 2",
    "HUNTER2",
    "hunter_2",
    "10hunters",
    "10 Hunters",
    "hunter:2",
    "hunter2:80",
    "hunter#hunter",
    "Hunter#Hunter",
    "hunter/2",
    "https://hunter/2",
    "ws://hunter",
    "unix:",
    "/hunter/../hunter",
    "hunter,2-1",
    "1,hunter",
    "hunter\u{0}",
    "hunter\u{e9}",
    " hunter ",
    "*.*.hunter",
    "unix:/hunter/hunter/hunter/hunter/hunter/hunter/hunter/hunter/hunter/hunter/hunter/hunter/hunter/hunter/hunter/hunter",
];
