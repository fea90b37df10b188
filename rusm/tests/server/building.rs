//! `rusm build` of crates.

use std::fs;
use std::path::Path;

use rusm_build::scaffold::{Language, new_app};

use crate::apps::rusm;

#[test]
fn apps_that_share_a_target_directory_keep_their_modules_apart() {
    let dir = tempfile::tempdir().unwrap();
    let apps = ["one", "other"].map(|which| {
        let parent = dir.path().join(which);
        fs::create_dir(&parent).unwrap();
        let app = new_app(&parent, "same", Language::Rust).unwrap();
        let source = app.join("components/same/src/lib.rs");
        let text = fs::read_to_string(&source).unwrap();
        fs::write(
            source,
            text.replace("Hello from", &format!("{which}'s hello from")),
        )
        .unwrap();
        app
    });
    let build = |app: &Path| {
        let artifact = app.join("wasm/same.wasm");
        let _ = fs::remove_file(&artifact);
        let build = rusm().arg("build").arg(app).output().unwrap();
        assert!(build.status.success(), "{build:?}");
        fs::read(artifact).unwrap()
    };
    let says = |artifact: &[u8], text: &str| {
        artifact
            .windows(text.len())
            .any(|bytes| bytes == text.as_bytes())
    };
    // The second time, cargo finds nothing to compile.
    for _ in 0..2 {
        for (app, which) in apps.iter().zip(["one", "other"]) {
            assert!(
                says(&build(app), &format!("{which}'s hello from")),
                "{which}"
            );
        }
    }
}
