//! What keeps a server from starting, and how it says so; `check` and `new`.

use std::net::TcpListener;
use std::path::Path;
use std::process::Output;

use crate::apps::{self, rusm};
use crate::server::{Serve, two_cores};

#[test]
fn a_port_that_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let cores = two_cores();
    let server = Serve::hello().args(["--cores", &cores]).start();
    for addr in [taken.local_addr().unwrap(), server.addr()] {
        let listen = addr.to_string();
        for cores in ["1", &cores] {
            let serve = Serve::app(apps::hello()).args(["--listen", &listen, "--cores", cores]);
            let expected =
                format!("error: cannot listen on {addr}: another server already listens there\n");
            assert_eq!(serve.fails_to_start(), (Some(1), expected));
        }
    }
    assert_eq!(server.connect().get("/").status, 200);
}

#[test]
fn a_restart_gets_the_port_again() {
    let mut addr = "127.0.0.1:0".to_owned();
    for signal in [libc::SIGKILL, libc::SIGTERM, libc::SIGKILL, libc::SIGTERM].repeat(5) {
        let mut server = Serve::app(apps::hello()).args(["--listen", &addr]).start();
        addr = server.addr().to_string();
        // A connection that the server closes first lingers in the kernel.
        server
            .connect()
            .send("GET / HTTP/1.0\r\n\r\n")
            .responses_to_end();
        server.signal(signal);
        server.wait().expect("it ends");
    }
}

#[test]
fn shells_and_man_know_the_command() {
    let script = rusm().args(["completions", "bash"]).output().unwrap();
    assert!(script.status.success());
    let mut bash = std::process::Command::new("bash");
    let script = String::from_utf8(script.stdout).unwrap();
    let complete = format!(
        "{script}\nCOMP_WORDS=(rusm ser) COMP_CWORD=1; _rusm rusm ser rusm; echo ${{COMPREPLY[*]}}"
    );
    let completed = bash.args(["-c", &complete]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&completed.stdout), "serve\n");
    let dir = tempfile::tempdir().unwrap();
    let pages = dir.path().join("man1");
    let written = rusm().arg("man").arg(&pages).status().unwrap();
    assert!(written.success());
    let page = std::fs::read_to_string(pages.join("rusm-serve.1")).unwrap();
    assert!(page.contains("\\-\\-listen"), "{page}");
    // A directory that can't be made.
    let written = rusm()
        .arg("man")
        .arg(pages.join("rusm.1"))
        .output()
        .unwrap();
    assert_eq!(written.status.code(), Some(1));
}

#[test]
fn a_wrong_command_line() {
    for (args, words) in [
        (
            &["--cores", "99"][..],
            "99 cores were asked for, but this process may run on",
        ),
        (
            &["--cores", "99-99"],
            "core 99 was asked for, but this process may run on",
        ),
        (&["--cores", "0"], "--cores"),
        (&["--cores", "x"], "--cores"),
        (&["--listen", "nowhere"], "--listen"),
        (&["--io", "magic"], "uring, epoll, auto"),
        (&["--what"], "unexpected argument"),
    ] {
        let (code, said) = Serve::app(apps::hello()).args(args).fails_to_start();
        assert_eq!(code, Some(2), "{args:?}: {said}");
        assert!(said.contains(words), "{args:?}: {said}");
    }
    let two = "[[serve]]\nlisten = '127.0.0.1:0'\nroutes = { 'GET /' = 'hello#index' }\n";
    let two = two.to_owned() + &two.replace("127.0.0.1", "[::1]");
    let serve = Serve::app(apps::hello())
        .manifest(&two)
        .args(["--listen", "127.0.0.1:0"]);
    let expected = "error: --listen is for an app with one listener; this one has 2\n";
    assert_eq!(serve.fails_to_start(), (Some(2), expected.into()));
}

#[test]
fn a_wrong_manifest() {
    let serve = "[[serve]]\nlisten = '127.0.0.1:0'\n";
    let routes = format!("{serve}[serve.routes]\n");
    for (manifest, place, words) in [
        (
            "[node]\ncoers = 1\n".to_owned(),
            "2:1",
            "did you mean `cores`?",
        ),
        ("[[serve]\n".into(), "1:", "]"),
        ("[node]\ncores = 'x'\n".into(), "2:9", "x"),
        (format!("{serve}max-body = 'much'\n"), "3:12", "much"),
        (format!("{serve}component = 'Hello'\n"), "3:", "Hello"),
        (format!("{routes}'GET' = 'hello#index'\n"), "4:1", "GET"),
        (
            format!("{routes}'GET /' = 'hello#index'\n'GET /%2F*' = 'hello#a'\n"),
            "5:",
            "*",
        ),
        (
            format!("{routes}[components.hello]\ncapability = 'sandboxt'\n"),
            "5:",
            "sandboxed",
        ),
    ] {
        for command in ["serve", "check", "build"] {
            let output = run_with_manifest(command, &manifest);
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{command}: {said}");
            assert!(
                said.contains(&format!("rusm.toml:{place}")),
                "no {place} in {said}"
            );
            assert!(said.contains(words), "no {words} in {said}");
        }
    }
}

#[test]
fn every_fault_of_a_manifest_is_shown() {
    let output = run_with_manifest("check", "[node]\ncoers = 1\n[log]\nlevle = 'info'\n");
    let said = String::from_utf8_lossy(&output.stderr);
    for name in ["coers", "levle"] {
        let key = format!("unknown key `{name}`");
        assert_eq!(said.matches(&key).count(), 1, "{said}");
    }
    assert!(!said.contains("Error"), "{said}");
}

#[test]
fn a_manifest_that_does_not_fit_the_components() {
    let with = |routes: &str| format!("[[serve]]\nlisten = '127.0.0.1:0'\n{routes}");
    for (manifest, words) in [
        (
            String::new(),
            "neither a [[serve]] nor a resident component",
        ),
        (
            with("routes = { 'GET /' = 'hello#indes' }\n"),
            "component `hello` has no action `indes`; it has `index`, `user`,",
        ),
        (
            with("routes = { 'GET /' = 'nobody#index' }\n"),
            "wasm/nobody.wasm is missing: run `rusm build`",
        ),
        (
            with("routes = { 'GET /' = 'hello#index' }\n[components.hello]\nresident = true\n"),
            "component `hello` is no process",
        ),
    ] {
        let serve = Serve::app(apps::hello()).manifest(&manifest);
        let (code, said) = serve.fails_to_start();
        assert_eq!(code, Some(2), "{said}");
        assert!(
            said.starts_with("error: ") && said.contains(words),
            "no {words} in {said}"
        );
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn what_is_no_component_is_not_served() {
    let dir = tempfile::tempdir().unwrap();
    let manifest = "[[serve]]\nlisten = '127.0.0.1:0'\nroutes = { 'GET /' = 'guest#index' }\n";
    std::fs::write(dir.path().join("rusm.toml"), manifest).unwrap();
    std::fs::create_dir(dir.path().join("wasm")).unwrap();
    for (guest, words) in [
        (
            &b"#!/bin/sh\n"[..],
            "component `guest` is not one that can be run",
        ),
        (b"", "component `guest` is not one that can be run"),
        // An empty core module, and an empty component.
        (
            b"\0asm\x01\0\0\0",
            "component `guest` is not one that can be run",
        ),
        (
            b"\0asm\x0d\0\x01\0",
            "component `guest` has no action `index`; it has none",
        ),
    ] {
        std::fs::write(dir.path().join("wasm/guest.wasm"), guest).unwrap();
        for command in ["serve", "check"] {
            let output = rusm().arg(command).arg(dir.path()).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{command}: {said}");
            assert!(said.contains(words), "no {words} in {said}");
            assert_eq!(said.lines().count(), 1, "{said}");
        }
    }
}

#[test]
fn check_tells_whether_an_app_would_be_served() {
    for (app, counts) in [
        (apps::hello(), "1 listener(s), 8 route(s), 1 component(s)"),
        (apps::lab(), ", 4 component(s)"),
    ] {
        let output = rusm().arg("check").arg(app).output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            said.contains(" is fine: ") && said.contains(counts),
            "{said}"
        );
    }
    for (routes, words) in [
        ("'GET /' = 'hello#nothing'", "has no action `nothing`"),
        (
            "'GET /' = 'nobody#index'",
            "neither components/nobody nor wasm/nobody.wasm is there",
        ),
    ] {
        let manifest = format!("[[serve]]\nlisten = '127.0.0.1:0'\nroutes = {{ {routes} }}\n");
        let output = run_with_manifest("check", &manifest);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(words), "no {words} in {said}");
        assert_eq!(output.stdout, b"", "nothing is said to be fine");
    }
}

#[test]
fn an_app_that_is_not_there() {
    for command in ["serve", "check", "build"] {
        let output = rusm().arg(command).arg("/no/such/app").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{command}: {said}");
        assert!(said.contains("/no/such/app/rusm.toml"), "{said}");
    }
}

#[test]
fn a_new_app_is_built_and_served_as_it_is() {
    let parent = tempfile::tempdir().unwrap();
    let new = || {
        rusm()
            .args(["new", "greeter"])
            .current_dir(parent.path())
            .output()
            .unwrap()
    };
    assert!(new().status.success());
    assert!(!new().status.success(), "what is there is left alone");
    let app = parent.path().join("greeter");
    succeeds(rusm().arg("build").arg(&app).output().unwrap());
    succeeds(rusm().arg("check").arg(&app).output().unwrap());
    let server = Serve::built(&app).args(["--listen", "127.0.0.1:0"]).start();
    assert_eq!(server.connect().get("/").text(), "Hello from RUSM\n");
    assert_eq!(
        server.connect().get("/hello/W%C3%B6rld").text(),
        "Hello, W\u{f6}rld\n"
    );
    drop(server);

    // Serving builds what has changed.
    let source = app.join("components/greeter/src/lib.rs");
    let text = std::fs::read_to_string(&source).unwrap();
    std::fs::write(&source, text.replace("Hello from", "Hello again from")).unwrap();
    let server = Serve::built(&app).args(["--listen", "127.0.0.1:0"]).start();
    assert_eq!(server.connect().get("/").text(), "Hello again from RUSM\n");
}

fn run_with_manifest(command: &str, manifest: &str) -> Output {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("rusm.toml");
    std::fs::write(&file, manifest).unwrap();
    let app: &Path = apps::hello();
    rusm()
        .arg(command)
        .arg(app)
        .arg("--config")
        .arg(file)
        .output()
        .unwrap()
}

#[track_caller]
fn succeeds(output: Output) {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn what_is_not_there_is_told_by_check_and_at_the_start_alike() {
    let dir = tempfile::tempdir().unwrap();
    let absent = dir.path().join("absent");
    let hello = std::fs::read_to_string(apps::hello().join("rusm.toml")).unwrap();
    // The profile that hello was built for, and another.
    let granted = |keys: &str| {
        let profile = format!(
            "[components.hello]\ncapability = \"more\"\n[capabilities.more]\ninherits = \"sandboxed\"\n{keys}"
        );
        hello.replace("[components.hello]\ncapability = \"sandboxed\"", &profile)
    };
    let preopen = granted(&format!(
        "preopen = [{{ host = {absent:?}, guest = \"/data\" }}]"
    ));
    let env = granted("env = { LAB = \"open\" }");
    let stdio = granted("allow-stdio = true");
    let without = |key| {
        format!("component `hello` is granted `{key}`, and was built without it: run `rusm build`")
    };
    let store = format!("[node]\nstore = {:?}\n{hello}", absent.join("data.redb"));
    for (manifest, words) in [
        ("", "nothing to serve"),
        (&store, "absent; create it first"),
        (&preopen, "component `hello`: its `preopen` opens "),
        (&env, &without("env")),
        (&stdio, &without("allow-stdio")),
    ] {
        let (code, said) = Serve::app(apps::hello())
            .manifest(manifest)
            .fails_to_start();
        assert!(code == Some(2) && said.contains(words), "{code:?} {said}");
        let file = dir.path().join("rusm.toml");
        std::fs::write(&file, manifest).unwrap();
        let mut check = rusm();
        check
            .arg("check")
            .arg(apps::hello())
            .arg("--config")
            .arg(&file);
        let output = check.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.code() == Some(2) && said.contains(words),
            "{said}"
        );
    }
}
