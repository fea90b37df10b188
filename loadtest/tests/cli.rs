//! The command, as a user runs it.

#![allow(clippy::unwrap_used, clippy::panic)]

mod stub;

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rusm_loadtest::model::{Mode, Report};
use rusm_loadtest::report::json;
use stub::http::Http;

#[test]
fn a_run_leaves_its_files_and_a_summary() {
    let stub = Http::delayed(Duration::from_millis(1)).start();
    let dir = tempfile::tempdir().unwrap();
    let output = run(
        dir.path(),
        &format!(
            "http {} -c 4 -d 1s --warmup 0s --json a.json --html a.html --hgrm a.log",
            stub.url("http", "/")
        ),
    );
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let summary = String::from_utf8(output.stdout).unwrap();
    assert!(
        summary.contains("closed loop") && summary.contains("p99"),
        "{summary}"
    );

    let report = read(dir.path(), "a.json");
    assert_eq!(report.plan.mode, Mode::Http);
    assert_eq!(report.plan.connections, 4);
    let [run] = report.runs.as_slice() else {
        panic!("{report:?}");
    };
    assert!(run.ok > 0);
    assert_eq!(run.statuses[&200], run.ok);
    assert!(
        run.generator.cpu > 0.0 && run.generator.cpu <= 1.05,
        "{}",
        run.generator.cpu
    );
    assert_eq!(report.machine.generator_cores.len(), 1);
    let html = std::fs::read_to_string(dir.path().join("a.html")).unwrap();
    assert!(html.contains("uPlot"), "no charts");
    let log = std::fs::read_to_string(dir.path().join("a.log")).unwrap();
    assert!(log.contains("HIST"), "{log}");
}

/// The pages' charts are tested where they are drawn; here that real figures come to them.
#[test]
fn the_pages_of_real_runs_open_in_a_browser() {
    if Command::new("chromium").arg("--version").output().is_err() {
        eprintln!("skipped: no chromium");
        return;
    }
    let stub = Http::delayed(Duration::from_millis(1)).start();
    let dir = tempfile::tempdir().unwrap();
    let url = stub.url("http", "/");
    for line in [
        format!("http {url} -c 4 -d 2s --warmup 0s --html a.html"),
        format!("sweep {url} -c 4 -d 1s --warmup 0s --rates 100..500/3 --rounds 1 --html a.html"),
    ] {
        let output = run(dir.path(), &line);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let browsed = Command::new("chromium")
            .args(["--headless", "--no-sandbox", "--disable-gpu"])
            .args(["--disable-dev-shm-usage", "--enable-logging=stderr"])
            .args(["--window-size=1200,2400", "--dump-dom"])
            .arg(format!(
                "--user-data-dir={}",
                dir.path().join("p").display()
            ))
            .arg(format!("file://{}", dir.path().join("a.html").display()))
            .output()
            .unwrap();
        let page = String::from_utf8_lossy(&browsed.stdout).into_owned();
        let log = String::from_utf8_lossy(&browsed.stderr).into_owned();
        assert!(page.matches("<canvas").count() >= 2, "{line}: {log}");
        assert!(!page.contains("class=\"error\""), "{line}: {page}");
        assert!(!log.contains("CONSOLE"), "{line}: {log}");
    }
}

#[test]
fn quiet_prints_nothing() {
    let stub = Http::default().start();
    let dir = tempfile::tempdir().unwrap();
    let line = format!("http {} -c 1 -d 1s --warmup 0s -q", stub.url("http", "/"));
    let output = run(dir.path(), &line);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(
        output.stdout.is_empty() && output.stderr.is_empty(),
        "{output:?}"
    );
}

#[test]
fn nobody_there_is_said_at_once() {
    let nobody = stub::refused();
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &format!("http http://{}/", nobody.addr()));
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains("cannot connect") && error.contains("refused"),
        "{error}"
    );
}

#[test]
fn a_run_without_a_success_fails() {
    let stub = Http {
        status: 503,
        ..Http::default()
    };
    let stub = stub.start();
    let dir = tempfile::tempdir().unwrap();
    let line = format!(
        "http {} -c 1 -d 1s --warmup 0s --json a.json",
        stub.url("http", "/")
    );
    let output = run(dir.path(), &line);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("status 503"), "{error}");
    // What was measured is kept all the same.
    assert!(read(dir.path(), "a.json").runs[0].errors["status 503"] > 0);
}

#[test]
fn usage_errors_are_told_from_failures() {
    let stub = Http::default().start();
    let url = stub.url("http", "/");
    let dir = tempfile::tempdir().unwrap();
    for (line, says) in [
        ("http".to_owned(), "required"),
        ("http https://a/".to_owned(), "TLS"),
        (format!("http {url} -d 0s"), "longer than nothing"),
        (
            format!("http {url} --expect 2x"),
            "nothing that can be expected",
        ),
        (format!("http {url} --cores 4096"), "core 4096"),
        (format!("http {url} -b @none"), "cannot read the body"),
        (format!("ws {url}"), "not for this mode"),
        ("http --targets none.toml".to_owned(), "none.toml"),
        (format!("peak {url}"), "required"),
        (format!("http {url} -c 0"), "at least 1"),
    ] {
        let output = run(dir.path(), &line);
        assert_eq!(output.status.code(), Some(2), "{line}: {output:?}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(says), "{line}: {error}");
    }
}

#[test]
fn targets_come_from_a_file() {
    let stub = Http::default().start();
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("body.json"), "{\"a\": 1}").unwrap();
    let file = format!(
        "[[target]]\nurl = \"{}\"\n[[target]]\nurl = \"{}\"\nmethod = \"PUT\"\nbody = \"@body.json\"",
        stub.url("http", "/one"),
        stub.url("http", "/two"),
    );
    std::fs::write(dir.path().join("t.toml"), file).unwrap();
    let output = run(
        dir.path(),
        "http --targets t.toml -c 2 -d 1s --warmup 0s -q",
    );
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let heads = stub.heads();
    let put = heads
        .iter()
        .find(|head| head.starts_with("PUT /two "))
        .unwrap();
    assert_eq!(stub::header(put, "content-length"), Some("8"));
    assert!(heads.iter().any(|head| head.starts_with("GET /one ")));
}

/// Four connections of 10 ms each: no more than 400 a second, in less than 50 ms.
#[test]
fn peak_finds_what_the_server_can_do() {
    let stub = Http::delayed(Duration::from_millis(10)).start();
    let dir = tempfile::tempdir().unwrap();
    let line = format!(
        "peak {} -c 4 -d 400ms --warmup 100ms --p90 50ms --errors 1% --trials 12 --precision 20% \
         --json a.json",
        stub.url("http", "/")
    );
    let output = run(dir.path(), &line);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report = read(dir.path(), "a.json");
    let peak = report.peak.unwrap();
    assert!((50.0..=440.0).contains(&peak.rate), "{peak:?}");
    assert!(peak.range.0 <= peak.rate && peak.rate <= peak.range.1);
    for trial in &peak.trials {
        let label = &report.runs[trial.run].label;
        assert!(
            label.ends_with(&format!("rate {}", trial.offered)),
            "{label}"
        );
    }
}

#[test]
fn a_sweep_over_rates_has_every_round() {
    let stub = Http::delayed(Duration::from_millis(5)).start();
    let dir = tempfile::tempdir().unwrap();
    let line = format!(
        "sweep {} -c 2 -d 200ms --warmup 0s --rates 50..150/3 --rounds 2 --p99 80ms --json a.json",
        stub.url("http", "/")
    );
    let output = run(dir.path(), &line);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report = read(dir.path(), "a.json");
    let sweep = report.sweep.unwrap();
    assert_eq!(sweep.over, "rate");
    let points: Vec<_> = sweep
        .points
        .iter()
        .map(|point| (point.x, point.runs.clone()))
        .collect();
    let expected = [(50.0, vec![0, 3]), (100.0, vec![1, 4]), (150.0, vec![2, 5])];
    assert_eq!(points, expected);
    assert!(sweep.capacity.is_some());
}

#[test]
fn a_sweep_over_cores_runs_the_command_before_each_point() {
    let stub = Http::default().start();
    let dir = tempfile::tempdir().unwrap();
    let output = run_with(
        dir.path(),
        &format!(
            "sweep {} -c 2 -d 100ms --warmup 0s --core-counts 1-2 --rounds 2 --json a.json",
            stub.url("http", "/")
        ),
        &["--cores-command", "echo {cores} >> called"],
    );
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    // Once to see whether it starts the server, then for each point of each round.
    let called = std::fs::read_to_string(dir.path().join("called")).unwrap();
    assert_eq!(called, "1\n1\n2\n1\n2\n");
    let sweep = read(dir.path(), "a.json").sweep.unwrap();
    assert_eq!(sweep.over, "cores");
    assert_eq!(sweep.points.len(), 2);

    let url = stub.url("http", "/");
    let line = format!("sweep {url} --core-counts 1");
    let failed = run_with(dir.path(), &line, &["--cores-command", "exit 3; {cores}"]);
    assert_eq!(failed.status.code(), Some(3), "{failed:?}");
    let error = String::from_utf8(failed.stderr).unwrap();
    assert!(error.contains("exit 3"), "{error}");
}

#[test]
fn two_files_are_compared() {
    let dir = tempfile::tempdir().unwrap();
    for (name, delay) in [("a.json", 2), ("b.json", 20)] {
        let stub = Http::delayed(Duration::from_millis(delay)).start();
        let line = format!(
            "http {} -c 2 -d 1s --warmup 0s -q --json {name}",
            stub.url("http", "/")
        );
        assert_eq!(run(dir.path(), &line).status.code(), Some(0));
    }
    let output = run(dir.path(), "compare a.json b.json --html c.html");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("p50"), "{text}");
    assert!(dir.path().join("c.html").exists());
    let missing = run(dir.path(), "compare a.json none.json");
    assert_eq!(missing.status.code(), Some(2), "{missing:?}");
}

/// `-n` ends these runs long before their duration.
#[test]
fn json_on_standard_output_has_the_summary_on_standard_error() {
    let stub = Http::default().start();
    let dir = tempfile::tempdir().unwrap();
    let line = format!("http {} -c 1 -n 5 --json -", stub.url("http", "/"));
    let output = run(dir.path(), &line);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report = json::read(output.stdout.as_slice()).unwrap();
    assert_eq!(report.runs[0].completed, 5);
    let summary = String::from_utf8(output.stderr).unwrap();
    assert!(summary.contains("p99"), "{summary}");
    assert!(!dir.path().join("-").exists());
}

#[test]
fn a_missed_expectation_is_exit_code_1_and_a_met_one_0() {
    let stub = Http::delayed(Duration::from_millis(1)).start();
    let dir = tempfile::tempdir().unwrap();
    let url = stub.url("http", "/");
    for (expected, code, says) in [
        ("--expect-p99 1h --expect-rate 0.001", 0, ""),
        ("--expect-errors 0", 0, ""),
        ("--expect-p50 1us", 1, "p50"),
        ("--expect-p99 1h --expect-rate 1000000000", 1, "rate"),
    ] {
        let output = run(
            dir.path(),
            &format!("http {url} -c 1 -n 5 --json a.json {expected}"),
        );
        assert_eq!(output.status.code(), Some(code), "{expected}: {output:?}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(error.contains("missed"), code == 1, "{expected}: {error}");
        assert!(error.contains(says), "{expected}: {error}");
        // The run is reported whatever was expected of it.
        assert_eq!(read(dir.path(), "a.json").runs[0].completed, 5);
    }
}

#[test]
fn a_file_that_cannot_be_written_is_said_before_the_run() {
    let stub = Http::default().start();
    let dir = tempfile::tempdir().unwrap();
    let url = stub.url("http", "/");
    for line in [
        format!("http {url} --json none/a"),
        format!("http {url} --html none/a"),
        format!("http {url} --hgrm none/a"),
        format!("peak {url} --p99 5ms --json none/a"),
        format!("sweep {url} --html none/a"),
        "compare a.json b.json --html none/a".to_owned(),
    ] {
        let output = run(dir.path(), &line);
        assert_eq!(output.status.code(), Some(2), "{line}: {output:?}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains("cannot write none/a"), "{line}: {error}");
    }
    let output = run_with(
        dir.path(),
        &format!("sweep {url} --core-counts 1 --json none/a"),
        &["--cores-command", "echo {cores} > called"],
    );
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(!dir.path().join("called").exists());
    let twice = run(dir.path(), &format!("http {url} --json - --hgrm -"));
    assert_eq!(twice.status.code(), Some(2), "{twice:?}");
    assert_eq!(stub.accepted(), 0);
}

#[test]
fn trying_a_file_leaves_it_as_it_was() {
    let nobody = stub::refused();
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("old.json"), "old").unwrap();
    let url = format!("http://{}/", nobody.addr());
    let output = run(
        dir.path(),
        &format!("http {url} --json old.json --html new.html"),
    );
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let old = std::fs::read_to_string(dir.path().join("old.json")).unwrap();
    assert_eq!(old, "old");
    assert!(!dir.path().join("new.html").exists());
}

/// The third request is sent when two have been answered and recorded.
#[test]
fn a_signal_ends_the_run_which_is_reported() {
    for signal in [libc::SIGINT, libc::SIGTERM] {
        let stub = Http::delayed(Duration::from_millis(1)).start();
        let dir = tempfile::tempdir().unwrap();
        let line = format!(
            "http {} -c 1 -d 60s --warmup 0s --json a.json",
            stub.url("http", "/")
        );
        let child = command(dir.path(), &line)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        while stub.requests() < 3 {
            std::thread::sleep(Duration::from_millis(1));
        }
        let pid = libc::pid_t::try_from(child.id()).unwrap();
        // SAFETY: no memory is passed; the child has not been waited for, so the id is its own.
        assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{output:?}");
        let summary = String::from_utf8(output.stdout).unwrap();
        assert!(summary.contains("p99"), "{summary}");
        let report = read(dir.path(), "a.json");
        assert!(report.runs[0].interrupted);
        assert!(report.runs[0].completed >= 2);
    }
}

fn run(dir: &Path, line: &str) -> Output {
    run_with(dir, line, &[])
}

fn run_with(dir: &Path, line: &str, more: &[&str]) -> Output {
    command(dir, line).args(more).output().unwrap()
}

fn command(dir: &Path, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rusm-loadtest"));
    command
        .args(line.split_whitespace())
        .current_dir(dir)
        .env("NO_COLOR", "1");
    command
}

fn read(dir: &Path, name: &str) -> Report {
    json::read(std::fs::File::open(dir.join(name)).unwrap()).unwrap()
}
