//! Bundles an author's sources and packages into one ES module.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rolldown::plugin::__inner::SharedPluginable;
use rolldown::{
    Bundler, BundlerOptions, BundlerTransformOptions, CodeSplittingMode, Either, IsExternal,
    OutputFormat, Platform, ResolveOptions, SourceMapType,
};
use rolldown_common::Output;
use rolldown_error::{
    BatchedBuildDiagnostic, BuildDiagnostic, DiagnosableResolveError, Diagnostic,
    DiagnosticOptions, Severity,
};

use super::node::{self, NodeModules};
use crate::source_map::BUNDLE_FILE;

/// One ES module of an author's sources.
#[derive(Clone, Debug)]
pub(super) struct Bundle {
    /// The module. It imports nothing but [`RUNTIME_MODULE`].
    pub code: String,
    /// Its source map (ECMA-426), without the text of the sources. Paths are relative to the given
    /// directory.
    pub source_map: String,
    /// The files that are in it or affected it, by absolute paths.
    pub inputs: BTreeSet<PathBuf>,
    /// Warnings for the author: a text of several lines each.
    pub warnings: Vec<String>,
}

/// The module that every other can import, and that the runner provides: it is not bundled.
pub(super) const RUNTIME_MODULE: &str = "rusm";

/// Bundles `entry`, which is in `app_dir`; paths in messages are relative to that directory.
///
/// Packages are resolved in `node_modules` beside the importing file and above it, and paths by the
/// nearest `tsconfig.json`. Types are dropped, not checked.
///
/// # Errors
/// Invalid syntax or an unresolved import: with the file, the line and the reason.
pub(super) fn bundle(app_dir: &Path, entry: &Path) -> Result<Bundle, BundleError> {
    // The bundler blocks, which a single-threaded runtime does not allow.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .map_err(BundleError::Threads)?;
    runtime.block_on(generate(app_dir, entry))
}

/// The reason why there is no bundle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The author's sources are invalid: a text of several lines for each problem.
    #[error("{}", .0.join("\n"))]
    Sources(Vec<String>),
    /// Imports that remain for the runner, which provides `RUNTIME_MODULE` only.
    #[error("`{}` can't be imported: no module has this name", .0.join("`, `"))]
    Import(Vec<String>),
    /// The bundler's threads could not be started.
    #[error("the bundler's threads could not be started")]
    Threads(#[source] std::io::Error),
    /// The bundler's output is not as requested.
    #[error("the bundler gave {0}: this is a defect of rusm, please report it")]
    Output(&'static str),
}

async fn generate(app_dir: &Path, entry: &Path) -> Result<Bundle, BundleError> {
    let sources = |problems: BatchedBuildDiagnostic| {
        BundleError::Sources(rendered(app_dir, &problems.into_vec()))
    };
    let plugins: Vec<SharedPluginable> = vec![Arc::new(NodeModules)];
    let mut bundler = Bundler::with_plugins(options(app_dir, entry), plugins).map_err(sources)?;
    let output = bundler.generate().await.map_err(sources)?;
    let mut inputs: BTreeSet<PathBuf> = bundler
        .watch_files()
        .iter()
        .map(|file| PathBuf::from(file.as_str()))
        .collect();
    bundler.close().await.map_err(sources)?;

    let chunks = output.assets.iter().filter_map(|output| match output {
        Output::Chunk(chunk) => Some(chunk),
        Output::Asset(_) => None,
    });
    let chunks: Vec<_> = chunks.collect();
    let [chunk] = chunks.as_slice() else {
        return Err(BundleError::Output("several modules"));
    };
    let modules = chunk.module_ids.iter().map(|id| PathBuf::from(id.as_str()));
    inputs.extend(modules.filter(|file| file.is_absolute()));
    let manifests: Vec<_> = inputs.iter().flat_map(|file| manifests(file)).collect();
    inputs.extend(manifests);
    let imports = chunk.imports.iter().chain(&chunk.dynamic_imports);
    let absent: BTreeSet<&str> = imports
        .map(|module| module.as_str())
        // Its own name stands for modules that are imported when they are asked for.
        .filter(|module| ![RUNTIME_MODULE, BUNDLE_FILE].contains(module))
        .collect();
    let (unresolved, warnings): (Vec<_>, Vec<_>) =
        output.warnings.into_iter().partition(|warning| {
            let module = warning.exporter();
            module.is_some_and(|module| absent.contains(module.as_str()))
        });
    if !unresolved.is_empty() {
        let unresolved: Vec<_> = unresolved.into_iter().map(explained).collect();
        return Err(BundleError::Sources(rendered(app_dir, &unresolved)));
    }
    if !absent.is_empty() {
        return Err(BundleError::Import(
            absent.into_iter().map(str::to_owned).collect(),
        ));
    }
    // A bundle without code has no map.
    let source_map = chunk.map.as_ref().map(|map| map.to_json_string());
    Ok(Bundle {
        code: chunk.code.clone(),
        source_map: source_map.unwrap_or_else(|| NO_MAPPINGS.to_owned()),
        inputs,
        warnings: rendered(app_dir, &warnings),
    })
}

/// Lists the files that determine which of a package's files are imported: each `package.json`
/// above one of its modules.
fn manifests(module: &Path) -> impl Iterator<Item = PathBuf> {
    let is_packages = module.iter().any(|part| part == "node_modules");
    let dirs = module.ancestors().skip(1).filter(move |_| is_packages);
    dirs.take_while(|dir| !dir.ends_with("node_modules"))
        .map(|dir| dir.join("package.json"))
        .filter(|file| file.is_file())
}

fn options(app_dir: &Path, entry: &Path) -> BundlerOptions {
    let names = |names: &[&str]| Some(names.iter().map(|&name| name.to_owned()).collect());
    BundlerOptions {
        input: Some(vec![entry.to_string_lossy().into_owned().into()]),
        cwd: Some(app_dir.to_owned()),
        // Nothing is written; the source map's paths are relative to this.
        dir: Some(app_dir.to_string_lossy().into_owned()),
        entry_filenames: Some(BUNDLE_FILE.to_owned().into()),
        format: Some(OutputFormat::Esm),
        code_splitting: Some(CodeSplittingMode::Bool(false)),
        external: Some(IsExternal::from(vec![RUNTIME_MODULE.to_owned()])),
        platform: Some(Platform::Neutral),
        resolve: Some(ResolveOptions {
            condition_names: names(&CONDITIONS),
            main_fields: names(&["browser", "module", "main"]),
            alias_fields: Some(vec![vec!["browser".to_owned()]]),
            ..ResolveOptions::default()
        }),
        define: Some(
            [(
                "process.env.NODE_ENV".to_owned(),
                "\"production\"".to_owned(),
            )]
            .into_iter()
            .chain([("global".to_owned(), "globalThis".to_owned())])
            .collect(),
        ),
        inject: Some(node::globals()),
        transform: Some(BundlerTransformOptions {
            target: Some(Either::Left(TARGET.to_owned())),
            ..BundlerTransformOptions::default()
        }),
        sourcemap: Some(SourceMapType::Hidden),
        sourcemap_exclude_sources: Some(true),
        ..BundlerOptions::default()
    }
}

/// The conventions of packages for runtimes that are neither a browser nor Node (WinterTC, "Runtime
/// Keys").
const CONDITIONS: [&str; 5] = ["rusm", "workerd", "worker", "browser", "module"];

/// The syntax that QuickJS understands; newer syntax is rewritten.
const TARGET: &str = "es2024";

const NO_MAPPINGS: &str = r#"{"version":3,"sources":[],"names":[],"mappings":""}"#;

/// Makes an error of an import that the bundler would leave to the environment, with advice for the
/// author.
fn explained(mut problem: BuildDiagnostic) -> BuildDiagnostic {
    let module = problem.exporter().unwrap_or_default();
    let is_nodes = node::is_nodes(&module);
    if let Some(unresolved) = problem.downcast_mut::<DiagnosableResolveError>() {
        (unresolved.reason, unresolved.help) = if is_nodes {
            (
                "a module of Node's, which components don't have".to_owned(),
                Some("the web platform and the module `rusm` are there".to_owned()),
            )
        } else {
            (
                "this module is not installed".to_owned(),
                Some(format!("npm install {}", package(&module))),
            )
        };
    }
    problem
}

/// Returns the package of a module specifier: `@scope/name` or `name`.
pub(super) fn package(module: &str) -> &str {
    let names = if module.starts_with('@') { 2 } else { 1 };
    let end = module.match_indices('/').nth(names - 1);
    end.map_or(module, |(end, _)| &module[..end])
}

/// Formats each problem as a text with the source lines.
fn rendered(app_dir: &Path, problems: &[BuildDiagnostic]) -> Vec<String> {
    let options = DiagnosticOptions {
        cwd: app_dir.to_owned(),
    };
    let diagnostics: Vec<_> = problems
        .iter()
        .filter(|problem| problem.severity() != Severity::Info)
        .map(|problem| problem.to_diagnostic_with(&options))
        .collect();
    let rendered = Diagnostic::render_batch(&diagnostics, false).into_iter();
    rendered
        .map(|diagnostic| diagnostic.message.trim_end().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct App(tempfile::TempDir);

    impl App {
        fn new(files: &[(&str, &str)]) -> Self {
            let app = Self(tempfile::tempdir().unwrap());
            for (path, text) in files {
                let path = app.0.path().join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
            app
        }

        fn bundle(&self) -> Result<Bundle, BundleError> {
            let dir = self.0.path().canonicalize().unwrap();
            bundle(&dir, &dir.join("index.ts"))
        }

        fn code(&self) -> String {
            self.bundle().unwrap().code
        }

        fn error(&self) -> String {
            self.bundle().unwrap_err().to_string()
        }
    }

    #[test]
    fn modules_packages_and_paths_become_one_module() {
        let app = App::new(&[
            (
                "index.ts",
                "import { call } from 'rusm';\n\
                 import { one } from './one';\n\
                 import { two } from '@lib/two';\n\
                 import three from 'three';\n\
                 export default (): number => call(one + two + three);\n",
            ),
            ("one.ts", "export const one: number = 111;"),
            ("lib/two.ts", "export const two = 222 as number;"),
            (
                "tsconfig.json",
                r#"{"compilerOptions":{"paths":{"@lib/*":["./lib/*"]}}}"#,
            ),
            ("node_modules/three/package.json", r#"{"main":"main.js"}"#),
            ("node_modules/three/main.js", "module.exports = 444;"),
        ]);
        let bundle = app.bundle().unwrap();
        // One and two are known, so their sum is.
        for part in ["333", "444", "from \"rusm\""] {
            assert!(bundle.code.contains(part), "{part}: {}", bundle.code);
        }
        assert!(bundle.warnings.is_empty(), "{:?}", bundle.warnings);
        let dir = app.0.path().canonicalize().unwrap();
        for file in [
            "index.ts",
            "one.ts",
            "lib/two.ts",
            "node_modules/three/main.js",
            "node_modules/three/package.json",
        ] {
            assert!(
                bundle.inputs.contains(&dir.join(file)),
                "{:?}",
                bundle.inputs
            );
        }
    }

    #[test]
    fn a_module_may_be_empty() {
        for empty in ["", "// Nothing.", "const a = 1;"] {
            let bundle = App::new(&[("index.ts", empty)]).bundle().unwrap();
            let map = crate::source_map::SourceMap::new(&*bundle.source_map);
            assert_eq!(map.locate("at bundle.js:1:1"), "at bundle.js:1:1");
        }
    }

    #[test]
    fn a_package_for_other_runtimes_is_told_by_its_conditions() {
        let app = App::new(&[
            (
                "index.ts",
                "import id from 'id';\nexport default () => id + process.env.NODE_ENV;",
            ),
            (
                "node_modules/id/package.json",
                r#"{"exports":{".":{"node":"./node.js","browser":"./browser.js"}}}"#,
            ),
            ("node_modules/id/node.js", "export default 'of node';"),
            ("node_modules/id/browser.js", "export default 'of browser';"),
        ]);
        let code = app.code();
        assert!(
            code.contains("of browser") && !code.contains("of node"),
            "{code}"
        );
        assert!(code.contains("production"), "{code}");
    }

    #[test]
    fn a_mistake_is_told_by_file_line_and_message() {
        let error = App::new(&[("index.ts", "export const a = 1;\nexport const = 2;\n")]).error();
        assert!(error.contains("index.ts:2:14"), "{error}");
        let error = App::new(&[(
            "index.ts",
            "import { b } from './gone';\nexport default () => b;",
        )])
        .error();
        assert!(
            error.contains("./gone") && error.contains("index.ts:1:"),
            "{error}"
        );
        let error = App::new(&[
            (
                "index.ts",
                "import { b } from './b';\nexport default () => b;",
            ),
            ("b.ts", "export const c = 1;"),
        ])
        .error();
        assert!(
            error.contains("\"b\"") && error.contains("index.ts:1:"),
            "{error}"
        );
    }

    #[test]
    fn what_is_not_there_is_not_left_for_later() {
        for (module, reason) in [
            ("left-pad", "npm install left-pad"),
            ("@a/b/c", "npm install @a/b"),
            ("node:http", "Node's"),
            ("http", "Node's"),
        ] {
            let app = App::new(&[(
                "index.ts",
                &format!("import x from '{module}';\nexport default () => x;"),
            )]);
            let error = app.error();
            assert!(
                error.contains(module) && error.contains("index.ts:1:") && error.contains(reason),
                "{error}"
            );
        }
    }

    #[test]
    fn the_source_map_names_the_authors_files() {
        let app = App::new(&[(
            "index.ts",
            "type A = 1;\n\nexport const boom = () => { throw new Error('x') };\n",
        )]);
        let map: serde_json::Value =
            serde_json::from_str(&app.bundle().unwrap().source_map).unwrap();
        assert_eq!(map["sources"], serde_json::json!(["index.ts"]));
        assert!(
            map["sourcesContent"]
                .as_array()
                .is_none_or(|all| all.iter().all(|c| c.is_null()))
        );
    }
}
