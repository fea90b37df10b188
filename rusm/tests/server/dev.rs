//! `rusm dev`: what is saved is built and swapped in, and no client notices but by the answers.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rusm_build::scaffold::{Language, new_app};

use crate::apps::rusm;
use crate::client::Client;
use crate::server::{PATIENCE, Serve, Server, two_cores};

/// An app that is worked on.
struct App {
    _parent: tempfile::TempDir,
    dir: PathBuf,
}

impl App {
    /// As `rusm new` makes it.
    fn new(name: &str, language: Language) -> Self {
        let parent = tempfile::tempdir().unwrap();
        let dir = new_app(parent.path(), name, language).unwrap();
        Self {
            _parent: parent,
            dir,
        }
    }

    /// A handler, a service that it calls, and WebSockets.
    fn of_several() -> Self {
        let parent = tempfile::tempdir().unwrap();
        let app = Self {
            dir: parent.path().join("app"),
            _parent: parent,
        };
        for (path, text) in [
            ("rusm.toml", MANIFEST),
            ("components/total.ts", TOTAL),
            ("components/front.ts", FRONT),
            ("components/echo.ts", ECHO),
            ("shared/word.ts", "export const word = 'one';"),
        ] {
            app.write(path, text);
        }
        app
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.dir.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Save a file with `from` replaced, as editors do: a new file in the place of the old.
    #[track_caller]
    fn edit(&self, path: &str, from: &str, to: &str) {
        let path = self.dir.join(path);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "no {from} in {text}");
        let new = path.with_extension("new");
        fs::write(&new, text.replace(from, to)).unwrap();
        fs::rename(new, path).unwrap();
    }

    /// Have it built, however long that takes, and then served.
    #[track_caller]
    fn dev(&self, args: &[&str]) -> Server {
        let build = rusm().arg("build").arg(&self.dir).output().unwrap();
        let said = String::from_utf8_lossy(&build.stderr);
        assert!(build.status.success(), "{}: {said}", build.status);
        let serve = Serve::dev(&self.dir).args(["--listen", "127.0.0.1:0"]);
        serve.args(args).start()
    }
}

/// Ask on until the answer is `new`; until then each one must be `old`.
#[track_caller]
fn becomes(client: &mut Client, path: &str, old: &str, new: &str) {
    becomes_between(
        client,
        path,
        |status, text| (status, text) == (200, old),
        new,
    );
}

/// Ask on until the answer is `new`; until then each one must be `fine`.
#[track_caller]
fn becomes_between(client: &mut Client, path: &str, fine: impl Fn(u16, &str) -> bool, new: &str) {
    let deadline = Instant::now() + 3 * PATIENCE;
    loop {
        let response = client.get(path);
        let text = response.text();
        if (response.status, &*text) == (200, new) {
            return;
        }
        assert!(fine(response.status, &text), "{response:?}, {text}");
        assert!(Instant::now() < deadline, "still {text}");
        thread::sleep(Duration::from_millis(10));
    }
}

#[track_caller]
fn is_swapped_in_under_a_connection(app: &App, source: &str) {
    let server = app.dev(&["--cores", &two_cores()]);
    // The kernel spreads them over the shards.
    let mut clients: Vec<_> = (0..8).map(|_| server.connect()).collect();
    for client in &mut clients {
        assert_eq!(client.get("/").text(), "Hello from RUSM\n");
    }
    app.edit(source, "Hello from", "Hello again from");
    for client in &mut clients {
        becomes(client, "/", "Hello from RUSM\n", "Hello again from RUSM\n");
    }
    app.edit(source, "Hello again from", "Farewell from");
    for client in &mut clients {
        becomes(
            client,
            "/",
            "Hello again from RUSM\n",
            "Farewell from RUSM\n",
        );
    }
    assert!(server.connect().get("/hello/you").text().contains("you"));
}

#[test]
fn an_edit_of_typescript_is_swapped_in_under_a_connection() {
    let app = App::new("written", Language::Ts);
    is_swapped_in_under_a_connection(&app, "components/written/src/index.ts");
}

#[test]
fn an_edit_of_rust_is_swapped_in_under_a_connection() {
    let app = App::new("rusty", Language::Rust);
    is_swapped_in_under_a_connection(&app, "components/rusty/src/lib.rs");
}

#[test]
fn the_old_typescript_serves_until_a_mistake_is_mended() {
    let app = App::new("mended", Language::Ts);
    let source = "components/mended/src/index.ts";
    let server = app.dev(&[]);
    let mut client = server.connect();
    app.edit(source, "new Response(\"Hello", "new new Response)(\"Hello");
    says(&server, "components/mended/src/index.ts:11:");
    says(&server, "the old one goes on serving");
    for _ in 0..10 {
        assert_eq!(client.get("/").text(), "Hello from RUSM\n");
    }
    app.edit(
        source,
        "new new Response)(\"Hello",
        "new Response(\"Mended hello",
    );
    becomes(
        &mut client,
        "/",
        "Hello from RUSM\n",
        "Mended hello from RUSM\n",
    );
}

#[test]
fn the_old_rust_serves_until_a_mistake_is_mended() {
    let app = App::new("rustier", Language::Rust);
    let source = "components/rustier/src/lib.rs";
    let server = app.dev(&[]);
    let mut client = server.connect();
    app.edit(source, "Response::text(\"Hello", "Response::txt(\"Hello");
    says(&server, "src/lib.rs:9:19");
    says(&server, "the old one goes on serving");
    assert_eq!(client.get("/").text(), "Hello from RUSM\n");
    app.edit(
        source,
        "Response::txt(\"Hello",
        "Response::text(\"Mended hello",
    );
    becomes(
        &mut client,
        "/",
        "Hello from RUSM\n",
        "Mended hello from RUSM\n",
    );
}

#[test]
fn what_the_app_stores_is_no_change() {
    let app = App::of_several();
    let server = app.dev(&[]);
    let mut client = server.connect();
    app.edit("components/echo.ts", "websocket({", "websocket(({");
    says(&server, "error: component `echo`");
    for _ in 0..10 {
        assert_eq!(client.get("/store").text(), "stored");
        thread::sleep(Duration::from_millis(50));
    }
    app.edit("components/echo.ts", "websocket(({", "websocket({");
    app.edit("shared/word.ts", "one", "two");
    becomes(&mut client, "/word", "one", "two");
    // One save may be seen as two changes; ten writes are none.
    let told = server.log().matches("error: component `echo`").count();
    assert!(told <= 2, "{}", server.log());
}

#[test]
fn an_action_that_a_route_names_stays() {
    let app = App::new("acting", Language::Ts);
    let source = "components/acting/src/index.ts";
    let server = app.dev(&[]);
    let mut client = server.connect();
    app.edit(source, "function hello(", "function hallo(");
    says(
        &server,
        "component `acting` has no action `hello`; it has `fetch`, `hallo`",
    );
    assert!(client.get("/hello/you").text().contains("you"));
    // It is what was built last that is tried again.
    app.edit(source, "function hallo(", "function hello(");
    app.edit(source, "Hello from", "Again from");
    becomes(&mut client, "/", "Hello from RUSM\n", "Again from RUSM\n");
    assert!(client.get("/hello/you").text().contains("you"));
}

#[test]
fn files_that_are_shared_or_new_are_watched() {
    let app = App::of_several();
    let server = app.dev(&[]);
    let mut client = server.connect();
    assert_eq!(client.get("/word").text(), "one");
    app.edit("shared/word.ts", "one", "two");
    becomes(&mut client, "/word", "one", "two");
    // In a directory that was not there when it started.
    app.write("shared/more/deep/word.ts", "export const word = 'three';");
    app.edit(
        "components/front.ts",
        "../shared/word",
        "../shared/more/deep/word",
    );
    becomes(&mut client, "/word", "two", "three");
    app.edit("shared/more/deep/word.ts", "three", "four");
    becomes(&mut client, "/word", "three", "four");
}

#[test]
fn a_service_is_started_again_as_new_and_its_callers_stay() {
    let app = App::of_several();
    let server = app.dev(&[]);
    let mut client = server.connect();
    assert_eq!(client.get("/add/1").text(), "first: 1");
    assert_eq!(client.get("/add/2").text(), "first: 3");
    let mut old = "first";
    // More often than `max-restarts` says: saving a file is no failure.
    for new in ["second", "third", "fourth"] {
        app.edit("components/total.ts", old, new);
        // A call finds the old service, or none, or the new one.
        let fine = |status, text: &str| status == 503 || text == format!("{old}: 3");
        becomes_between(&mut client, "/add/0", fine, &format!("{new}: 0"));
        assert_eq!(client.get("/add/3").text(), format!("{new}: 3"));
        old = new;
    }
    says(&server, "is started again, as new; its state is gone");
}

#[test]
fn a_websocket_that_is_open_keeps_its_process() {
    let app = App::of_several();
    let server = app.dev(&[]);
    let mut early = Socket::open(&server);
    assert_eq!(early.ask("a"), "first 1 a");
    app.edit("components/echo.ts", "first", "second");
    says(&server, "swapped in: echo");
    let mut late = Socket::open(&server);
    let deadline = Instant::now() + PATIENCE;
    while late.ask("b") != "second 1 b" {
        assert!(Instant::now() < deadline, "it is the old one");
        late = Socket::open(&server);
    }
    assert_eq!(early.ask("c"), "first 2 c", "with what it knows");
    assert_eq!(late.ask("d"), "second 2 d");
}

#[test]
fn a_changed_manifest_wants_a_new_start() {
    let app = App::new("settled", Language::Ts);
    let server = app.dev(&[]);
    app.edit("rusm.toml", "\"* /*\"", "\"* /elsewhere\"");
    says(
        &server,
        "rusm.toml has changed: start `rusm dev` again to use it",
    );
    assert_eq!(server.connect().get("/").text(), "Hello from RUSM\n");
    drop(server);

    // And where it is not the app's.
    let elsewhere = tempfile::tempdir().unwrap();
    let manifest = elsewhere.path().join("other.toml");
    fs::copy(app.dir.join("rusm.toml"), &manifest).unwrap();
    let server = app.dev(&["--config", manifest.to_str().unwrap()]);
    append(&manifest, "# More.\n");
    says(
        &server,
        "other.toml has changed: start `rusm dev` again to use it",
    );
}

/// It logs this in the end: builds wait for each other.
#[track_caller]
fn says(server: &Server, text: &str) {
    let deadline = Instant::now() + 2 * PATIENCE;
    while Instant::now() < deadline && !server.log().contains(text) {
        thread::sleep(Duration::from_millis(20));
    }
    server.says(text);
}

fn append(file: &Path, text: &str) {
    let now = fs::read_to_string(file).unwrap() + text;
    fs::write(file, now).unwrap();
}

/// A WebSocket of `components/echo.ts`.
struct Socket(Client);

impl Socket {
    #[track_caller]
    fn open(server: &Server) -> Self {
        let mut client = server.connect();
        client.send(
            "GET /echo HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        );
        assert_eq!(client.head().status, 101);
        Self(client)
    }

    /// A short text, and that of the answer (RFC 6455, section 5.2; masked with zeros).
    #[track_caller]
    fn ask(&mut self, text: &str) -> String {
        let len = u8::try_from(text.len()).unwrap();
        let frame = [&[0x81, 0x80 | len, 0, 0, 0, 0], text.as_bytes()].concat();
        self.0.send(frame);
        let head = self.0.take(2, "the head of a frame");
        assert_eq!(head[0], 0x81, "a text");
        String::from_utf8(self.0.take(head[1].into(), "a text")).unwrap()
    }
}

const MANIFEST: &str = r#"
[[serve]]
listen = "127.0.0.1:0"

[serve.routes]
"GET /add/:n" = "front#add"
"GET /word" = "front#word"
"GET /store" = "front#store"
"GET /echo" = "echo"

[node]
store = "data.redb"

[components.front]
capability = "storing"

[capabilities.storing]
inherits = "sandboxed"
allow-storage = true

[components.total]
resident = true
max-restarts = 1
restart-window-s = 3600
"#;

const TOTAL: &str = r#"
import { service } from "rusm";

let total = 0;

export default service({
  add(by: number): string {
    total += by;
    return `first: ${total}`;
  },
});
"#;

const FRONT: &str = r#"
import { call, kv, type Context } from "rusm";
import { word as shared } from "../shared/word";

export async function add(_request: Request, { params }: Context): Promise<Response> {
  try {
    return new Response(await call("total", "add", Number(params.n)));
  } catch (error) {
    return new Response(String(error), { status: 503 });
  }
}

export function word(): Response {
  return new Response(shared);
}

export async function store(): Promise<Response> {
  await kv.bucket("things").set("thing", String(Math.random()));
  return new Response("stored");
}
"#;

const ECHO: &str = r#"
import { websocket } from "rusm";

let messages = 0;

export default websocket({
  message(socket, data) {
    messages += 1;
    socket.send(`first ${messages} ${data}`);
  },
});
"#;
