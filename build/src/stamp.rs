//! Freshness of artifacts, by content.
//!
//! Beside `wasm/<name>.wasm` is `wasm/.<name>.stamp`, with a hash of all its inputs: its own files,
//! the other local files that cargo or the bundler read (known from the last build), lock files,
//! settings and the artifact itself. Times do not matter: a checkout, a copy or a touched file
//! builds nothing.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::rust;

/// The inputs of a build that are known before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key<'a> {
    /// The directory of the app. Paths below it are relative in a stamp.
    pub(crate) app_dir: &'a Path,
    /// The directory of the component's sources, or its only file.
    pub(crate) sources: &'a Path,
    /// The settings of the build that are in no file.
    pub(crate) settings: &'a str,
    /// See [`crate::rust::identity`].
    pub(crate) toolchain: Option<&'a str>,
}

/// The stamp of one build.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    /// The hash of settings and inputs.
    content: String,
    /// The hash of the artifact: one that was replaced by hand is stale.
    artifact: String,
    toolchain: Option<String>,
    /// The inputs outside the crate's directory.
    inputs: BTreeSet<PathBuf>,
}

impl Stamp {
    /// Creates the stamp of a build that has just read `inputs` and made `artifact`.
    pub(crate) fn new(
        key: Key<'_>,
        inputs: BTreeSet<PathBuf>,
        artifact: &[u8],
    ) -> io::Result<Self> {
        let relative = |path: PathBuf| match path.strip_prefix(key.app_dir) {
            Ok(below) => below.to_owned(),
            Err(_) => path,
        };
        let inputs = inputs.into_iter().map(relative).collect();
        Ok(Self {
            content: content_hash(key, &inputs)?,
            artifact: hash(artifact),
            toolchain: key.toolchain.map(|identity| hash(identity.as_bytes())),
            inputs,
        })
    }

    /// Returns whether a build with `key` would only make `artifact` again.
    ///
    /// Without a toolchain, the toolchain of the build does not matter: artifacts that were built
    /// elsewhere and copied here with their sources can be served.
    pub(crate) fn is_fresh(&self, key: Key<'_>, artifact: &[u8]) -> io::Result<bool> {
        let toolchain = key.toolchain.map(|identity| hash(identity.as_bytes()));
        Ok((toolchain.is_none() || toolchain == self.toolchain)
            && self.artifact == hash(artifact)
            && self.content == content_hash(key, &self.inputs)?)
    }

    /// Returns the inputs outside the app's directory.
    pub(crate) fn outside_inputs(&self) -> Vec<PathBuf> {
        let inputs = self.inputs.iter();
        inputs.filter(|path| path.is_absolute()).cloned().collect()
    }

    /// Reads a stamp. A missing or invalid one is `None`.
    pub(crate) fn read(file: &Path) -> Option<Self> {
        toml::from_str(&std::fs::read_to_string(file).ok()?).ok()
    }

    /// Formats the stamp for its file.
    pub(crate) fn to_text(&self) -> io::Result<String> {
        toml::to_string(self).map_err(io::Error::other)
    }
}

fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

fn content_hash(key: Key<'_>, inputs: &BTreeSet<PathBuf>) -> io::Result<String> {
    let mut files = BTreeSet::new();
    let mut directories = Vec::new();
    let inputs = inputs.iter().map(|input| key.app_dir.join(input));
    for input in inputs.chain([key.sources.to_owned()]) {
        if input.is_dir() {
            directories.push(input);
        } else {
            files.insert(input);
        }
    }
    for dir in key
        .sources
        .ancestors()
        .take_while(|dir| dir.starts_with(key.app_dir))
        .filter(|dir| dir.is_dir())
    {
        files.extend(AROUND.iter().map(|name| dir.join(name)));
    }
    while let Some(dir) = directories.pop() {
        walk(&dir, &mut directories, &mut files)?;
    }

    let mut hasher = blake3::Hasher::new();
    let mut add = |part: &[u8]| {
        hasher
            .update(&(part.len() as u64).to_le_bytes())
            .update(part);
    };
    add(key.settings.as_bytes());
    for file in &files {
        let name = file.strip_prefix(key.app_dir).unwrap_or(file);
        match std::fs::read(file) {
            // The settings have the version of the SDK.
            Ok(content) if name.ends_with(rust::CARGO_CONFIG) && rust::is_made_config(&content) => {
            }
            Ok(content) => {
                add(name.as_os_str().as_encoded_bytes());
                add(&content);
            }
            // A missing file counts when it appears.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(io::Error::new(
                    error.kind(),
                    format!("{}: {error}", file.display()),
                ));
            }
        }
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// Lists a directory, without hidden entries and build outputs.
fn walk(
    dir: &Path,
    directories: &mut Vec<PathBuf>,
    files: &mut BTreeSet<PathBuf>,
) -> io::Result<()> {
    let error =
        |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", dir.display()));
    for entry in std::fs::read_dir(dir).map_err(error)? {
        let entry = entry.map_err(error)?;
        let name = entry.file_name();
        if name.as_encoded_bytes().starts_with(b".") || name == "target" || name == "node_modules" {
            continue;
        }
        let path = entry.path();
        // Follows links, as a compiler does; a dangling one is not an input.
        match path.metadata() {
            Ok(metadata) if metadata.is_dir() => directories.push(path),
            Ok(_) => drop(files.insert(path)),
            Err(_) => {}
        }
    }
    Ok(())
}

/// Files that affect a build from the sources' directory or an ancestor, up to the app's.
const AROUND: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    rust::CARGO_CONFIG,
    "rust-toolchain.toml",
    "rust-toolchain",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
];

#[cfg(test)]
mod tests {
    use super::*;

    const ARTIFACT: &[u8] = b"\0asm";

    struct App(tempfile::TempDir);

    impl App {
        fn new() -> Self {
            let app = Self(tempfile::tempdir().unwrap());
            app.write("components/hello/src/lib.rs", "fn one() {}");
            app.write("shared/src/lib.rs", "fn shared() {}");
            app
        }

        fn write(&self, path: &str, content: &str) {
            let path = self.0.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }

        fn with_key<T>(
            &self,
            settings: &str,
            toolchain: Option<&str>,
            run: impl FnOnce(Key) -> T,
        ) -> T {
            let app_dir = self.0.path();
            let sources = app_dir.join("components/hello");
            run(Key {
                app_dir,
                sources: &sources,
                settings,
                toolchain,
            })
        }

        fn stamp(&self) -> Stamp {
            let inputs = BTreeSet::from([self.0.path().join("shared")]);
            let stamp = self.with_key("a", Some("rustc 1"), |key| {
                Stamp::new(key, inputs, ARTIFACT)
            });
            toml::from_str(&stamp.unwrap().to_text().unwrap()).unwrap()
        }

        fn fresh(&self, stamp: &Stamp) -> bool {
            self.with_key("a", Some("rustc 1"), |key| stamp.is_fresh(key, ARTIFACT))
                .unwrap()
        }
    }

    #[test]
    fn what_a_build_reads_makes_it_stale_and_nothing_else_does() {
        for (path, fresh) in [
            ("components/hello/src/lib.rs", false),
            ("components/hello/src/new.rs", false),
            ("components/hello/Cargo.lock", false),
            ("components/hello/.cargo/config.toml", false),
            ("Cargo.lock", false),
            ("shared/src/lib.rs", false),
            ("components/hello/package.json", false),
            ("tsconfig.json", false),
            ("components/hello/target/debug/x", true),
            ("components/hello/node_modules/x/index.js", true),
            ("components/hello/.lib.rs.swp", true),
            ("components/other/src/lib.rs", true),
            ("rusm.toml", true),
        ] {
            let app = App::new();
            let stamp = app.stamp();
            assert!(app.fresh(&stamp));
            app.write(path, "changed");
            assert_eq!(app.fresh(&stamp), fresh, "{path}");
        }
    }

    #[test]
    fn the_sources_may_be_one_file() {
        let app = App::new();
        app.write("components/plain.ts", "1");
        let app_dir = app.0.path();
        let key = Key {
            app_dir,
            sources: &app_dir.join("components/plain.ts"),
            settings: "a",
            toolchain: None,
        };
        let stamp = Stamp::new(key, BTreeSet::new(), ARTIFACT).unwrap();
        assert!(stamp.is_fresh(key, ARTIFACT).unwrap());
        app.write("components/other.ts", "1");
        assert!(stamp.is_fresh(key, ARTIFACT).unwrap());
        app.write("components/plain.ts", "2");
        assert!(!stamp.is_fresh(key, ARTIFACT).unwrap());
    }

    #[test]
    fn content_counts_and_not_time_or_place() {
        let app = App::new();
        let stamp = app.stamp();
        let moved = App::new();
        assert!(moved.fresh(&stamp));
    }

    #[test]
    fn settings_toolchain_and_artifact_count() {
        let app = App::new();
        let stamp = app.stamp();
        let fresh = |settings, toolchain, artifact: &[u8]| {
            app.with_key(settings, toolchain, |key| stamp.is_fresh(key, artifact))
                .unwrap()
        };
        assert!(fresh("a", Some("rustc 1"), ARTIFACT));
        assert!(!fresh("b", Some("rustc 1"), ARTIFACT));
        assert!(!fresh("a", Some("rustc 2"), ARTIFACT));
        assert!(fresh("a", None, ARTIFACT));
        assert!(!fresh("a", Some("rustc 1"), b"other"));
    }
}
