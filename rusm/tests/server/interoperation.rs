//! Other people's load generators. `make test` installs them.

use std::process::Command;

use crate::server::Serve;

/// 100,000 requests over 64 connections that are kept alive.
#[test]
fn h2load_100_000_requests() {
    let server = Serve::hello().start();
    let url = format!("http://{}/", server.addr());
    let report = run(
        "h2load",
        ["--h1", "-n100000", "-c64", "-t1", &url].map(str::to_owned),
    );
    let all = "100000 total, 100000 started, 100000 done, 100000 succeeded, 0 failed, 0 errored";
    assert!(report.contains(all), "{report}");
}

#[test]
fn apache_bench_with_and_without_keep_alive() {
    let server = Serve::hello().start();
    let url = format!("http://{}/users/7", server.addr());
    for keep_alive in [true, false] {
        let mut args = vec!["-q".to_owned(), "-n2000".to_owned(), "-c16".to_owned()];
        args.extend(keep_alive.then(|| "-k".to_owned()));
        args.push(url.clone());
        let report = run("ab", args);
        let line = |name: &str| {
            let line = report.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_whitespace().last())
                .map(str::to_owned)
        };
        assert_eq!(
            line("Complete requests:").as_deref(),
            Some("2000"),
            "{report}"
        );
        assert_eq!(line("Failed requests:").as_deref(), Some("0"), "{report}");
        let kept = line("Keep-Alive requests:");
        assert_eq!(kept.as_deref(), keep_alive.then_some("2000"), "{report}");
    }
}

#[test]
fn wrk_sees_no_error() {
    let server = Serve::hello().start();
    let url = format!("http://{}/", server.addr());
    let report = run("wrk", ["-t1", "-c64", "-d2s", &url].map(str::to_owned));
    assert!(report.contains("requests in"), "{report}");
    assert!(
        !report.contains("Socket errors") && !report.contains("Non-2xx"),
        "{report}"
    );
}

fn run(program: &str, args: impl IntoIterator<Item = String>) -> String {
    let output = Command::new(program)
        .args(args)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}: scripts/setup-test-tools.sh"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{program}: {}: {said}",
        output.status
    );
    String::from_utf8(output.stdout).expect("it prints text")
}
