//! The apps that are served: built once in a run, and only where they are stale.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{LazyLock, Mutex};

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

/// The example of one app in two languages, in Rust.
pub(crate) fn todo_board_rust() -> &'static Path {
    static APP: LazyLock<PathBuf> = LazyLock::new(|| built("../examples/todo-board/rust"));
    &APP
}

/// The same in TypeScript.
pub(crate) fn todo_board_typescript() -> &'static Path {
    static APP: LazyLock<PathBuf> = LazyLock::new(|| built("../examples/todo-board/typescript"));
    &APP
}

/// Components in TypeScript, beside some in Rust. Their packages must be there:
/// `scripts/setup-test-tools.sh`.
pub(crate) fn typescript() -> &'static Path {
    static APP: LazyLock<PathBuf> = LazyLock::new(|| built("tests/apps/typescript"));
    &APP
}

/// The example of requests to other servers.
pub(crate) fn fetch() -> &'static Path {
    static APP: LazyLock<PathBuf> = LazyLock::new(|| built("../examples/fetch"));
    &APP
}

/// The example of a stock component between a client and another server.
pub(crate) fn proxy() -> &'static Path {
    static APP: LazyLock<PathBuf> = LazyLock::new(|| built("../examples/proxy"));
    &APP
}

/// The worked example of docs/serving.md.
pub(crate) fn guide() -> &'static Path {
    static APP: LazyLock<PathBuf> = LazyLock::new(|| built("tests/apps/guide"));
    &APP
}

/// Components as they are written against the SDK of RUSM 0.7.
pub(crate) fn seven() -> &'static Path {
    static APP: LazyLock<PathBuf> = LazyLock::new(|| built("tests/apps/seven"));
    &APP
}

/// A component of each kind that does what std reaches of WASI, built for a capability profile: an
/// app for each, as what is built depends on it.
pub(crate) fn reach(profile: &str, keys: &str) -> PathBuf {
    // Several tests serve one of them, and must not find it half made.
    static MADE: Mutex<()> = Mutex::new(());
    let _made = MADE.lock().unwrap_or_else(|other| other.into_inner());
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apps/reach");
    let app = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("reach-{profile}"));
    std::fs::create_dir_all(&app).unwrap();
    for shared in ["components", "Cargo.toml"] {
        let link = app.join(shared);
        if !link.exists() {
            std::os::unix::fs::symlink(sources.join(shared), link).unwrap();
        }
    }
    let manifest = std::fs::read_to_string(sources.join("rusm.toml")).unwrap();
    let inherits = "inherits = \"sandboxed\"";
    let manifest = manifest.replace(inherits, &format!("inherits = \"{profile}\"\n{keys}"));
    if std::fs::read_to_string(app.join("rusm.toml")).ok().as_ref() != Some(&manifest) {
        std::fs::write(app.join("rusm.toml"), manifest).unwrap();
    }
    // What is compiled is the same for all.
    build(&app);
    app
}

/// The components of two examples in one app: handlers of HTTP, and processes that hold
/// connections.
pub(crate) fn matrix() -> &'static Path {
    static APP: LazyLock<PathBuf> = LazyLock::new(|| {
        let app = Path::new(env!("CARGO_TARGET_TMPDIR")).join("matrix");
        let _ = std::fs::remove_dir_all(&app);
        std::fs::create_dir_all(app.join("wasm")).unwrap();
        for built in [hello(), chat()] {
            for component in std::fs::read_dir(built.join("wasm")).unwrap() {
                let component = component.unwrap();
                let link = app.join("wasm").join(component.file_name());
                std::os::unix::fs::symlink(component.path(), link).unwrap();
            }
        }
        std::fs::write(app.join("rusm.toml"), MATRIX).unwrap();
        app
    });
    &APP
}

const MATRIX: &str = r#"
[[serve]]
listen = "127.0.0.1:0"

[serve.routes]
"GET /" = "hello#index"
"GET /users/:id" = "hello#user"
"GET /headers" = "hello#headers"
"GET /boom" = "hello#boom"
"POST /echo" = "hello#echo"
"GET /echo" = "echo"
"GET /rooms/:room" = "room"
"GET /feed/:room" = "pages#feed"
"GET /ticks/:n" = "pages#ticks"

[log]
access = true

[components.hello]

[components.echo]

[components.room]

[components.pages]

[components.rooms]
resident = true
"#;

/// Components of `wasi:http` that know nothing of RUSM.
pub(crate) fn stock() -> &'static Path {
    static APP: LazyLock<PathBuf> = LazyLock::new(|| built("tests/apps/stock"));
    &APP
}

/// The command, in an environment that says nothing about where guests are compiled or what is
/// logged.
pub(crate) fn rusm() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rusm"));
    command
        .env("CARGO_TARGET_DIR", guests())
        .env_remove("RUST_LOG")
        .stdin(Stdio::null());
    command
}

/// What cargo compiles for the guests that tests make.
fn guests() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("guests")
}

fn built(app: &str) -> PathBuf {
    let app = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(app)
        .canonicalize()
        .unwrap();
    build(&app);
    app
}

fn build(app: &Path) {
    let mut build = rusm();
    build.arg("build").arg(app);
    let build = build.output().unwrap();
    let said = String::from_utf8_lossy(&build.stderr);
    assert!(
        build.status.success(),
        "{} can't be built:\n{said}",
        app.display()
    );
    // The machine code is made here, once, and not by every server that a test starts. Whether the
    // app can be served is for the tests to say.
    let _ = rusm().arg("check").arg(app).output().unwrap();
}
