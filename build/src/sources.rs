//! What a component is made of, and so by which tools.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The sources of one component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sources {
    /// It is prebuilt, or missing.
    None,
    /// The directory of its crate.
    Rust(PathBuf),
    /// The directory of its modules, or the one file that it is.
    TypeScript(PathBuf),
}

impl Sources {
    /// Looks for a component's sources: `components/<name>/`, or a file `components/<name>.ts`.
    ///
    /// A directory with a `Cargo.toml` is a crate, and one with a `package.json` or one of
    /// [`ENTRIES`] is TypeScript.
    pub(crate) fn find(app_dir: &Path, name: &str) -> Result<Self, SourcesError> {
        let dir = app_dir.join("components").join(name);
        let files = FILES.map(|extension| dir.with_extension(extension));
        let file = files.into_iter().find(|file| file.is_file());
        if !dir.is_dir() {
            return Ok(file.map_or(Self::None, Self::TypeScript));
        }
        let has = |file: &str| dir.join(file).is_file();
        let module = ENTRIES.into_iter().chain([PACKAGE]).find(|file| has(file));
        let both = |one: &Path, other: &Path| SourcesError::Both {
            one: one.to_owned(),
            other: other.to_owned(),
        };
        match (has("Cargo.toml"), module, file) {
            (_, _, Some(file)) => Err(both(&dir, &file)),
            (true, Some(module), None) => Err(both(&dir.join("Cargo.toml"), &dir.join(module))),
            (false, Some(_), None) => Ok(Self::TypeScript(dir)),
            // Cargo will say what is wrong with one that has nothing.
            (_, None, None) => Ok(Self::Rust(dir)),
        }
    }
}

/// The module at which a TypeScript component begins.
///
/// `source` of its `package.json`; or `main`, if that is there; or the first of [`ENTRIES`].
pub(crate) fn entry(sources: &Path) -> Result<PathBuf, SourcesError> {
    if sources.is_file() {
        return Ok(sources.to_owned());
    }
    let package = Package::read(sources)?.unwrap_or_default();
    if let Some(source) = package.source {
        let entry = sources.join(&source);
        return if entry.is_file() {
            Ok(entry)
        } else {
            Err(SourcesError::Package {
                file: sources.join(PACKAGE),
                reason: format!("its `source`, {source}, does not exist"),
            })
        };
    }
    package
        .main
        .iter()
        .map(String::as_str)
        .chain(ENTRIES)
        .map(|name| sources.join(name))
        .find(|entry| entry.is_file())
        .ok_or_else(|| SourcesError::NoEntry {
            dir: sources.to_owned(),
        })
}

/// Refuses a component whose packages were not installed. `entry` is its first module.
///
/// Packages are listed in a `package.json` beside it or above it, up to `app_dir`, and npm puts
/// them beside that or, in a workspace, above it.
pub(crate) fn check_installed(app_dir: &Path, entry: &Path) -> Result<(), SourcesError> {
    let dirs = entry.ancestors().skip(1);
    for dir in dirs.take_while(|dir| dir.starts_with(app_dir)) {
        let Some(package) = Package::read(dir)? else {
            continue;
        };
        let mut above = dir.ancestors().map(|dir| dir.join("node_modules"));
        if !package.dependencies.is_empty() && !above.any(|modules| modules.is_dir()) {
            return Err(SourcesError::NotInstalled {
                dir: dir.to_owned(),
                packages: package.dependencies.keys().cloned().collect(),
            });
        }
    }
    Ok(())
}

/// Why a component's sources can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SourcesError {
    /// They are in two languages, or places.
    #[error("both {} and {} are there: a component is made of one of them", one.display(), other.display())]
    Both {
        /// One.
        one: PathBuf,
        /// The other.
        other: PathBuf,
    },
    /// Nothing says where a TypeScript component begins.
    #[error(
        "{} has none of {}: name another module by `source` in its package.json",
        dir.display(), ENTRIES.join(", ")
    )]
    NoEntry {
        /// Its directory.
        dir: PathBuf,
    },
    /// The packages that it is made with are not there.
    #[error("{} is not installed: run `npm install` in {}", packages.join(", "), dir.display())]
    NotInstalled {
        /// Where the `package.json` is.
        dir: PathBuf,
        /// What it wants.
        packages: Vec<String>,
    },
    /// A `package.json` is wrong.
    #[error("{}: {reason}", file.display())]
    Package {
        /// Which.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// A `package.json`, as far as it matters here (npm, "package.json"; `source` is a convention of
/// bundlers).
#[derive(Debug, Default, Deserialize)]
struct Package {
    source: Option<String>,
    main: Option<String>,
    #[serde(default)]
    dependencies: serde_json::Map<String, serde_json::Value>,
}

impl Package {
    /// That of a directory, if there is one.
    fn read(dir: &Path) -> Result<Option<Self>, SourcesError> {
        let file = dir.join(PACKAGE);
        let wrong = |reason: String| SourcesError::Package {
            file: file.clone(),
            reason,
        };
        match std::fs::read(&file) {
            Ok(json) => serde_json::from_slice(&json)
                .map(Some)
                .map_err(|error| wrong(error.to_string())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(wrong(error.to_string())),
        }
    }
}

/// The first modules of a TypeScript component, in the order in which they are looked for.
pub(crate) const ENTRIES: [&str; 8] = [
    "src/index.ts",
    "src/index.tsx",
    "src/index.js",
    "index.ts",
    "index.tsx",
    "index.js",
    "handler.ts",
    "handler.js",
];

/// Of a component that is one file.
const FILES: [&str; 3] = ["ts", "tsx", "js"];

const PACKAGE: &str = "package.json";

#[cfg(test)]
mod tests {
    use super::*;

    fn app(files: &[(&str, &str)]) -> tempfile::TempDir {
        let app = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = app.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        app
    }

    #[test]
    fn the_language_follows_from_the_files() {
        let find = |files: &[(&str, &str)]| -> Result<&'static str, String> {
            let app = app(files);
            let dir = app.path().join("components/a");
            match Sources::find(app.path(), "a").map_err(|error| error.to_string())? {
                Sources::None => Ok("none"),
                Sources::Rust(found) => Ok(if found == dir { "rust" } else { "?" }),
                Sources::TypeScript(found) if found == dir => Ok("typescript"),
                Sources::TypeScript(_) => Ok("file"),
            }
        };
        assert_eq!(find(&[]), Ok("none"));
        assert_eq!(find(&[("components/a/Cargo.toml", "")]), Ok("rust"));
        assert_eq!(find(&[("components/a/src/lib.rs", "")]), Ok("rust"));
        assert_eq!(
            find(&[("components/a/package.json", "{}")]),
            Ok("typescript")
        );
        assert_eq!(find(&[("components/a/src/index.ts", "")]), Ok("typescript"));
        assert_eq!(find(&[("components/a/handler.ts", "")]), Ok("typescript"));
        assert_eq!(find(&[("components/a.ts", "")]), Ok("file"));
        let both = [
            ("components/a/Cargo.toml", ""),
            ("components/a/index.ts", ""),
        ];
        assert!(find(&both).unwrap_err().contains("components/a/index.ts"));
        let both = [("components/a/index.ts", ""), ("components/a.ts", "")];
        assert!(find(&both).unwrap_err().contains("components/a.ts"));
    }

    #[test]
    fn the_entry_is_named_or_looked_for() {
        let find = |files: &[(&str, &str)]| -> Result<_, String> {
            let app = app(files);
            let found = entry(app.path()).map_err(|error| error.to_string())?;
            Ok(found
                .strip_prefix(app.path())
                .unwrap()
                .display()
                .to_string())
        };
        let found = |path: &str| Ok::<_, String>(path.to_owned());
        let package = |json| ("package.json", json);
        assert_eq!(find(&[("index.ts", "")]), found("index.ts"));
        assert_eq!(
            find(&[("index.ts", ""), ("src/index.ts", "")]),
            found("src/index.ts")
        );
        let named = [
            package(r#"{"main":"a.ts"}"#),
            ("a.ts", ""),
            ("index.ts", ""),
        ];
        assert_eq!(find(&named), found("a.ts"));
        let named = [
            package(r#"{"main":"a.ts","source":"b.ts"}"#),
            ("a.ts", ""),
            ("b.ts", ""),
        ];
        assert_eq!(find(&named), found("b.ts"));
        // As `npm init` writes it.
        let absent = [package(r#"{"main":"index.js"}"#), ("src/index.ts", "")];
        assert_eq!(find(&absent), found("src/index.ts"));
        assert!(
            find(&[package(r#"{"source":"b.ts"}"#)])
                .unwrap_err()
                .contains("b.ts")
        );
        assert!(
            find(&[package("{}")])
                .unwrap_err()
                .contains("src/index.ts, ")
        );
        assert!(
            find(&[package("{")])
                .unwrap_err()
                .contains("package.json: ")
        );
    }

    #[test]
    fn packages_have_to_be_installed() {
        let wants = r#"{"dependencies":{"zod":"4"}}"#;
        let check = |files: &[(&str, &str)]| {
            let app = app(files);
            let entry = app.path().join("components/a/src/index.ts");
            check_installed(app.path(), &entry).map_err(|error| error.to_string())
        };
        for manifest in ["package.json", "components/a/package.json"] {
            let error = check(&[(manifest, wants)]).unwrap_err();
            assert!(
                error.starts_with("zod is not installed: run `npm install` in /"),
                "{error}"
            );
            assert_eq!(
                error.ends_with("components/a"),
                manifest.starts_with('c'),
                "{error}"
            );
        }
        let installed = ("node_modules/zod/package.json", "{}");
        assert_eq!(check(&[("package.json", wants), installed]), Ok(()));
        assert_eq!(
            check(&[("components/a/package.json", wants), installed]),
            Ok(())
        );
        assert_eq!(
            check(&[("package.json", r#"{"devDependencies":{"a":"1"}}"#)]),
            Ok(())
        );
    }
}
