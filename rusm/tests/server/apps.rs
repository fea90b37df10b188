//! The apps that are served: built once in a run, and only where they are stale.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// The example of the documentation.
pub(crate) fn hello() -> &'static Path {
    static APP: LazyLock<PathBuf> = LazyLock::new(|| built("../examples/hello"));
    &APP
}

/// Guests that exist only for these tests.
pub(crate) fn lab() -> &'static Path {
    static APP: LazyLock<PathBuf> = LazyLock::new(|| built("tests/apps/lab"));
    &APP
}

/// Processes that exist only for these tests.
pub(crate) fn actors() -> &'static Path {
    static APP: LazyLock<PathBuf> = LazyLock::new(|| built("tests/apps/actors"));
    &APP
}

/// The example of services and the store.
pub(crate) fn counter() -> &'static Path {
    static APP: LazyLock<PathBuf> = LazyLock::new(|| built("../examples/counter"));
    &APP
}

/// The example of WebSockets and events.
pub(crate) fn chat() -> &'static Path {
    static APP: LazyLock<PathBuf> = LazyLock::new(|| built("../examples/chat"));
    &APP
}

/// The command, in an environment that says nothing about where guests are compiled or what is
/// logged.
pub(crate) fn rusm() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rusm"));
    command
        .env(
            "CARGO_TARGET_DIR",
            Path::new(env!("CARGO_TARGET_TMPDIR")).join("guests"),
        )
        .env_remove("RUST_LOG")
        .stdin(Stdio::null());
    command
}

fn built(app: &str) -> PathBuf {
    let app = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(app)
        .canonicalize()
        .unwrap();
    let build = rusm().arg("build").arg(&app).output().unwrap();
    let said = String::from_utf8_lossy(&build.stderr);
    assert!(
        build.status.success(),
        "{} can't be built:\n{said}",
        app.display()
    );
    app
}
