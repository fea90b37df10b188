//! Modules of Node in TypeScript components, `import()`, and what top-level code of packages gets.

use std::fs;
use std::path::Path;

use crate::apps::rusm;
use crate::client::request;
use crate::server::Serve;

/// An app with one component, `main`.
fn app(main: &str, files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let all = [("rusm.toml", MANIFEST), ("components/main.ts", main)];
    for (path, text) in all.iter().chain(files) {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

/// Whether the app could be built, and what was said.
fn build(dir: &Path) -> (bool, String) {
    let output = rusm().arg("build").arg(dir).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), said)
}

#[test]
fn modules_of_node_are_there_with_their_prefix_and_without() {
    let app = app(
        r#"
import { AsyncLocalStorage } from "node:async_hooks";
import { createHash, createHmac, pbkdf2Sync, randomBytes, scryptSync, timingSafeEqual } from "crypto";
import { EventEmitter, once } from "events";
import { Readable, Transform } from "node:stream";
import { pipeline } from "stream/promises";
import { format, inspect, isDeepStrictEqual } from "util";
import path from "path";
import { fileURLToPath, parse } from "url";
import querystring from "node:querystring";
import assert from "assert";
import { EOL } from "os";
import { existsSync, readFileSync } from "fs";
import { StringDecoder } from "string_decoder";
import { setTimeout as wait } from "timers/promises";

const storage = new AsyncLocalStorage<string>();
const said = (run: () => unknown) => { try { return run(); } catch (error) { return (error as Error).message; } };

export default async () => {
  const both = await Promise.all(["a", "b"].map((store) => storage.run(store, async () => {
    await wait(2);
    await null;
    return new Promise((done) => setTimeout(() => queueMicrotask(() => done(storage.getStore())), 1));
  })));
  const emitter = new EventEmitter();
  setTimeout(() => emitter.emit("ready", 7), 1);
  const upper = new Transform({ transform(chunk, _, done) { done(null, chunk.toString().toUpperCase()); } });
  const pieces: string[] = [];
  upper.on("data", (piece) => pieces.push(piece.toString()));
  await pipeline(Readable.from(["x", "y"]), upper);
  const salt = Buffer.from("salt");
  return Response.json([
    [...both, storage.getStore() ?? null],
    [Buffer.from("grün").toString("base64url"), Buffer.from("Z3LDvG4", "base64url").toString()],
    createHash("sha256").update("ab").digest("hex").slice(0, 8),
    createHash("md5").update("a").digest("hex"),
    createHmac("sha1", "k").update("d").digest("base64"),
    pbkdf2Sync("password", salt, 1, 20, "sha1").toString("hex"),
    scryptSync("", "", 64, { N: 16, r: 1, p: 1 }).toString("hex").slice(0, 8),
    [randomBytes(4).length, timingSafeEqual(salt, Buffer.from("salt"))],
    await once(emitter, "ready"),
    pieces.join(""),
    [inspect({ a: [1] }), format("%s-%d", "x", 4), isDeepStrictEqual({ a: [1] }, { a: [1] })],
    path.join("/a", "../b", "c.txt"),
    [fileURLToPath("file:///a%20b"), parse("http://x/p?q=1").query, querystring.stringify({ a: ["x", "y"] })],
    said(() => assert.deepStrictEqual({ a: 1 }, { a: 1 })) ?? "same",
    [EOL, existsSync("/x"), said(() => readFileSync("/x"))],
    new StringDecoder("utf8").write(Buffer.from([0x61, 0xe2])),
    [process.env.NODE_ENV, process.env.GREETING ?? null, typeof process.versions.node, typeof global],
  ]);
};
"#,
        &[],
    );
    let server = Serve::built(app.path()).start();
    let response = server.connect().get("/");
    let expected =
        r#"[["a","b",null],["Z3LDvG4","grün"],"fb8e20fc","0cc175b9c0f1b6a831c399e269772661","#;
    assert!(response.text().starts_with(expected), "{}", response.text());
    for part in [
        r#""0c60c80f961f0e71f3a9b524af6012062fe037a6","77d65762","#,
        r#"[4,true],[7],"XY","#,
        r#"["{ a: [ 1 ] }","x-4",true],"/b/c.txt","#,
        r#"["/a b","q=1","a=x&a=y"],"same","#,
        r#"["\n",false,"ENOENT: readFileSync of node:fs: components in TypeScript have no files"],"a","#,
        r#"["production",null,"string","object"]]"#,
    ] {
        assert!(
            response.text().contains(part),
            "{part}: {}",
            response.text()
        );
    }
}

#[test]
fn packages_come_before_modules_of_node_and_may_import_absent_ones() {
    let app = app(
        "import { name } from 'buffer';\nimport { answer } from 'old';\n\
         export default () => new Response(`${name} ${answer()}`);\n",
        &[
            ("node_modules/buffer/package.json", r#"{"main":"main.js"}"#),
            ("node_modules/buffer/main.js", "exports.name = 'its own';"),
            ("node_modules/old/package.json", r#"{"main":"main.js"}"#),
            (
                "node_modules/old/main.js",
                "const http = require('http');\nclass Agent extends http.Agent {}\n\
                 exports.answer = () => { try { http.request('/'); } catch (error) { return error.message; } };\n",
            ),
        ],
    );
    let server = Serve::built(app.path()).start();
    assert_eq!(
        server.connect().get("/").text(),
        "its own request of node:http: components don't have it"
    );
}

#[test]
fn modules_may_be_imported_when_they_are_asked_for() {
    let app = app(
        "export default async (request: Request) => {\n\
         \x20 const { word } = await import('../lib/word');\n\
         \x20 const unknown = new URL(request.url).searchParams.get('name') ?? '';\n\
         \x20 const failed = await import(unknown).catch((error) => error.message);\n\
         \x20 return new Response(`${word} ${failed}`);\n\
         };\n",
        &[("lib/word.ts", "export const word: string = 'loaded';\n")],
    );
    let server = Serve::built(app.path()).start();
    let text = server.connect().get("/?name=nowhere").text();
    assert!(
        text.starts_with("loaded ") && text.contains("nowhere"),
        "{text}"
    );
}

#[test]
fn packages_get_a_fixed_clock_at_their_top_level_and_console_prints_there() {
    let app = app(
        "import { started, later } from 'clock';\nconsole.log(`built ${started}`);\n\
         export default () => new Response(`${started} ${later() > 1e12}`);\n",
        &[
            ("node_modules/clock/package.json", r#"{"main":"main.js"}"#),
            (
                "node_modules/clock/main.js",
                "const now = Date.now;\nexports.started = now() + +new Date();\nexports.later = () => now();\n",
            ),
        ],
    );
    let (built, said) = build(app.path());
    assert!(built && said.contains("built 0\n"), "{said}");
    assert_eq!(
        said.matches("note: the package clock asks for the clock")
            .count(),
        1,
        "{said}"
    );
    let server = Serve::built(app.path()).start();
    assert_eq!(server.connect().get("/").text(), "0 true");
}

#[test]
fn an_instances_functions_at_the_top_level_are_told_by_their_place() {
    for (call, name) in [
        ("await kv.bucket('a').get('b')", "kv"),
        ("await call('a', 'b')", "call"),
        ("self()", "self"),
        ("process.env.HOME", "the environment"),
    ] {
        let app = app(
            &format!(
                "import {{ call, kv, self }} from 'rusm';\n\n{call};\n\
                 export default () => new Response(typeof call + typeof kv + typeof self);\n"
            ),
            &[],
        );
        let (built, said) = build(app.path());
        assert!(
            !built && said.contains(name) && said.contains("at the top level of a module"),
            "{call}: {said}"
        );
        assert!(said.contains("components/main.ts:3:"), "{call}: {said}");
    }
}

#[test]
fn rejections_without_a_handler_and_malformed_bodies_are_told() {
    let app = app(
        "export default async (request: Request) => {\n\
         \x20 if (request.method === 'POST') return Response.json(await request.json());\n\
         \x20 Promise.reject(new Error('nobody handles this'));\n\
         \x20 await Promise.reject(new Error('handled')).catch(() => {});\n\
         \x20 return new Response('fine');\n\
         };\n",
        &[],
    );
    let server = Serve::built(app.path()).start();
    assert_eq!(server.connect().get("/").text(), "fine");
    server.says("unhandled rejection: Error: nobody handles this");
    server.says("(components/main.ts:3:");
    let malformed = request("POST", "/", "content-length: 1\r\n", "{");
    assert_eq!(server.connect().send(malformed).response().status, 400);
    let log = server.log();
    assert!(
        !log.contains("Error: handled") && !log.contains("SyntaxError: at"),
        "{log}"
    );
}

const MANIFEST: &str = r#"
[[serve]]
listen = "127.0.0.1:0"

[serve.routes]
"* /" = "main"

[components.main]
"#;
