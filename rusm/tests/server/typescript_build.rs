//! `rusm build` of TypeScript: what makes a component stale, and how a mistake is told.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rusm_build::scaffold::{Language, new_app};

use crate::apps::rusm;
use crate::server::Serve;

/// An app in a directory of its own.
struct App {
    parent: tempfile::TempDir,
    dir: PathBuf,
}

impl App {
    /// One component, `main`.
    fn of(main: &str) -> Self {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("app");
        let app = Self { parent, dir };
        app.write("rusm.toml", MANIFEST);
        app.write("components/main.ts", main);
        app
    }

    /// As `rusm new` makes it.
    fn new(name: &str) -> Self {
        let parent = tempfile::tempdir().unwrap();
        let dir = new_app(parent.path(), name, Language::Ts).unwrap();
        Self { parent, dir }
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.dir.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.dir.join(path)).unwrap()
    }

    /// With the packages of the test app, TypeScript's compiler among them.
    fn with_packages(self) -> Self {
        symlink(packages(), self.dir.join("node_modules")).unwrap();
        self
    }

    /// Whether it could be built, and what was said. No program is on the `PATH` but those of
    /// `path`.
    fn run(&self, args: &[&str], path: impl AsRef<OsStr>) -> (bool, String) {
        let mut build = rusm();
        build.arg("build").arg(&self.dir).args(args);
        let output = build.env("PATH", path).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), said)
    }

    /// Build what is stale: whether anything was.
    #[track_caller]
    fn builds(&self) -> bool {
        let (built, said) = self.run(&[], "/nowhere");
        assert!(built, "{said}");
        said.contains("built component")
    }

    /// What is said of a build that fails.
    #[track_caller]
    fn fails(&self) -> String {
        let (built, said) = self.run(&[], "/nowhere");
        assert!(!built, "{said}");
        said
    }
}

/// Installed by `scripts/setup-test-tools.sh`.
fn packages() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apps/typescript/node_modules")
}

/// A `PATH` with TypeScript's compiler, and Node for it.
fn path_with_tsc() -> String {
    let path = std::env::var("PATH").unwrap();
    format!("{}:{path}", packages().join(".bin").display())
}

#[test]
fn content_makes_it_stale_and_time_does_not() {
    let app = App::of(
        "import { word } from '../shared/word';\n\
         import { counted } from 'counted';\n\
         export default () => new Response(`${word} ${counted}`);\n",
    );
    let word = "export const word = 'one';\n";
    let counted = "export const counted = 1;\n";
    app.write("shared/word.ts", word);
    app.write("shared/unused.ts", "1");
    app.write("node_modules/counted/package.json", r#"{"main":"main.js"}"#);
    app.write("node_modules/counted/main.js", counted);
    app.write("node_modules/counted/unused.js", "1");
    let main = app.read("components/main.ts");
    assert!(app.builds());
    assert!(!app.builds(), "nothing has changed");
    for (path, text) in [
        ("shared/word.ts", word),
        ("components/main.ts", &main),
        ("node_modules/counted/main.js", counted),
    ] {
        app.write(path, text);
        assert!(!app.builds(), "{path} was touched");
    }
    app.write("shared/unused.ts", "2");
    app.write("node_modules/counted/unused.js", "2");
    assert!(!app.builds(), "it is made of neither");
    for (path, text) in [
        ("shared/word.ts", "export const word = 'two';\n"),
        (
            "node_modules/counted/main.js",
            "export const counted = 2;\n",
        ),
        (
            "node_modules/counted/package.json",
            r#"{"main":"unused.js"}"#,
        ),
        (
            "node_modules/counted/unused.js",
            "export const counted = 3;\n",
        ),
        (
            "components/main.ts",
            "export default () => new Response('');\n",
        ),
        ("components/main.ts", &main),
        ("wasm/main.wasm", "of somebody else"),
    ] {
        app.write(path, text);
        if path.ends_with("package.json") {
            assert!(app.fails().contains("counted"), "it has no such export");
            continue;
        }
        assert!(app.builds(), "{path} has changed");
        assert!(!app.builds(), "{path} has changed once");
    }
    let artifact = app.dir.join("wasm/main.wasm");
    let first = fs::read(&artifact).unwrap();
    fs::remove_file(&artifact).unwrap();
    assert!(app.builds());
    assert_eq!(
        fs::read(&artifact).unwrap(),
        first,
        "the same sources give the same bytes"
    );
}

/// What a mistake in the first component is told by. `FETCH` follows it.
#[track_caller]
fn is_told(source: &str, words: &[&str]) {
    let app = App::of(&format!("{source}\n{FETCH}"));
    app.write("node_modules/twice/package.json", r#"{"main":"main.js"}"#);
    app.write("node_modules/twice/main.js", TWICE);
    let said = app.fails();
    for word in words {
        assert!(said.contains(word), "no {word} for {source}: {said}");
    }
    for inner in ["runtime.js", "bundle.js", "defect"] {
        assert!(!said.contains(inner), "{inner} for {source}: {said}");
    }
    assert!(!app.dir.join("wasm/main.wasm").exists());
}

#[test]
fn what_is_no_typescript_is_told_by_its_place() {
    is_told(
        "const a = 1;\nexport const = 2;",
        &["components/main.ts:2:14"],
    );
    is_told("let a = {;", &["components/main.ts:1:10"]);
}

#[test]
fn a_module_that_is_not_there_is_told_with_what_to_do() {
    let place = "components/main.ts:2:15";
    for (module, reason) in [
        ("left-pad", "npm install left-pad"),
        ("@scope/name/part", "npm install @scope/name"),
        (
            "node:http",
            "a module of Node's, which components don't have",
        ),
        ("http", "a module of Node's, which components don't have"),
        ("./gone", "./gone"),
    ] {
        let source = format!("\nimport x from '{module}';\nexport const use = () => x;");
        is_told(&source, &[place, &format!("'{module}'"), reason]);
    }
    is_told(
        "import { nothing } from 'rusm';\nexport const use = () => nothing;",
        &["nothing", "rusm"],
    );
    // What is listed, and was not installed.
    let app = App::of(FETCH);
    app.write("package.json", r#"{"dependencies":{"zod":"4","hono":"4"}}"#);
    let said = app.fails();
    assert!(
        said.contains("zod, hono is not installed: run `npm install` in "),
        "{said}"
    );
}

#[test]
fn top_level_code_that_fails_is_told_by_its_place() {
    is_told(
        "const a = 1;\nthrow new Error(`not ${a}`);",
        &["build time", "Error: not 1", "components/main.ts:2:"],
    );
    is_told(
        "import { twice } from 'twice';\ntwice(() => {\n  throw new Error('inner');\n});",
        &[
            "Error: inner",
            "components/main.ts:3:",
            "node_modules/twice/main.js:3:",
            "components/main.ts:2:",
        ],
    );
}

#[test]
fn top_level_code_has_nothing_of_a_running_instance() {
    let kept = "export const use = () => kept;";
    for (what, expression) in [
        ("the clock", "Date.now()"),
        ("the clock", "new Date()"),
        ("the environment", "env.HOME"),
        ("fetch", "await fetch('http://127.0.0.1/')"),
        ("a timer", "setTimeout(() => {}, 1)"),
        ("a random UUID", "crypto.randomUUID()"),
    ] {
        let source = format!(
            "import {{ env }} from 'rusm';\n\nconst kept = {expression};\n{kept}\nexport const e = () => env;"
        );
        let words = format!("Error: {what} at the top level of a module");
        is_told(&source, &[&words, "components/main.ts:3:"]);
    }
    // A date of a given time is a value like any other.
    let app = App::of(&format!("const kept = new Date(0);\n{kept}\n{FETCH}"));
    assert!(app.builds());
}

#[test]
fn a_component_exports_something_to_serve() {
    for source in [
        "",
        "// Nothing but words.\n",
        "const a = 1;\n",
        "export type A = 1;\n",
        "export const a = 1;\n",
        "globalThis.a = 1;\n",
    ] {
        let said = App::of(source).fails();
        let words = "the module exports nothing to serve";
        assert!(said.contains(words), "{source:?}: {said}");
        for inner in ["runtime.js", "defect"] {
            assert!(!said.contains(inner), "{source:?}: {said}");
        }
    }
    let said = App::of("export default 5;\n").fails();
    assert!(said.contains("the default export is a function"), "{said}");
}

#[test]
fn names_are_those_that_wit_can_spell() {
    for (source, words) in [
        (
            "export const grün = () => new Response();",
            "the function `grün` can't be exported",
        ),
        (
            "export const route_66 = () => new Response();",
            "the function `route_66` can't be exported: a digit follows `_`",
        ),
        (
            "export const $ = () => new Response();",
            "the function `$` can't be exported",
        ),
        (
            "export const listAll = () => new Response(), list_all = listAll;",
            "the functions `listAll` and `list_all` have the same name, `list-all`",
        ),
    ] {
        is_told(source, &[words, "rename"]);
    }
}

#[test]
fn types_are_checked_where_a_compiler_is() {
    let app = App::new("typed");
    let source = "components/typed/src/index.ts";
    let right = app.read(source);
    app.write(
        source,
        &format!("{right}\nexport const wrong = (): Response => 5;\n"),
    );
    let words = "components/typed/src/index.ts(21,38): error TS2322: Type 'number' is not assignable to type 'Response'.";

    let (built, said) = app.run(&[], path_with_tsc());
    assert!(!built && said.contains(words), "on the PATH: {said}");
    assert!(
        said.contains("its types are wrong, see above (--no-check"),
        "{said}"
    );
    let app = app.with_packages();
    let path = std::env::var("PATH").unwrap();
    let (built, said) = app.run(&[], &path);
    assert!(!built && said.contains(words), "of the app: {said}");

    let (built, said) = app.run(&["--no-check"], &path);
    assert!(built && !said.contains("TS2322"), "{said}");
    // Unchecked is not as good as checked.
    let (built, said) = app.run(&[], &path);
    assert!(!built && said.contains(words), "{said}");
    app.write(source, &right);
    let (built, said) = app.run(&[], &path);
    assert!(built && said.contains("built component"), "{said}");
}

#[test]
fn without_a_compiler_types_are_dropped() {
    let app = App::new("untyped");
    let source = "components/untyped/src/index.ts";
    let wrong = app.read(source) + "\nexport const wrong = (): Response => 5;\n";
    app.write(source, &wrong);
    assert!(app.builds());
}

#[test]
fn a_new_app_is_built_checked_and_served_as_its_readme_says() {
    let parent = tempfile::tempdir().unwrap();
    let new = || {
        let mut new = rusm();
        new.args(["new", "greeter", "--lang", "ts"]);
        new.current_dir(parent.path()).output().unwrap()
    };
    let made = new();
    assert!(made.status.success());
    let said = String::from_utf8_lossy(&made.stdout);
    assert_eq!(said, "created greeter; next: cd greeter && rusm dev\n");
    assert!(!new().status.success(), "what is there is left alone");
    let app = App {
        dir: parent.path().join("greeter"),
        parent,
    };
    let readme = app.read("README.md");
    for line in [
        "    rusm dev\n",
        "    curl http://127.0.0.1:8080/hello/world\n",
    ] {
        assert!(readme.contains(line), "{readme}");
    }
    assert!(
        app.read("rusm.toml")
            .contains("listen = \"127.0.0.1:8080\"")
    );
    // Neither Node nor anything else.
    assert!(app.builds());
    // As it is made, it passes the compiler: what fails is what is added here.
    let (built, said) = app.run(&[], path_with_tsc());
    assert!(built, "{said}");
    fs::remove_dir_all(app.dir.join("wasm")).unwrap();
    let (built, said) = app.run(&[], path_with_tsc());
    assert!(
        built && said.contains("built component `greeter`"),
        "{said}"
    );

    let server = Serve::dev(&app.dir)
        .args(["--listen", "127.0.0.1:0"])
        .start();
    let mut client = server.connect();
    let hello = client.get("/hello/world");
    assert_eq!(hello.header("content-type"), Some("application/json"));
    let greetings = ["Hello", "Hei", "Ciao"];
    let known = greetings.map(|greeting| format!(r#"{{"greeting":"{greeting}, world"}}"#));
    assert!(known.contains(&hello.text()), "{}", hello.text());
    assert_eq!(client.get("/").text(), "Hello from RUSM\n");
    assert_eq!(client.get("/else").status, 404);
    assert!(
        app.parent.path().exists() && server.log().is_empty(),
        "{}",
        server.log()
    );
}

#[test]
fn a_stack_goes_through_packages_to_the_authors_lines() {
    let app = App::of(
        "import { twice } from 'twice';\n\
         \n\
         interface Asked { readonly by: string }\n\
         \n\
         export default (): Response => {\n\
         \x20 const asked: Asked = { by: 'nobody' };\n\
         \x20 return twice(() => {\n\
         \x20   throw new TypeError(`asked by ${asked.by}`);\n\
         \x20 });\n\
         };\n",
    );
    app.write("node_modules/twice/package.json", r#"{"main":"main.js"}"#);
    app.write("node_modules/twice/main.js", TWICE);
    let server = Serve::built(&app.dir).start();
    assert_eq!(server.connect().get("/").status, 500);
    server.says("TypeError: asked by nobody");
    server.says("(components/main.ts:8:");
    server.says("at twice (node_modules/twice/main.js:3:");
    server.says("(components/main.ts:7:");
}

const MANIFEST: &str = r#"
[[serve]]
listen = "127.0.0.1:0"

[serve.routes]
"GET /" = "main"

[components.main]
"#;

/// A handler.
const FETCH: &str = "export default { fetch: () => new Response('fetched') };\n";

/// A package: a function that fails where its callback does.
const TWICE: &str =
    "// A package.\nexport function twice(callback) {\n  callback();\n  return callback();\n}\n";
