//! `rusm new`: the files of a new app.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::{BoxError, rust};

/// The language of a new app's component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// A crate, with the SDK `rusm-rs`.
    Rust,
    /// An ES module, with the module `rusm`.
    Ts,
}

/// Makes the app `name` in the current directory, and prints the next step.
pub fn create(name: &str, language: Language) -> Result<PathBuf, ScaffoldError> {
    let dir = new_app(Path::new(""), name, language)?;
    // The app exists, even if this can't be printed.
    let _ = writeln!(
        io::stdout(),
        "created {}; next: cd {name} && rusm dev",
        dir.display()
    );
    Ok(dir)
}

/// Makes the app `name` in a directory of that name below `parent`. Returns the directory.
///
/// The app has one component, of the same name, and runs as it is. Existing files are not changed:
/// the directory may exist, but must be empty.
pub fn new_app(parent: &Path, name: &str, language: Language) -> Result<PathBuf, ScaffoldError> {
    check_name(name, language)?;
    let dir = parent.join(name);
    let writing = |error| ScaffoldError::Write {
        path: dir.clone(),
        error,
    };
    match std::fs::read_dir(&dir).map(|mut entries| entries.next().is_none()) {
        Ok(true) => {}
        Ok(false) => return Err(ScaffoldError::NotEmpty { path: dir }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(writing(error)),
    }
    for (path, content) in files(name, language) {
        let file = dir.join(path);
        file.parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(&file, content))
            .map_err(writing)?;
    }
    if language == Language::Rust {
        rust::show_sdk_to_cargo(&dir);
    }
    Ok(dir)
}

/// The reason why the app was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScaffoldError {
    /// The name can't be that of a component or crate.
    #[error("`{name}` is no name for an app")]
    Name {
        /// The name as given.
        name: String,
        /// The reason, and what to do.
        #[source]
        reason: BoxError,
    },
    /// The directory exists and is not empty.
    #[error("{path} exists and is not empty: choose another name, or empty it")]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },
    /// A file could not be written.
    #[error("cannot write to {path}")]
    Write {
        /// The app's directory.
        path: PathBuf,
        /// The system's error.
        #[source]
        error: io::Error,
    },
}

/// Returns the files of a new app: path and content.
fn files(name: &str, language: Language) -> Vec<(String, Vec<u8>)> {
    let templates = match language {
        Language::Rust => RUST,
        Language::Ts => TYPESCRIPT,
    };
    let mut files: Vec<(String, Vec<u8>)> = templates
        .iter()
        .map(|(path, text)| {
            let named = |text: &str| text.replace(PLACEHOLDER, name);
            (named(path), named(text).into_bytes())
        })
        .collect();
    if language == Language::Ts {
        let types = TYPES.iter();
        files.extend(types.map(|&(path, text)| (format!("types/{path}"), text.to_vec())));
    }
    files
}

/// Checks the name, which is that of a component, and in Rust of a crate, which must be unique.
fn check_name(name: &str, language: Language) -> Result<(), ScaffoldError> {
    let bad = |reason: BoxError| ScaffoldError::Name {
        name: name.to_owned(),
        reason,
    };
    name.parse::<rusm_config::ComponentName>()
        .map_err(|error| bad(error.into()))?;
    if language == Language::Rust && TAKEN.contains(&&*name.replace('-', "_")) {
        let reason = format!("a crate of that name is in the way; try `{name}-app`");
        return Err(bad(reason.into()));
    }
    Ok(())
}

/// The crates that every guest has already.
const TAKEN: &[&str] = &["alloc", "core", "proc_macro", "rusm_rs", "std", "test"];

const PLACEHOLDER: &str = "{{name}}";

/// Path and text of each file, with placeholders in both.
type Template = (&'static str, &'static str);

const RUST: &[Template] = &[
    ("rusm.toml", include_str!("template/rust/rusm.toml")),
    ("README.md", include_str!("template/rust/README.md")),
    (".gitignore", include_str!("template/rust/gitignore")),
    (
        "Cargo.toml",
        include_str!("template/rust/workspace.toml.in"),
    ),
    (
        "components/{{name}}/Cargo.toml",
        include_str!("template/rust/component.toml.in"),
    ),
    (
        "components/{{name}}/src/lib.rs",
        include_str!("template/rust/lib.rs.in"),
    ),
];

const TYPESCRIPT: &[Template] = &[
    ("rusm.toml", include_str!("template/typescript/rusm.toml")),
    ("README.md", include_str!("template/typescript/README.md")),
    (".gitignore", include_str!("template/typescript/gitignore")),
    (
        "package.json",
        include_str!("template/typescript/package.json"),
    ),
    (
        "tsconfig.json",
        include_str!("template/typescript/tsconfig.json"),
    ),
    (
        "components/{{name}}/src/index.ts",
        include_str!("template/typescript/index.ts"),
    ),
];

// `TYPES: &[(&str, &[u8])]`, the declarations for editors by path and content.
include!(concat!(env!("OUT_DIR"), "/typescript_types.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_app_bears_its_name_throughout() {
        for (language, route, of_it) in [
            (
                Language::Rust,
                "\"shop#index\"",
                "components/shop/Cargo.toml",
            ),
            (
                Language::Ts,
                "\"shop#hello\"",
                "components/shop/src/index.ts",
            ),
        ] {
            let parent = tempfile::tempdir().unwrap();
            let dir = new_app(parent.path(), "shop", language).unwrap();
            let read = |path: &str| std::fs::read_to_string(dir.join(path)).unwrap();
            assert!(read("rusm.toml").contains(route));
            assert!(read(of_it).contains("shop"));
            for (path, _) in files("shop", language) {
                assert!(!read(&path).contains("{{"), "{path}");
            }
        }
    }

    #[test]
    fn what_exists_is_left_alone() {
        let parent = tempfile::tempdir().unwrap();
        std::fs::create_dir(parent.path().join("shop")).unwrap();
        new_app(parent.path(), "shop", Language::Rust).unwrap();
        let error = new_app(parent.path(), "shop", Language::Ts).unwrap_err();
        assert!(matches!(error, ScaffoldError::NotEmpty { .. }), "{error}");
    }

    #[test]
    fn bad_names_are_refused_before_anything_is_written() {
        let parent = tempfile::tempdir().unwrap();
        for name in ["", "../shop", "Shop", "1st", "a b", "core", "proc-macro"] {
            let error = new_app(parent.path(), name, Language::Rust).unwrap_err();
            assert!(
                matches!(error, ScaffoldError::Name { .. }),
                "{name}: {error}"
            );
        }
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);
    }
}
