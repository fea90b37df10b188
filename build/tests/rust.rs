//! Real builds of guests. The toolchain must be there: `scripts/setup-guest-toolchain.sh`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "these are tests, helpers included"
)]

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use rusm_build::scaffold::{self, Language};
use rusm_build::{BuildError, BuildOptions, ComponentSpec, Grants, Outcome, Shape, Status};

/// A new app in a directory of its own, in which only what cargo has compiled outlives a run.
struct App(PathBuf);

impl App {
    fn new(name: &str) -> Self {
        let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let dir = parent.join(name);
        for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_name() == "target" {
                fs::rename(path, parent.join(format!("{name}-target"))).unwrap();
            } else if path.is_dir() {
                fs::remove_dir_all(path).unwrap();
            } else {
                fs::remove_file(path).unwrap();
            }
        }
        let dir = scaffold::new_app(parent, name, Language::Rust).unwrap();
        let kept = parent.join(format!("{name}-target"));
        if kept.is_dir() {
            fs::rename(kept, dir.join("target")).unwrap();
        }
        Self(dir)
    }

    fn source(&self) -> PathBuf {
        self.0
            .join(format!("components/{}/src/lib.rs", self.name()))
    }

    fn name(&self) -> String {
        self.0.file_name().unwrap().to_str().unwrap().to_owned()
    }

    fn spec(&self, grants: Grants) -> ComponentSpec {
        ComponentSpec {
            name: self.name(),
            grants,
        }
    }

    fn build(&self, grants: Grants) -> Result<Outcome, BuildError> {
        let report = rusm_build::build_app(&self.0, &[self.spec(grants)], BuildOptions::default())?;
        Ok(report.components.into_iter().next().unwrap().1)
    }

    fn built(&self, grants: Grants) -> Shape {
        match self.build(grants).unwrap() {
            Outcome::Built { shape, .. } => shape,
            other => panic!("not built but {other:?}"),
        }
    }
}

const NOTHING: Grants = Grants {
    env: false,
    stdio: false,
    preopen: false,
    sockets: false,
};

#[test]
fn a_new_app_builds_into_one_module_without_wasi_and_then_stays_fresh() {
    let app = App::new("fresh");
    let lock = app.0.join("Cargo.lock");

    let shape = app.built(NOTHING);
    assert_eq!(
        (shape.core_modules, shape.core_instances),
        (1, 1),
        "{shape:?}"
    );
    for import in &shape.imports {
        // The fallback's C library waits for time when it writes: the host's clock.
        let clock = import.starts_with("wasi:clocks/") || import.starts_with("wasi:io/poll");
        assert!(import.starts_with("rusm:runtime/") || clock, "{shape:?}");
    }
    assert_eq!(
        shape.initial_memory,
        192 * 1024,
        "a page beyond the stack is enough for a small handler; the linker alone would take two"
    );
    let locked = fs::read_to_string(&lock).unwrap();

    assert_eq!(app.build(NOTHING).unwrap(), Outcome::Fresh);
    assert_eq!(
        rusm_build::status(&app.0, &app.spec(NOTHING)).unwrap(),
        Status::Fresh
    );

    let source = fs::read_to_string(app.source()).unwrap();
    fs::write(
        app.source(),
        source.replace("Hello from", "Hello again from"),
    )
    .unwrap();
    assert!(rusm_build::is_stale(&app.0, &app.spec(NOTHING)).unwrap());
    app.built(NOTHING);
    let artifact = fs::read(rusm_build::artifact_path(&app.0, "fresh")).unwrap();
    assert!(
        artifact
            .windows(16)
            .any(|bytes| bytes == b"Hello again from")
    );
    assert_eq!(fs::read_to_string(&lock).unwrap(), locked);

    // What is granted is imported, though it costs two more instances.
    let shape = app.built(Grants {
        stdio: true,
        ..NOTHING
    });
    assert!(
        shape
            .imports
            .iter()
            .any(|i| i.starts_with("wasi:cli/stdout@")),
        "{shape:?}"
    );
    assert_eq!(shape.core_instances, 3);
}

#[test]
fn a_crate_that_does_not_compile_leaves_the_last_artifact() {
    let app = App::new("broken");
    app.built(NOTHING);
    let artifact = rusm_build::artifact_path(&app.0, "broken");
    let before = fs::read(&artifact).unwrap();

    fs::write(app.source(), "fn").unwrap();
    let error = app.build(NOTHING).unwrap_err();
    assert_eq!(error.to_string(), "component `broken`");
    let source = error.source().unwrap().to_string();
    assert!(source.starts_with("cargo failed"), "{source}");
    assert_eq!(fs::read(&artifact).unwrap(), before);
    assert!(rusm_build::is_stale(&app.0, &app.spec(NOTHING)).unwrap());
}
