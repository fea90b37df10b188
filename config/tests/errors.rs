//! What an author sees when a manifest is wrong: the file, the line, the offending text with a
//! caret, and what to do.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail loudly"
)]

mod support;

use miette::{GraphicalReportHandler, GraphicalTheme};
use rusm_config::ConfigError;

/// The error of a manifest, as one line and as the whole report.
fn invalid(text: &str) -> (ConfigError, String) {
    let error = match rusm_config::parse("app/rusm.toml", text) {
        Ok(app) => panic!("accepted: {app:?}"),
        Err(error) => error,
    };
    let mut report = String::new();
    GraphicalReportHandler::new_themed(GraphicalTheme::none())
        .with_width(200)
        .render_report(&mut report, &error)
        .unwrap();
    (error, report)
}

/// Checks that the only problem of `manifest` is at what `«»` encloses, and that the report holds
/// each of `words`.
#[track_caller]
fn check(manifest: &str, words: &[&str]) {
    let start = manifest.find('«').expect("a mark");
    let marked = &manifest[start + '«'.len_utf8()..manifest.find('»').expect("its end")];
    let text = manifest.replace(['«', '»'], "");
    let (error, report) = invalid(&text);
    let problems: Vec<_> = error.problems().collect();
    assert_eq!(problems.len(), 1, "{report}");

    let line = text[..start].matches('\n').count() + 1;
    let column = text[..start]
        .chars()
        .rev()
        .take_while(|c| *c != '\n')
        .count()
        + 1;
    assert_eq!(
        (problems[0].line(), problems[0].column()),
        (line, column),
        "{report}"
    );
    let labels: Vec<_> = (miette::Diagnostic::labels(&error).unwrap())
        .map(|label| &text[label.offset()..label.offset() + label.len()])
        .collect();
    assert_eq!(labels[0], marked, "{report}");
    let place = format!("app/rusm.toml:{line}:{column}: ");
    assert!(error.to_string().starts_with(&place), "{error}");
    assert!(
        report.contains(text.lines().nth(line - 1).unwrap().trim_end()),
        "{report}"
    );
    for word in words {
        assert!(report.contains(word), "no {word:?} in\n{report}");
    }
    check_schema(&error, &text, marked);
}

/// Checks that the schema refuses a manifest with an unknown key, a value of a wrong type, or a number that is out of
/// range.
#[track_caller]
fn check_schema(error: &ConfigError, text: &str, marked: &str) {
    let Some(objections) = support::objections(text) else {
        return;
    };
    let labels = miette::Diagnostic::labels(error).unwrap();
    let labels: Vec<_> = labels
        .filter_map(|label| Some(label.label()?.to_owned()))
        .collect();
    let is_text = marked.starts_with(['\'', '"']);
    let is_of_shape = error.to_string().contains(": unknown key `")
        || labels[0].starts_with("this is a")
        || (labels[0] == "out of range" && !is_text);
    if is_of_shape {
        assert!(!objections.is_empty(), "the schema takes this:\n{text}");
    }
}

/// The same for a `[[serve]]` with an address and a component.
#[track_caller]
fn check_listener(keys: &str, words: &[&str]) {
    let before = "[[serve]]\nlisten = '127.0.0.1:1'\ncomponent = 'c'\n";
    check(&format!("{before}{keys}\n"), words);
}

/// The same for a `[serve.routes]`.
#[track_caller]
fn check_routes(routes: &str, words: &[&str]) {
    let before = "[[serve]]\nlisten = '127.0.0.1:1'\n[serve.routes]\n";
    check(&format!("{before}{routes}\n"), words);
}

/// The same for the keys of a listener that serves WebSockets.
#[track_caller]
fn check_websocket(keys: &str, words: &[&str]) {
    check_listener(&format!("protocol = 'ws'\n{keys}"), words);
}

/// The same for a `[capabilities.p]`.
#[track_caller]
fn check_profile(keys: &str, words: &[&str]) {
    check(&format!("[capabilities.p]\n{keys}\n"), words);
}

#[test]
fn the_whole_report() {
    let (error, report) = invalid("[node]\ninstances_per_core = 10 # too few?\n");
    assert_eq!(
        error.to_string(),
        "app/rusm.toml:2:1: unknown key `instances_per_core` in [node]"
    );
    let expected = "
  x app/rusm.toml:2:1: unknown key `instances_per_core` in [node]
   ,-[app/rusm.toml:2:1]
 1 | [node]
 2 | instances_per_core = 10 # too few?
   : ^^^^^^^^^|^^^^^^^^
   :          `-- did you mean `instances-per-core`?
   `----
  help: [node] takes `cores`, `instances-per-core`, `spawned-per-core`, `held-per-core`, `pool-wait-ms`, `body-memory-per-core`, `process-memory`, `shutdown-grace-s` and `store`
";
    assert_eq!(format!("\n{report}"), expected);
}

#[test]
fn every_problem_is_told_in_the_order_of_the_file() {
    let (error, report) = invalid(
        "[[serve]]\nlisen = '127.0.0.1:1'\ncomponent = 'C'\n[log]\nlevel = 'inf'\n[node]\ncores = 0\n",
    );
    let lines: Vec<_> = error.problems().map(|problem| problem.line()).collect();
    assert_eq!(lines, [1, 2, 3, 5, 7]);
    for word in ["no `listen`", "`listen`?", "`c`?", "`info`?", "1 to 1024"] {
        assert!(report.contains(word), "no {word:?} in\n{report}");
    }
}

#[test]
fn toml_itself() {
    check("a = 1\n«a» = 2", &["duplicate key"]);
    check(
        "[node]\ncores = 1 cores «»= 2",
        &["unexpected key or value"],
    );
    let (error, _) = invalid("[node\n");
    assert_eq!(error.problems().next().unwrap().line(), 1);
    let deep = format!("a = {}", "[".repeat(100_000));
    assert_eq!(invalid(&deep).0.problems().count(), 1);
}

#[test]
fn unknown_keys_everywhere() {
    check("«nod» = {}", &["unknown key `nod`", "did you mean `node`?"]);
    check("[«capability».x]", &["did you mean `capabilities`?"]);
    check("[log]\n«acces» = true", &["[log]", "`access`?"]);
    check(
        "[components.c]\n«residen» = true",
        &["[components.c]", "`resident`?"],
    );
    check_profile(
        "«network» = true",
        &["[capabilities.p]", "`allow-network`?"],
    );
    check_profile("preopen = [{ «hots» = '/a', host = '/b' }]", &["`host`?"]);
    check_listener("«max-conections» = 3", &["[[serve]]", "`max-connections`?"]);
    check_listener("«timeout» = 3", &["not a key", "`request-timeout-ms`"]);
}

#[test]
fn wrong_types() {
    check(
        "node = «3»",
        &["`node` must be a table", "this is an integer"],
    );
    check("«[serve]»\nlisten = 'x'", &["must be a list", "[[serve]]"]);
    check("serve = [«1»]", &["must be a table"]);
    check("[components]\nc = «true»", &["`c` must be a table"]);
    check(
        "[capabilities]\nc = «[]»",
        &["`c` must be a table", "an array"],
    );
    check(
        "[log]\naccess = «'yes'»",
        &["`access` must be true or false", "a string"],
    );
    check("[log]\nlevel = «1»", &["one of `off`, `error`"]);
    check(
        "[node]\npool-wait-ms = «1.5»",
        &["a whole number from 0 to 60000", "float"],
    );
    check_listener("max-body = «true»", &["number of bytes", "8KiB"]);
    check_listener("max-headers = «'1'»", &["a whole number from 1 to 1000"]);
    check_listener("headers = «'a'»", &["`headers` must be a table"]);
    check_listener("[serve.headers]\na = «1»", &["`a` must be a string"]);
    check_routes("'GET /' = «{}»", &["must be a string"]);
    check_profile("inherits = «1»", &["`inherits` must be a string"]);
    check_profile("env = «['A=b']»", &["`env` must be a table"]);
    check_profile("env = { A = «1» }", &["`A` must be a string"]);
    check_profile("preopen = «'/a'»", &["`preopen` must be a list"]);
    check_profile("preopen = [«1»]", &["a list of directories"]);
}

#[test]
fn the_node() {
    check("[node]\ncores = «0»", &["from 1 to 1024"]);
    check("[node]\ncores = «-1»", &["from 1 to 1024"]);
    check(
        "[node]\ncores = «true»",
        &["a number of cores, or a list", "0,2-3"],
    );
    check("[node]\ncores = «[]»", &["at least one core"]);
    check("[node]\ncores = [0, 1, «0»]", &["core 0 is named twice"]);
    check("[node]\ncores = [0, «1024»]", &["from 0 to 1023"]);
    check("[node]\ncores = «'3-2'»", &["`3-2` is reversed"]);
    check("[node]\ninstances-per-core = «0»", &["from 1 to 65536"]);
    check("[node]\ninstances-per-core = «65537»", &["from 1 to 65536"]);
    check(
        "[node]\npool-wait-ms = «99999999999999999999999»",
        &["out of range"],
    );
    check("[node]\nstore = «''»", &["path of a file", "data.redb"]);
    check("[node]\nstore = «\"a\\u0000\"»", &["path of a file"]);
    check("[node]\nstore = «true»", &["`store`", "must be a string"]);
}

#[test]
fn guests_that_spawn_have_a_part_of_the_instances() {
    check("[node]\nspawned-per-core = «0»", &["from 1 to 65536"]);
    check(
        "[node]\ninstances-per-core = 8\nspawned-per-core = «9»",
        &[
            "`spawned-per-core` is more than `instances-per-core`, 8",
            "all guests of a core",
            "lower this, or raise",
        ],
    );
    check(
        "[node]\nspawned-per-core = «257»",
        &["more than `instances-per-core`, 256"],
    );
    check(
        "[node]\nheld-per-core = «257»",
        &["`held-per-core` is more than `instances-per-core`, 256"],
    );
    // What is compared with has to be right itself: one problem, not two.
    check(
        "[node]\ninstances-per-core = «0»\nspawned-per-core = 300",
        &["from 1 to 65536"],
    );
}

#[test]
fn the_log() {
    check("[log]\nlevel = «'inf'»", &["did you mean `info`?"]);
    check("[log]\nformat = «'xml'»", &["one of `text` and `json`"]);
}

#[test]
fn a_listener() {
    check(
        "«[[serve]]»\ncomponent = 'c'",
        &["has no `listen`", "127.0.0.1:8080"],
    );
    check(
        "«[[serve]]»\nlisten = '[::]:1'",
        &["nothing to serve", "`component`"],
    );
    check(
        "[[serve]]\nlisten = '[::]:1'\ncomponent = «'c'»\nroutes = { 'GET /' = 'c' }",
        &["both a `component` and routes", "remove one"],
    );
    check(
        "[[serve]]\nlisten = «'localhost:80'»\ncomponent = 'c'",
        &["`localhost:80` is not", "did you mean `127.0.0.1:80`?"],
    );
    check(
        "[[serve]]\nlisten = «8080»\ncomponent = 'c'",
        &["must be a string"],
    );
    check_listener(
        "protocol = «'tcp'»",
        &["must be one of `http`, `sse` and `ws`"],
    );
    check_listener("protocol = «'htp'»", &["did you mean `http`?"]);
    check_listener("protocol = «'wss'»", &["did you mean `ws`?"]);
    check_listener(
        "[[serve]]\nlisten = «'127.0.0.1:1'»\ncomponent = 'd'",
        &["two listeners at 127.0.0.1:1", "the first", "the second"],
    );
    check_listener("[[serve]]\nlisten = '[::]:2'\nroutes = «{}»", &["no route"]);
}

#[test]
fn limits() {
    for key in [
        "max-request-line",
        "max-header-bytes",
        "max-headers",
        "max-body",
    ] {
        check_listener(&format!("{key} = «0»"), &[key, "cannot be switched off"]);
    }
    for key in ["header", "body", "idle", "write", "request"] {
        let zero = format!("{key}-timeout-ms = «0»");
        check_listener(&zero, &["cannot be switched off"]);
        let endless = format!("{key}-timeout-ms = «86400001»");
        check_listener(&endless, &["from 1 to 86400000"]);
    }
    check_listener("max-connections = «0»", &["cannot be switched off"]);
    check_listener("max-connections = «1000001»", &["from 1 to 1000000"]);
    check_listener("max-body = «'0'»", &["cannot be switched off"]);
    check_listener("max-body = «'1MB '»", &["did you mean `1MB`?"]);
    check_listener("max-body = «'1mib'»", &["did you mean `1MiB`?"]);
    check_listener("max-body = «'5GiB'»", &["from 1 byte to 4GiB"]);
    check_listener("max-request-line = «'2MiB'»", &["from 1 byte to 1MiB"]);
}

#[test]
fn headers() {
    check_listener(
        "[serve.headers]\n«Content-Length» = '1'",
        &["`content-length` is the server's own"],
    );
    for name in ["transfer-encoding", "connection", "date", "Keep-Alive"] {
        check_listener(
            &format!("headers = {{ «{name}» = 'x' }}"),
            &["server's own"],
        );
    }
    check_listener("[serve.headers]\n«'a b'» = 'x'", &["cannot name a header"]);
    check_listener("[serve.headers]\n«''» = 'x'", &["cannot name a header"]);
    check_listener("[serve.headers]\na = «\"x\\r\\nb: c\"»", &["visible ASCII"]);
    check_listener("[serve.headers]\na = «'é'»", &["visible ASCII"]);
    check_listener("[serve.headers]\na = «' x'»", &["without spaces"]);
    check_listener("[serve.headers]\na = 'x'\n«A» = 'y'", &["given twice"]);
}

#[test]
fn routes() {
    check_routes("«'/a'» = 'c'", &["did you mean `\"GET /a\"`?"]);
    check_routes("«'GET'» = 'c'", &["not a method and a path"]);
    check_routes("'«get» /' = 'c'", &["did you mean `GET`?"]);
    check_routes("'«GET|PUT» /' = 'c'", &["one route for each method"]);
    check_routes("'«G(T» /' = 'c'", &["not a method"]);
    check_routes("'«CONNECT» /' = 'c'", &["asks for a host"]);
    check_routes("'GET «a»' = 'c'", &["does not start with `/`", "`/a`?"]);
    check_routes("'GET  /é/«*»/b' = 'c'", &["last segment"]);
    check_routes("\"GET /«:»/b\" = 'c'", &["has a name"]);
    check_routes("\"GET /:a/«:a»\" = 'c'", &["twice"]);
    check_routes("'GET /a«%2»' = 'c'", &["hexadecimal", "%25"]);
    check_routes("'GET /a/«{id}»' = 'c'", &["`:id`"]);
    // With TOML's own escapes in it, the key as a whole is shown.
    check_routes("«\"GET \\u002F%\"» = 'c'", &["hexadecimal"]);
    check_routes(
        "'GET /u/:id' = 'c#a'\n«'GET /u/:name'» = 'c#b'",
        &["`GET /u/:name` is there twice", "as this"],
    );
    check_routes("'GET /a' = 'c'\n«'GET /%61'» = 'c'", &["there twice"]);
    check_routes("'GET /' = '«Hello»#index'", &["did you mean `hello`?"]);
    check_routes(
        "'GET /' = 'hello#«a#b»'",
        &["not a name", "component#action"],
    );
    check_routes("'GET /' = 'hello#«»'", &["it is empty"]);
    check_routes("'GET /' = '«»#a'", &["it is empty"]);
    check_routes("'GET /' = '«../x»#a'", &["not a name"]);
}

#[test]
fn what_a_protocol_cannot_route() {
    let listener = |protocol: &str, rest: &str| {
        format!("[[serve]]\nlisten = '[::]:1'\nprotocol = '{protocol}'\n{rest}\n")
    };
    check(
        &listener(
            "ws",
            "[serve.routes]\n'GET /a' = 'room'\n'GET /b' = 'room«#index»'",
        ),
        &["not by an action", "remove this", "`http` listeners"],
    );
    check(
        &listener("ws", "routes = { '«POST» /' = 'room' }"),
        &["asked for with `GET`", "did you mean `GET`?"],
    );
    check(
        &listener("sse", "routes = { '«POST» /' = 'feed' }"),
        &["did you mean `GET`?", "or name an action: `feed#action`"],
    );
    check(&listener("ws", "component = «'Room'»"), &["`room`?"]);
    // What the listener is for is not known: one problem, not two.
    check(
        "[[serve]]\nlisten = '[::]:1'\nprotocol = «'w'»\nsubprotocols = ['a']\n\
         routes = { 'GET /' = 'room#index' }",
        &["one of `http`, `sse` and `ws`"],
    );
}

#[test]
fn websockets() {
    for key in ["allowed-origins", "subprotocols"] {
        check_websocket(&format!("{key} = «'a'»"), &[key, "must be a list"]);
        check_websocket(&format!("{key} = [«1»]"), &[key, "a list of strings"]);
    }
    check_websocket(
        "allowed-origins = ['https://a.example', «'https://b.example/'»]",
        &[
            "`https://b.example/` is not an origin",
            "did you mean `https://b.example`?",
        ],
    );
    check_websocket("allowed-origins = [«'*'»]", &["any page"]);
    check_websocket(
        "allowed-origins = ['https://a.example', «'HTTPS://a.example:443'»]",
        &["`https://a.example` is named twice", "again"],
    );
    for wrong in ["", "a b", "a,b", "é"] {
        let list = format!("subprotocols = ['chat', «'{wrong}'»]");
        check_websocket(&list, &["cannot name a subprotocol", "token"]);
    }
    check_websocket("subprotocols = ['v1', 'v2', «'v1'»]", &["named twice"]);
    check_websocket("max-message = «0»", &["cannot be switched off"]);
    check_websocket("max-message = «'257MiB'»", &["from 1 byte to 256MiB"]);
    for key in ["ping", "close"] {
        let zero = format!("{key}-timeout-ms = «0»");
        check_websocket(&zero, &["cannot be switched off"]);
        let endless = format!("{key}-timeout-ms = «86400001»");
        check_websocket(&endless, &["from 1 to 86400000"]);
    }
    check_websocket("ping-interval-ms = «-1»", &["from 0", "never pinged"]);
    check_websocket("«ping-interval-s» = 1", &["`ping-interval-ms`?"]);
}

#[test]
fn what_only_websockets_have() {
    for key in [
        "allowed-origins = «[]»",
        "subprotocols = «['a']»",
        "max-message = «'1KiB'»",
        "ping-interval-ms = «1000»",
        "ping-timeout-ms = «1000»",
        "close-timeout-ms = «'x'»",
    ] {
        for listener in [
            "protocol = 'sse'\nroutes = { 'GET /' = 'c#a' }",
            "routes = { 'GET /' = 'c#a', 'GET /b' = 'd#b' }",
        ] {
            check(
                &format!("[[serve]]\nlisten = '[::]:1'\n{key}\n{listener}"),
                &["is for WebSockets", "serves none", "or remove this"],
            );
        }
    }
    check(
        "[[serve]]\nlisten = '[::]:1'\nprotocol = 'sse'\ncomponent = 'feed'\nsubprotocols = «['a']»\n\
         ping-interval-ms = 1",
        &["is for WebSockets"],
    );
    // Whether there is a WebSocket is not known: one problem, not two.
    check(
        "[[serve]]\nlisten = '[::]:1'\nroutes = { 'GET /' = '«/»' }\nsubprotocols = []",
        &["is not a name"],
    );
}

#[test]
fn components() {
    check("[components.«Hello»]", &["did you mean `hello`?"]);
    check(
        "[[serve]]\nlisten = '[::]:1'\ncomponent = «'a/b'»",
        &["not a name"],
    );
    check(
        "[components.my-app]\n[[serve]]\nlisten = '[::]:1'\ncomponent = «'my_app'»",
        &[
            "also spelled `my_app`",
            "did you mean `my-app`?",
            "first named here",
        ],
    );
    check(
        "[components.c]\ncapability = «'truste'»",
        &[
            "unknown capability profile `truste`",
            "did you mean `trusted`?",
        ],
    );
    check(
        "[components.c]\ncapability = «'wb'»\n[capabilities.web]",
        &["did you mean `web`?", "`network-client`"],
    );
}

#[test]
fn mailboxes() {
    let component = |keys: &str| format!("[components.c]\n{keys}");
    check(
        &component("mailbox-messages = «0»"),
        &["`mailbox-messages`", "from 1 to 1000000"],
    );
    check(&component("mailbox-kb = «0»"), &["from 1 to 4194304"]);
    check(&component("mailbox-kb = «4194305»"), &["from 1 to 4194304"]);
    check(&component("mailbox-kb = «'1MiB'»"), &["a whole number"]);
}

#[test]
fn services() {
    let service = |keys: &str| format!("[components.c]\nresident = true\n{keys}");
    check(&service("shard = «-1»"), &["from 0 to 1023"]);
    check(&service("shard = «1024»"), &["from 0 to 1023"]);
    check(
        &service("max-restarts = «5»"),
        &["without `restart-window-s`", "give both"],
    );
    check(
        &service("restart-window-s = «60»"),
        &["without `max-restarts`", "give both"],
    );
    check(
        &service("max-restarts = «-1»\nrestart-window-s = 60"),
        &["from 0 to 1000000"],
    );
    check(
        &service("max-restarts = 5\nrestart-window-s = «0»"),
        &["from 1 to 86400"],
    );
}

#[test]
fn what_only_a_service_has() {
    for key in ["shard", "max-restarts", "restart-window-s"] {
        for resident in ["", "resident = false"] {
            let message = format!("`{key}` is for services, and `c` is none");
            check(
                &format!("[components.c]\n{resident}\n{key} = «1»"),
                &[&message, "`resident = true`, or remove this"],
            );
        }
        // Whether it is one is not known: one problem, not two.
        check(
            &format!("[components.c]\nresident = «'yes'»\n{key} = 1"),
            &["`resident` must be true or false"],
        );
    }
}

#[test]
fn storage_without_a_store() {
    check(
        "[components.c]\ncapability = «'p'»\n[capabilities.p]\nallow-storage = true",
        &[
            "component `c` is granted storage by `allow-storage`, but the node has none",
            "set `store = \"data.redb\"` under [node]",
            "granted here",
        ],
    );
    check(
        "[components.c]\ncapability = «'q'»\n\
         [capabilities.p]\nallow-storage = true\n[capabilities.q]\ninherits = 'p'",
        &["component `c`", "granted here"],
    );
    // Someone meant to have one: one problem, not two.
    check(
        "[node]\nstore = «''»\n[components.c]\ncapability = 'p'\n\
         [capabilities.p]\nallow-storage = true",
        &["path of a file"],
    );
}

#[test]
fn files_of_tls() {
    let tls = |keys: &str, words: &[&str]| {
        let listener = "[[serve]]\nlisten = '127.0.0.1:1'\ncomponent = 'c'\n";
        check(&format!("{listener}{keys}"), words);
    };
    tls("«[serve.tls]»\nkey = 'k'", &["no `cert`", "cert.pem"]);
    tls("«[serve.tls]»\ncert = 'c'", &["no `key`"]);
    tls("[serve.tls]\ncert = «''»\nkey = 'k'", &["path of a file"]);
    tls(
        "[serve.tls]\ncert = 'c'\nkey = 'k'\n«client_ca» = 'a'",
        &[
            "unknown key `client_ca` in [serve.tls]",
            "did you mean `client-ca`?",
        ],
    );
    tls(
        "[serve.tls]\ncert = 'c'\nkey = 'k'\nclient-cert = «'required'»",
        &["`client-cert` without `client-ca`"],
    );
    tls(
        "[serve.tls]\ncert = 'c'\nkey = 'k'\nclient-ca = 'a'\nclient-cert = «'optinal'»",
        &["did you mean `optional`?"],
    );
    tls(
        "[serve.tls]\ncert = 'c'\nkey = 'k'\nadditional = [«{ cert = 'c' }»]",
        &["an entry of `additional` has no `key`"],
    );
    tls(
        "[serve.tls]\ncert = 'c'\nkey = 'k'\nadditional = [{ cert = 'c', «keys» = 'k', key = 'k' }]",
        &["did you mean `key`?"],
    );
}

#[test]
fn profiles() {
    check("[capabilities.«trusted»]", &["built in", "inherits"]);
    check("[capabilities.«Web»]", &["not a name"]);
    check_profile("inherits = «'trused'»", &["did you mean `trusted`?"]);
    check_profile("inherits = «'p'»", &["`p` from `p`", "circle"]);
    check(
        "[capabilities.a]\ninherits = «'b'»\n[capabilities.b]\ninherits = 'c'\n\
         [capabilities.c]\ninherits = 'a'\n[components.x]\ncapability = 'a'",
        &["circle: `a` from `b` from `c` from `a`", "by way of this"],
    );
    // The circle is told of once, also when others lead into it.
    check(
        "[capabilities.a]\ninherits = 'b'\n[capabilities.b]\ninherits = «'c'»\n\
         [capabilities.c]\ninherits = 'b'\n",
        &["circle: `b` from `c` from `b`"],
    );
    check_profile("max-memory-mb = «0»", &["from 1 to 4096"]);
    check_profile("max-memory-mb = «4097»", &["from 1 to 4096"]);
    check_profile("env = { «'A=B'» = 'x' }", &["environment variable"]);
    check_profile("env = { A = «\"\\u0000\"» }", &["without a NUL"]);
    check_profile("preopen = [«'data'»]", &["absolute", "guest = \"/data\""]);
    check_profile("preopen = [«''»]", &["needs a directory"]);
    check_profile("preopen = ['/a', «'/a'»]", &["two directories", "`/a`"]);
    check_profile("preopen = [«{ guest = '/a' }»]", &["no `host`"]);
    check_profile(
        "preopen = [{ host = '/a', guest = «'/b/../c'» }]",
        &["mean nothing here"],
    );
    check_profile(
        "preopen = [{ host = '/a', mode = «'write'» }]",
        &["did you mean `read-write`?"],
    );
}

#[test]
fn the_admin_listener() {
    check(
        "[admin]\n«lisen» = '127.0.0.1:1'\nlisten = '127.0.0.1:2'\n",
        &["did you mean `listen`?"],
    );
    check("«[admin]»\n", &["has no `listen`", "127.0.0.1:9090"]);
    check(
        "[admin]\nlisten = «9090»\n",
        &["`listen` must be an address", "this is an integer"],
    );
    check(
        "[admin]\nlisten = «'localhost:9090'»\n",
        &["did you mean `127.0.0.1:9090`?"],
    );
    check(
        "[admin]\nlisten = «'/run/rusm.sock'»\n",
        &["write `listen = \"unix:/run/rusm.sock\"`"],
    );
    check(
        "[admin]\nlisten = «'unix:'»\n",
        &["unix:/run/rusm/admin.sock"],
    );
    let long = format!("[admin]\nlisten = «'unix:/{}'»\n", "x".repeat(107));
    check(&long, &["at most 107 bytes"]);
    check(
        "[admin]\nlisten = '127.0.0.1:1'\nkey = «''»\n",
        &["`key` must be the path of a file"],
    );
    check(
        "[[serve]]\nlisten = '127.0.0.1:1'\ncomponent = 'c'\n[admin]\nlisten = «'127.0.0.1:1'»\n",
        &["has the address of a [[serve]]", "for clients"],
    );
    for (serve, admin) in [
        ("0.0.0.0:1", "127.0.0.1:1"),
        ("[::]:1", "[::1]:1"),
        ("127.0.0.1:1", "0.0.0.0:1"),
    ] {
        let manifest = format!(
            "[[serve]]\nlisten = '{serve}'\ncomponent = 'c'\n[admin]\nkey = 'k'\nlisten = «'{admin}'»\n"
        );
        check(
            &manifest,
            &["has the address of a [[serve]]", "for clients"],
        );
    }
}

#[test]
fn an_admin_listener_for_other_machines_needs_a_key() {
    for addr in ["0.0.0.0:1", "[::]:1", "192.0.2.1:1", "[::ffff:192.0.2.1]:1"] {
        let manifest = format!("[admin]\nlisten = «'{addr}'»\n");
        check(
            &manifest,
            &["can be reached from other machines", "key = \"admin.key\""],
        );
    }
}
