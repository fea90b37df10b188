//! `rusm new`: the files of a first app.

use std::io;
use std::path::{Path, PathBuf};

/// Makes the app `name` in the current directory, and says what to do next.
pub fn create(name: &str) -> Result<PathBuf, ScaffoldError> {
    let dir = new_app(Path::new(""), name)?;
    println!("created {}; next: cd {name} && rusm serve", dir.display());
    Ok(dir)
}

/// Makes the app `name` in a directory of that name below `parent`, and gives the directory.
///
/// The app has one component, of the same name, and runs as it is. Nothing that exists is touched:
/// the directory may exist, but must be empty.
pub fn new_app(parent: &Path, name: &str) -> Result<PathBuf, ScaffoldError> {
    check_name(name)?;
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
    for (path, template) in TEMPLATES {
        let file = dir.join(path.replace(PLACEHOLDER, name));
        let content = template.replace(PLACEHOLDER, name);
        file.parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(&file, content))
            .map_err(writing)?;
    }
    Ok(dir)
}

/// Why there is no new app.
#[derive(Debug, thiserror::Error)]
pub enum ScaffoldError {
    /// The name serves neither a component nor a crate.
    #[error("`{name}` is no name for an app: {reason}")]
    Name {
        /// As given.
        name: String,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// Something is there already.
    #[error("{path} exists and is not empty: choose another name, or empty it")]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },
    /// A file could not be written.
    #[error("cannot write to {path}: {error}")]
    Write {
        /// The app's directory.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
}

/// The name is that of a component, and of a crate, which no other crate may share.
fn check_name(name: &str) -> Result<(), ScaffoldError> {
    let bad = |reason: String| ScaffoldError::Name {
        name: name.to_owned(),
        reason,
    };
    name.parse::<rusm_config::ComponentName>()
        .map_err(|error| bad(error.to_string()))?;
    if TAKEN.contains(&&*name.replace('-', "_")) {
        return Err(bad(format!(
            "a crate of that name is in the way; try `{name}-app`"
        )));
    }
    Ok(())
}

/// Crates that every guest has already.
const TAKEN: &[&str] = &["alloc", "core", "proc_macro", "rusm_rs", "std", "test"];

const PLACEHOLDER: &str = "{{name}}";

const TEMPLATES: &[(&str, &str)] = &[
    ("rusm.toml", include_str!("template/rusm.toml")),
    ("README.md", include_str!("template/README.md")),
    (".gitignore", include_str!("template/gitignore")),
    (
        "components/{{name}}/Cargo.toml",
        include_str!("template/Cargo.toml.in"),
    ),
    (
        "components/{{name}}/src/lib.rs",
        include_str!("template/lib.rs.in"),
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_app_bears_its_name_throughout() {
        let parent = tempfile::tempdir().unwrap();
        let dir = new_app(parent.path(), "shop").unwrap();
        let read = |path: &str| std::fs::read_to_string(dir.join(path)).unwrap();
        assert!(read("rusm.toml").contains("\"shop#index\""));
        assert!(read("components/shop/Cargo.toml").contains("name = \"shop\""));
        for (path, _) in TEMPLATES {
            assert!(
                !read(&path.replace(PLACEHOLDER, "shop")).contains("{{"),
                "{path}"
            );
        }
    }

    #[test]
    fn what_exists_is_left_alone() {
        let parent = tempfile::tempdir().unwrap();
        std::fs::create_dir(parent.path().join("shop")).unwrap();
        new_app(parent.path(), "shop").unwrap();
        let error = new_app(parent.path(), "shop").unwrap_err();
        assert!(matches!(error, ScaffoldError::NotEmpty { .. }), "{error}");
    }

    #[test]
    fn bad_names_are_refused_before_anything_is_written() {
        let parent = tempfile::tempdir().unwrap();
        for name in ["", "../shop", "Shop", "1st", "a b", "core", "proc-macro"] {
            let error = new_app(parent.path(), name).unwrap_err();
            assert!(
                matches!(error, ScaffoldError::Name { .. }),
                "{name}: {error}"
            );
        }
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);
    }
}
