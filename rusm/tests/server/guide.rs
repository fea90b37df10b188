//! `docs/serving.md`: its worked example is the app `tests/apps/guide`, and does what it shows.

use std::path::Path;
use std::process::Command;

use rusm_build::scaffold::{Language, new_app};

use crate::apps;
use crate::client::request;
use crate::server::{Serve, Server};

const GUIDE: &str = include_str!("../../../docs/serving.md");

/// Where the guide serves it.
const ORIGIN: &str = "http://127.0.0.1:8080";

fn start() -> Server {
    let manifest = read(&apps::guide().join("rusm.toml"));
    let manifest = manifest.replace("127.0.0.1:8080", "127.0.0.1:0");
    Serve::app(apps::guide()).manifest(&manifest).start()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The guide's text for a file: the block behind its name.
fn file(path: &str) -> &'static str {
    let (_, rest) = GUIDE
        .split_once(&format!("`{path}`:\n\n```"))
        .expect("the guide has the file");
    let (_language, rest) = rest.split_once('\n').unwrap();
    rest.split_once("```").expect("the end of a block").0
}

/// The guide's commands, each with what it prints, in order.
fn commands() -> Vec<(String, String)> {
    let blocks = GUIDE.split("```console\n").skip(1);
    let blocks = blocks.map(|rest| rest.split_once("```").expect("the end of a block").0);
    let mut commands = Vec::new();
    for block in blocks {
        let block = format!("\n{block}");
        for shown in block.split("\n$ ").skip(1) {
            let (command, output) = shown.split_once('\n').unwrap_or((shown, ""));
            commands.push((command.to_owned(), output.to_owned()));
        }
    }
    commands
}

/// What the only command that begins with this prints.
fn output(command: &str) -> String {
    let mut found = commands();
    found.retain(|(shown, _)| shown.starts_with(command));
    assert_eq!(found.len(), 1, "{command}");
    found.remove(0).1
}

#[test]
fn the_app_is_what_the_guide_has_its_reader_type() {
    let app = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apps/guide");
    let parent = tempfile::tempdir().unwrap();
    let new = new_app(parent.path(), "poll", Language::Rust).unwrap();
    let cargo = read(&new.join("components/poll/Cargo.toml"));
    assert_eq!(file("rusm.toml"), read(&app.join("rusm.toml")));
    for name in ["poll", "tally", "live"] {
        let source = format!("components/{name}/src/lib.rs");
        assert_eq!(file(&source), read(&app.join(&source)), "{source}");
        // By the `cp` and the `sed` of the guide.
        let renamed = cargo.replace("\"poll\"", &format!("\"{name}\""));
        let manifest = format!("components/{name}/Cargo.toml");
        assert_eq!(renamed, read(&app.join(&manifest)), "{manifest}");
    }
}

#[test]
fn it_does_what_the_guide_shows() {
    let server = start();
    let routes = output("rusm serve");
    let (_, routes) = routes.split_once(&format!("{ORIGIN}\n")).unwrap();
    assert!(
        server.banner.contains(routes.trim_end()),
        "{}",
        server.banner
    );

    let mut played = 0;
    for (command, output) in commands() {
        let words: Vec<&str> = command.split(' ').collect();
        if words[0] != "curl" || words.contains(&"-N") {
            continue;
        }
        let at = words.iter().position(|word| *word == "-X");
        let method = at.map_or("GET", |at| words[at + 1]);
        let target = words.last().unwrap().strip_prefix(ORIGIN).unwrap();
        let mut client = server.connect();
        let response = client.send(request(method, target, "", "")).response();
        let body = if words.contains(&"-i") {
            let (head, body) = output.split_once("\n\n").unwrap();
            let (line, fields) = head.split_once('\n').unwrap();
            let status = format!("HTTP/1.1 {} ", response.status);
            assert!(line.starts_with(&status), "{command}: {response:?}");
            for (name, value) in fields.lines().map(|line| line.split_once(": ").unwrap()) {
                let is_so = name == "date" || response.header(name) == Some(value);
                assert!(is_so, "{command}: {name}: {response:?}");
            }
            body.to_owned()
        } else {
            assert!(response.status < 300, "{command}: {response:?}");
            output
        };
        assert_eq!(response.text().trim_end(), body.trim_end(), "{command}");
        played += 1;
    }
    assert_eq!(played, 4, "the guide has other requests now");

    let feed = output("curl -N");
    let live = output("python3 -m websockets");
    let lines = live.lines().filter(|line| line.starts_with(['<', '>']));
    let root = env!("CARGO_MANIFEST_DIR");
    let output = Command::new(format!("{root}/../target/test-venv/bin/python"))
        .arg(format!("{root}/tests/server/clients/guide.py"))
        .arg(server.addr().port().to_string())
        .arg(feed)
        .args(lines)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(output.stdout, b"ok\n", "{said}");
    assert!(server.log().is_empty(), "{}", server.log());
}
