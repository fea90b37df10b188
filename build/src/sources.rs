//! The sources of a component, which determine the tools that build it.

use std::path::{Path, PathBuf};

use crate::BoxError;

/// The sources of one component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sources {
    /// It is prebuilt, or missing.
    None,
    /// The directory of its crate.
    Rust(PathBuf),
    /// The directory of its modules, or its only file.
    TypeScript(PathBuf),
}

impl Sources {
    /// Finds a component's sources: `components/<name>/`, or a file `components/<name>.ts`.
    ///
    /// A directory with a `Cargo.toml` is a crate. One with a `package.json` or one of [`ENTRIES`]
    /// is TypeScript.
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
            // Cargo reports what is missing.
            (_, None, None) => Ok(Self::Rust(dir)),
        }
    }
}

/// Checks that the app's `Cargo.toml`, if any, does not take a directory of modules for a crate.
#[cfg(feature = "typescript")]
pub(crate) fn check_is_no_crate(app_dir: &Path, sources: &Path) -> Result<(), SourcesError> {
    let file = app_dir.join("Cargo.toml");
    let manifest = std::fs::read_to_string(&file).unwrap_or_default();
    // Cargo reports an invalid manifest.
    let manifest: toml::Table = manifest.parse().unwrap_or_default();
    let (Some(workspace), Ok(dir)) = (manifest.get("workspace"), sources.strip_prefix(app_dir))
    else {
        return Ok(());
    };
    let dir = dir.to_string_lossy().into_owned();
    let lists = |key: &str, path: &str| {
        let list = workspace.get(key).and_then(toml::Value::as_array);
        list.is_some_and(|list| list.iter().any(|member| member.as_str() == Some(path)))
    };
    let is_member = lists("members", "components/*") || lists("members", &dir);
    match sources.is_dir() && is_member && !lists("exclude", &dir) {
        true => Err(SourcesError::TakenForCrate { file, dir }),
        false => Ok(()),
    }
}

/// The reason why a component's sources can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourcesError {
    /// They are in two languages or directories.
    #[error("both {} and {} are there: a component is made of one of them", one.display(), other.display())]
    Both {
        /// One of them.
        one: PathBuf,
        /// The other.
        other: PathBuf,
    },
    /// A TypeScript component has no entry module.
    #[error(
        "{} has none of {}: name another module by `source` in its package.json",
        dir.display(), ENTRIES.join(", ")
    )]
    NoEntry {
        /// Its directory.
        dir: PathBuf,
    },
    /// Cargo would take a directory of modules for a crate, and fail.
    #[error(
        "the [workspace] of {} takes {dir} for a crate, as cargo would find out: add `exclude = [\"{dir}\"]` to it",
        file.display()
    )]
    TakenForCrate {
        /// The app's `Cargo.toml`.
        file: PathBuf,
        /// The directory, below the app's.
        dir: String,
    },
    /// The packages of a component are not installed.
    #[error("{} is not installed: run `npm install` in {}", packages.join(", "), dir.display())]
    NotInstalled {
        /// The directory of the `package.json`.
        dir: PathBuf,
        /// Its dependencies.
        packages: Vec<String>,
    },
    /// A `package.json` is invalid.
    #[error("{} can't be used", file.display())]
    Package {
        /// The file.
        file: PathBuf,
        /// The reason.
        #[source]
        reason: BoxError,
    },
}

/// The entry modules of a TypeScript component, in the order of precedence.
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

/// The extensions of a component that is one file.
const FILES: [&str; 3] = ["ts", "tsx", "js"];

pub(crate) const PACKAGE: &str = "package.json";

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An app with these files.
    pub(crate) fn app(files: &[(&str, &str)]) -> tempfile::TempDir {
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

    #[cfg(feature = "typescript")]
    #[test]
    fn a_directory_of_modules_that_cargo_takes_for_a_crate_is_an_error() {
        let module = ("components/web/index.ts", "");
        for (manifest, is_fine) in [
            ("[workspace]\nmembers = [\"components/*\"]\n", false),
            ("[workspace]\nmembers = [\"components/web\"]\n", false),
            ("[workspace]\nmembers = [\"components/shop\"]\n", true),
            (
                "[workspace]\nmembers = [\"components/*\"]\nexclude = [\"components/web\"]\n",
                true,
            ),
            ("[package]\nname = \"a\"\n", true),
            ("", true),
        ] {
            let app = app(&[("Cargo.toml", manifest), module]);
            let checked = check_is_no_crate(app.path(), &app.path().join("components/web"));
            assert_eq!(checked.is_ok(), is_fine, "{manifest}");
            if let Err(error) = checked {
                let said = error.to_string();
                assert!(said.contains("exclude = [\"components/web\"]"), "{said}");
            }
        }
    }
}
