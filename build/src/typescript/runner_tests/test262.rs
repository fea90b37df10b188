//! Test262, the tests of ECMAScript, in instances of the snapshot and in QuickJS on this machine:
//! `make test262 TEST262=DIR`, where DIR is a checkout of <https://github.com/tc39/test262>. The two
//! agree, and what fails in both is what `test262_failing.txt` names, directories and files for all of
//! their tests.
//!
//! `EVERY=10` runs each tenth file; `ONLY=built-ins/Array,language` those below a directory; `WRITE=1`,
//! which takes all of them, writes the list.

#![allow(clippy::print_stdout, reason = "it is a report")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{env, fs, thread};

use serde_json::{Value, json};

use super::instance::Instances;

#[test]
#[ignore = "long: half an hour, and a checkout of Test262 (make test262)"]
fn the_snapshot_agrees_with_quickjs() {
    let Some(checkout) = env::var_os("TEST262").map(PathBuf::from) else {
        println!("TEST262 names no checkout");
        return;
    };
    let every = env::var("EVERY").map_or(1, |every| every.parse().unwrap());
    let only = env::var("ONLY").unwrap_or_default();
    let tests = tests(&checkout, every, &only);
    println!("{} tests", tests.len());
    let requests: Vec<String> = tests.iter().map(|test| test.request.to_string()).collect();
    let native = thread::spawn({
        let requests = requests.clone();
        move || on_this_machine(&requests)
    });
    let instances = Instances::of(&format!("{DRIVER}\n{ACTION}"), 2 << 20);
    let snapshot: Vec<String> = requests
        .iter()
        .map(|request| instances.act(request).unwrap_or_else(|why| why))
        .map(|outcome| outcome.replace('\n', " "))
        .collect();
    let native = native.join().unwrap();

    let (mut wrong, mut failing, mut differ) = (String::new(), BTreeSet::new(), 0);
    for ((test, snapshot), native) in tests.iter().zip(snapshot).zip(native) {
        if snapshot != native {
            writeln!(wrong, "{}: {snapshot} (QuickJS: {native})", test.name).unwrap();
            differ += 1;
        } else if snapshot != "ok" {
            failing.insert(test.name.as_str());
        }
    }
    let well = tests.len() - failing.len() - differ;
    println!(
        "{well} pass, {} fail in both, {differ} differ",
        failing.len()
    );
    let list = directory().join("test262_failing.txt");
    if env::var_os("WRITE").is_some() {
        assert!(every == 1 && only.is_empty(), "the list is of all tests");
        fs::write(&list, folded(&tests, &failing)).unwrap();
    } else {
        let known = fs::read_to_string(&list).unwrap_or_default();
        let known: BTreeSet<&str> = known.lines().collect();
        for Test { name, .. } in &tests {
            let is_known = levels(name).any(|level| known.contains(level));
            match (is_known, failing.contains(name.as_str())) {
                (false, true) => writeln!(wrong, "{name}: fails, and is not in the list").unwrap(),
                (true, false) => writeln!(wrong, "{name}: is in the list").unwrap(),
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// The tests that fail, a line each: a directory or a file is named in place of its tests if all of
/// them do.
fn folded(tests: &[Test], failing: &BTreeSet<&str>) -> String {
    let mut passing = BTreeSet::new();
    for Test { name, .. } in tests {
        if !failing.contains(name.as_str()) {
            passing.extend(levels(name));
        }
    }
    let mut lines = BTreeSet::new();
    for name in failing {
        lines.extend(levels(name).find(|level| !passing.contains(level)));
    }
    lines.into_iter().map(|line| format!("{line}\n")).collect()
}

/// The directories of a test, its file, and its own name.
fn levels(name: &str) -> impl Iterator<Item = &str> {
    let directories = name.match_indices('/').map(|(at, _)| &name[..=at]);
    directories.chain(name.split(' ').next()).chain([name])
}

struct Test {
    /// The path below `test`, and the mode: `sloppy` or `strict`.
    name: String,
    /// The input of the driver.
    request: Value,
}

fn tests(checkout: &Path, every: usize, only: &str) -> Vec<Test> {
    let root = checkout.join("test");
    let mut files = Vec::new();
    for area in ["language", "built-ins"] {
        collect(&root.join(area), &mut files);
    }
    files.sort();
    let below = |file: &&PathBuf| {
        let file = file.strip_prefix(&root).unwrap();
        only.is_empty() || only.split(',').any(|only| file.starts_with(only))
    };
    let files = files.iter().filter(below);
    files
        .step_by(every)
        .flat_map(|file| variants(checkout, &root, file))
        .collect()
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.to_string_lossy();
        if path.is_dir() {
            collect(&path, files);
        } else if name.ends_with(".js") && !name.contains("_FIXTURE") {
            files.push(path);
        }
    }
}

/// The script in sloppy and in strict mode, as its flags have it. Other modules, realms and agents are
/// not for an instance, which has one bundle, one realm and one thread.
fn variants(checkout: &Path, root: &Path, file: &Path) -> Vec<Test> {
    let Ok(source) = fs::read_to_string(file) else {
        return Vec::new();
    };
    let meta = Meta::of(&source);
    let is_out_of_reach = ["createRealm", "$262.agent", "IsHTMLDDA", "_FIXTURE"];
    if meta.flags.contains("module") || is_out_of_reach.iter().any(|word| source.contains(word)) {
        return Vec::new();
    }
    let is_raw = meta.flags.contains("raw");
    let is_async = meta.flags.contains("async");
    let mut includes = vec!["assert.js", "sta.js"];
    if is_async {
        includes.push("doneprintHandle.js");
    }
    includes.extend(meta.includes.iter().map(String::as_str));
    let mut harness = String::new();
    for include in includes.iter().filter(|_| !is_raw) {
        let include = fs::read_to_string(checkout.join("harness").join(include)).unwrap();
        harness.extend(include.lines().map(shared));
    }
    let modes: &[bool] = match () {
        () if is_raw || meta.flags.contains("noStrict") => &[false],
        () if meta.flags.contains("onlyStrict") => &[true],
        () => &[false, true],
    };
    let path = file.strip_prefix(root).unwrap().display().to_string();
    let variant = |&is_strict: &bool| {
        let (mode, directive) = match is_strict {
            true => ("strict", "\"use strict\";\n"),
            false => ("sloppy", ""),
        };
        Test {
            name: format!("{path} {mode}"),
            request: json!({
                "harness": harness,
                "source": format!("{directive}{source}"),
                "isAsync": is_async,
                "negative": meta.negative.as_ref().map(|kind| json!({ "type": kind })),
            }),
        }
    };
    modes.iter().map(variant).collect()
}

/// A line of the harness, whose `const` is `var`: the test is another script, and here another `eval`,
/// which would not see it.
fn shared(line: &str) -> String {
    let variable = line.strip_prefix("const ").or(line.strip_prefix("let "));
    variable.map_or_else(|| format!("{line}\n"), |rest| format!("var {rest}\n"))
}

/// The metadata of a test, in YAML of a simple kind.
#[derive(Default)]
struct Meta {
    flags: BTreeSet<String>,
    includes: Vec<String>,
    negative: Option<String>,
}

impl Meta {
    fn of(source: &str) -> Self {
        let mut meta = Self::default();
        let Some((_, rest)) = source.split_once("/*---") else {
            return meta;
        };
        let mut key = "";
        for line in rest.split("---*/").next().unwrap_or_default().lines() {
            let (indented, text) = (line.starts_with(' '), line.trim());
            let (name, value) = text.split_once(':').unwrap_or((text, ""));
            if !indented && !text.starts_with('-') {
                key = name;
            }
            let items = value.trim().trim_matches(['[', ']']).split(',');
            let items = items.chain(text.strip_prefix('-'));
            let items = items
                .map(|item| item.trim().to_owned())
                .filter(|item| !item.is_empty());
            match key {
                "flags" => meta.flags.extend(items),
                "includes" => meta.includes.extend(items),
                "negative" if name == "type" => meta.negative = Some(value.trim().to_owned()),
                _ => {}
            }
        }
        meta
    }
}

/// QuickJS, built for this machine: the harness of the runtime's tests (`scripts/test262.sh` has built it).
fn on_this_machine(requests: &[String]) -> Vec<String> {
    let runtime =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk/typescript/runtime/dist/runtime.js");
    let spawn = || -> Child {
        Command::new(env::var_os("HARNESS").expect("HARNESS is the runtime's test harness"))
            .arg("test262")
            .arg(&runtime)
            .arg(directory().join("test262_driver.js"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut outcomes = Vec::new();
    while outcomes.len() < requests.len() {
        let mut child = spawn();
        let mut stdin = child.stdin.take().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for request in &requests[outcomes.len()..] {
            let told = writeln!(stdin, "{request}").and_then(|()| stdin.flush());
            match (told, lines.next()) {
                (Ok(()), Some(Ok(line))) => outcomes.push(line),
                _ => {
                    outcomes.push("it has ended QuickJS".to_owned());
                    break;
                }
            }
        }
        drop(stdin);
        child.wait().unwrap();
    }
    outcomes
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/typescript/runner_tests")
}

const DRIVER: &str = include_str!("test262_driver.js");
const ACTION: &str =
    "export default async (request) => new Response(await runTest(await request.json()));";
