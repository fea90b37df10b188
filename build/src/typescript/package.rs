//! Entry file of a TypeScript component, and the check that its packages are installed.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::BoxError;
use crate::sources::{ENTRIES, PACKAGE, SourcesError};

/// Returns the entry module of a TypeScript component.
///
/// It is `source` of its `package.json`; or `main`, if that file exists; or the first of
/// [`ENTRIES`].
pub(super) fn entry(sources: &Path) -> Result<PathBuf, SourcesError> {
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
                reason: format!("its `source`, {source}, does not exist").into(),
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

/// Rejects a component whose packages are not installed. `entry` is its first module.
///
/// Packages are listed in a `package.json` beside it or above it, up to `app_dir`, and npm puts
/// them beside that file or, in a workspace, above it.
pub(super) fn check_installed(app_dir: &Path, entry: &Path) -> Result<(), SourcesError> {
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

/// The relevant parts of a `package.json` (npm, "package.json"; `source` is a convention of
/// bundlers).
#[derive(Debug, Default, Deserialize)]
struct Package {
    source: Option<String>,
    main: Option<String>,
    #[serde(default)]
    dependencies: serde_json::Map<String, serde_json::Value>,
}

impl Package {
    /// Reads the `package.json` of a directory, if there is one.
    fn read(dir: &Path) -> Result<Option<Self>, SourcesError> {
        let file = dir.join(PACKAGE);
        let wrong = |reason: BoxError| SourcesError::Package {
            file: file.clone(),
            reason,
        };
        match std::fs::read(&file) {
            Ok(json) => serde_json::from_slice(&json)
                .map(Some)
                .map_err(|error| wrong(error.into())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(wrong(error.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::tests::app;

    #[test]
    fn the_entry_is_named_or_looked_for() {
        let find = |files: &[(&str, &str)]| -> Result<_, String> {
            let app = app(files);
            let found = entry(app.path()).map_err(|error| crate::with_sources(&error))?;
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
                .contains("package.json can't be used: ")
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
