//! The scripts of `clients/`: other people's clients, which `scripts/setup-test-tools.sh` installs.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::server::Server;

/// Run a Python script with the server's port and these arguments, as it must succeed.
#[track_caller]
pub(crate) fn python(script: &str, server: &Server, args: &[&str]) {
    let port = server.addr().port().to_string();
    let args = std::iter::once(&*port).chain(args.iter().copied());
    python_alone(script, &args.map(OsStr::new).collect::<Vec<_>>());
}

/// Run a Python script with these arguments, as it must succeed.
#[track_caller]
pub(crate) fn python_alone(script: &str, args: &[&OsStr]) {
    let python = root().join("target/test-venv/bin/python");
    succeeds(python.as_os_str(), script, args);
}

/// Run a script for Node with the server's port, as it must succeed.
#[track_caller]
pub(crate) fn node(script: &str, server: &Server) {
    let port = server.addr().port().to_string();
    succeeds(OsStr::new("node"), script, &[OsStr::new(&port)]);
}

#[track_caller]
fn succeeds(program: &OsStr, script: &str, args: &[&OsStr]) {
    let output = Command::new(program)
        .arg(root().join("rusm/tests/server/clients").join(script))
        .args(args)
        // The repository is left as it is.
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap_or_else(|error| {
            panic!(
                "{}: {error}: scripts/setup-test-tools.sh",
                program.display()
            )
        });
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script} {args:?}: {said}");
    assert_eq!(output.stdout, b"ok\n", "{script} {args:?}: {said}");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
