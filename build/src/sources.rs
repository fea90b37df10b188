//! Sources of a component, which decide on the tools that build it.

use std::path::{Path, PathBuf};

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
}
