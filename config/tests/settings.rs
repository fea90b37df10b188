//! `--set KEY=VALUE` over the values of a file.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail loudly"
)]

use std::io;
use std::path::Path;

use miette::{GraphicalReportHandler, GraphicalTheme};
use rusm_config::{App, ConfigError, Cores, LogLevel, Network, Setting, Variables};

const MANIFEST: &str = "\
[node]
cores = 4
[[serve]]
listen = '127.0.0.1:1'
[serve.routes]
'GET /' = 'site#index'
[[serve]]
listen = '127.0.0.1:2'
component = 'live'
subprotocols = ['a', 'b']
";

struct Port;

impl Variables for Port {
    fn variable(&self, name: &str) -> Option<String> {
        (name == "PORT").then(|| "9000".to_owned())
    }

    fn file(&self, _path: &Path) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }
}

fn read(settings: &[&str]) -> Result<App, ConfigError> {
    let settings: Vec<Setting> = settings.iter().map(|text| text.parse().unwrap()).collect();
    rusm_config::parse_with_settings("rusm.toml", MANIFEST, &settings, &Port)
}

fn app(settings: &[&str]) -> App {
    read(settings).unwrap_or_else(|error| panic!("{error}"))
}

/// The error of settings, as one line and as the whole report.
fn error(settings: &[&str]) -> (String, String) {
    let error = match read(settings) {
        Ok(_) => panic!("accepted: {settings:?}"),
        Err(error) => error,
    };
    let mut report = String::new();
    GraphicalReportHandler::new_themed(GraphicalTheme::none())
        .with_width(200)
        .render_report(&mut report, &error)
        .unwrap();
    (error.to_string(), report)
}

#[test]
fn a_setting_replaces_the_value_of_the_file() {
    let app = app(&[
        "node.cores=2",
        "serve.0.listen=\"127.0.0.1:8081\"",
        "serve.1.subprotocols.0=c",
        "serve.1.max-message=\"2KiB\"",
    ]);
    assert_eq!(app.node.cores, "2".parse::<Cores>().ok());
    assert_eq!(app.listeners[0].addr.port(), 8081);
    assert_eq!(app.listeners[1].websocket.subprotocols, ["c", "b"]);
    assert_eq!(app.listeners[1].websocket.max_message, 2048);
}

#[test]
fn a_setting_makes_the_tables_that_lead_to_it() {
    let app = app(&[
        "log.access=true",
        "components.site.capability=web",
        "capabilities.web.env.\"A.B\"=a=b",
        "capabilities.web.allow-network=['a.example', 'b.example']",
        "serve.0.headers={ x-a = '1', x-b = '2' }",
        "serve.0.routes.\"GET /a.b\"=site#other",
    ]);
    assert!(app.log.access);
    let capabilities = &app.components["site"].capabilities;
    assert_eq!(capabilities.env["A.B"], "a=b");
    assert!(matches!(capabilities.network, Network::Hosts(_)));
    assert_eq!(app.listeners[0].headers.len(), 2);
    assert_eq!(app.listeners[0].routes.routes().len(), 2);
}

#[test]
fn a_value_that_is_not_of_toml_is_a_string() {
    for (value, wanted) in [
        ("debug", "debug"),
        ("a b", "a b"),
        ("#fff", "#fff"),
        ("1 # one", "1 # one"),
        ("1\nx = 2", "1\nx = 2"),
        ("'1'", "1"),
        ("\"\\u0041\"", "A"),
        ("'''a\nb'''", "a\nb"),
        ("", ""),
        ("[1", "[1"),
        ("${PORT}", "9000"),
        ("$${PORT}", "${PORT}"),
    ] {
        let setting = format!("capabilities.p.env.KEY={value}");
        let app = app(&[&setting, "components.site.capability=p"]);
        assert_eq!(
            app.components["site"].capabilities.env["KEY"], wanted,
            "{value}"
        );
    }
    assert_eq!(app(&["log.level=debug"]).log.level, LogLevel::Debug);
    let app = app(&[
        "serve.0.listen=0.0.0.0:${PORT:-8080}",
        "node.pool-wait-ms=${PORT}",
    ]);
    assert_eq!(app.listeners[0].addr.port(), 9000);
    assert_eq!(app.node.pool_wait.as_millis(), 9000);
}

#[test]
fn the_last_setting_counts() {
    let app = app(&["log.level=debug", "log={ access = true }", "log.level=warn"]);
    assert_eq!((app.log.level, app.log.access), (LogLevel::Warn, true));
}

#[test]
fn an_error_names_the_setting() {
    let (line, report) = error(&["log.access=true", "node.core=2"]);
    assert_eq!(line, "--set node.core: unknown key `core` in [node]");
    let expected = "
  x --set node.core: unknown key `core` in [node]
   ,-[--set:1:6]
 1 | node.core=2
   :      ^^|^
   :        `-- did you mean `cores`?
   `----
";
    assert!(format!("\n{report}").starts_with(expected), "{report}");
    for (setting, place, words) in [
        ("nod.cores=2", "--set nod.cores", "did you mean `node`?"),
        ("node.cores=0", "--set node.cores", "from 1 to 1024"),
        ("log.level=infos", "--set log.level", "did you mean `info`?"),
        (
            "serve.0.listen=localhost:80",
            "--set serve.0.listen",
            "`127.0.0.1:80`",
        ),
        (
            "serve.2.listen=x",
            "--set serve.2.listen",
            "`serve` has 2 entries",
        ),
        (
            "serve.first.listen=x",
            "--set serve.first.listen",
            "counted from 0",
        ),
        (
            "node.cores.x=1",
            "--set node.cores.x",
            "`cores` is a value, not a table",
        ),
        ("node=1", "--set node", "must be a table"),
        (
            "serve.0.routes.\"/a\"=site#a",
            "--set serve.0.routes.\"/a\"",
            "did you mean `\"GET /a\"`?",
        ),
        (
            "serve.0.routes.\"GET /\"=a/b",
            "--set serve.0.routes.\"GET /\"",
            "`a/b` is not a name",
        ),
        ("log.level=${NONE}", "--set log.level", "`NONE` is not set"),
    ] {
        let (line, report) = error(&[setting]);
        assert!(line.starts_with(&format!("{place}: ")), "{line}");
        assert!(report.contains(words), "no {words:?} in\n{report}");
    }
}

#[test]
fn a_problem_of_the_file_keeps_its_place() {
    // The other listener is not in the text that is shown.
    let (line, report) = error(&["serve.0.listen=127.0.0.1:2"]);
    assert_eq!(line, "rusm.toml:8:10: two listeners at 127.0.0.1:2");
    assert!(
        report.contains("the second") && !report.contains("--set"),
        "{report}"
    );
    let (line, _) = error(&["serve.1.listen=127.0.0.1:1"]);
    assert_eq!(line, "--set serve.1.listen: two listeners at 127.0.0.1:1");
    // The file itself is no better for a setting.
    let setting: Setting = "log.level=info".parse().unwrap();
    let error = rusm_config::parse_with_settings("rusm.toml", "[node", &[setting], &Port);
    assert!(error.unwrap_err().to_string().starts_with("rusm.toml:1:"));
}
