//! The manifest as an operator gives it: its schema, settings of the command line, variables, secrets.

use std::process::Command;

use crate::apps::{self, rusm};
use crate::clients;
use crate::server::{Serve, wait};

#[test]
fn the_schema_is_that_of_the_manifests_of_the_repository() {
    let output = rusm().arg("schema").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let dir = tempfile::tempdir().unwrap();
    let schema = dir.path().join("rusm.schema.json");
    std::fs::write(&schema, &output.stdout).unwrap();
    for lang in ["rust", "ts"] {
        let mut new = rusm();
        new.args(["new", "shop", "--lang", lang]);
        let parent = dir.path().join(lang);
        std::fs::create_dir(&parent).unwrap();
        assert!(new.current_dir(&parent).output().unwrap().status.success());
    }
    clients::python_alone("schema.py", &[schema.as_os_str(), dir.path().as_os_str()]);
}

#[test]
fn a_setting_goes_before_the_file_and_an_option_before_a_setting() {
    let server = Serve::app(apps::hello())
        .args(["--set", "serve.0.listen=127.0.0.1:0"])
        .args(["--set", "serve.0.headers.\"x-set\"='by hand'"])
        .args(["--set", "serve.0.routes.\"GET /set/:id\"=hello#user"])
        .start();
    let response = server.connect().get("/set/7");
    assert_eq!((response.status, response.text()), (200, "user 7\n".into()));
    assert_eq!(response.header("x-set"), Some("by hand"));
    let server = Serve::hello()
        .args(["--set", "serve.0.listen=192.0.2.1:1"])
        .start();
    assert_eq!(server.connect().get("/").status, 200);
}

#[test]
fn a_wrong_setting_is_told_by_every_command_that_takes_it() {
    for command in ["serve", "dev", "check", "build", "compile"] {
        for (setting, words) in [
            (
                "node.core=2",
                "--set node.core: unknown key `core` in [node]",
            ),
            ("log.level=infos", "did you mean `info`?"),
            ("node.cores", "write KEY=VALUE"),
        ] {
            let mut rusm = rusm();
            rusm.arg(command)
                .arg(apps::hello())
                .args(["--set", setting]);
            let output = rusm.output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{command}: {said}");
            assert!(said.contains(words), "{command}: no {words} in {said}");
        }
    }
    let mut check = rusm();
    check.arg("check").arg(apps::hello());
    let output = check.args(["--set", "log.level=error"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_platform_tells_the_port() {
    let manifest = std::fs::read_to_string(apps::hello().join("rusm.toml")).unwrap();
    let listen = "\"127.0.0.1:8080\"";
    assert!(manifest.contains(listen), "{manifest}");
    let manifest = manifest.replace(listen, "\"127.0.0.1:${PORT:-1}\"");
    let serve = || Serve::app(apps::hello()).manifest(&manifest);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let server = serve().env("PORT", port.to_string()).start();
    assert_eq!(server.addr().port(), port);
    assert_eq!(server.connect().get("/users/7").text(), "user 7\n");
    let (code, said) = serve().env("PORT", "http").fails_to_start();
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("`127.0.0.1:${PORT:-1}` is not an IP"),
        "{said}"
    );
}

#[test]
fn a_secret_is_in_no_error() {
    let manifest = "[[serve]]\nlisten = '127.0.0.1:0'\nroutes = { 'GET /' = 'hello#index' }\n\
                    max-body = '${SECRET}'\nallowed-origins = ['${SECRET}']\n\
                    [node]\ncores = '${SECRET}'\n";
    for command in ["serve", "check"] {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("rusm.toml");
        std::fs::write(&file, manifest).unwrap();
        let mut rusm = rusm();
        rusm.arg(command)
            .arg(apps::hello())
            .arg("--config")
            .arg(file);
        let output = rusm.env("SECRET", "10hunters").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("${SECRET}"), "{said}");
        assert!(!said.contains("hunter"), "{said}");
        assert_eq!(output.stdout, b"");
    }
}

#[test]
fn a_manifest_without_an_end_is_refused() {
    for device in ["/dev/zero", "/dev/urandom"] {
        let mut check = rusm();
        check.arg("check").arg(apps::hello());
        let output = check.args(["--config", device]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(&format!("cannot read {device}")), "{said}");
    }
    // A pipe may be one, and may not be too long.
    for (text, code, words) in [
        ("cat \"$0/rusm.toml\"", 0, "is fine"),
        ("yes '# too long'", 2, "a manifest has at most 1 MiB"),
    ] {
        let script = format!("{text} | exec \"$1\" check \"$0\" --config /dev/stdin");
        let mut shell = Command::new("sh");
        shell.args(["-c", &script]).arg(apps::hello());
        let mut child = shell
            .arg(rusm().get_program())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        assert_eq!(
            wait(&mut child).and_then(|status| status.code()),
            Some(code)
        );
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(said.contains(words), "{said}");
    }
}
