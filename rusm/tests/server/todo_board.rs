//! `examples/todo-board`: one app in Rust and in TypeScript, which nobody can tell apart from
//! outside. `clients/todo_board.py` says what its page does in Chromium.

use std::path::Path;

use crate::apps;
use crate::client::{Response, request};
use crate::clients;
use crate::server::{Serve, Server};

const PAGE: &str = include_str!("../../../examples/todo-board/page.html");

#[test]
fn its_page_in_rust() {
    page_works(apps::todo_board_rust());
}

#[test]
fn its_page_in_typescript() {
    page_works(apps::todo_board_typescript());
}

#[test]
fn its_api_in_rust() {
    api_works(apps::todo_board_rust());
}

#[test]
fn its_api_in_typescript() {
    api_works(apps::todo_board_typescript());
}

#[track_caller]
fn page_works(app: &Path) {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("data.redb");
    let server = Serve::todo_board(app, &store).start();
    let page = send(&server, "GET", "/", "");
    assert_eq!(page.text(), PAGE);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    clients::python("todo_board.py", &server, &["two_pages"]);
    // Killed, without a chance to tidy up.
    drop(server);
    let server = Serve::todo_board(app, &store).start();
    clients::python("todo_board.py", &server, &["after_a_restart"]);
}

#[track_caller]
fn api_works(app: &Path) {
    let dir = tempfile::tempdir().unwrap();
    let server = Serve::todo_board(app, &dir.path().join("data.redb")).start();
    let todos = "/api/todos";
    let (first, third) = ("/api/todos/1", "/api/todos/3");
    assert_eq!(json(&server, 200, "GET", todos, ""), "[]");

    let made = send(&server, "POST", todos, r#"{"title":" tea "}"#);
    assert_eq!((made.status, made.header("location")), (201, Some(first)));
    assert_eq!(made.text(), r#"{"id":1,"title":"tea","done":false}"#);
    json(&server, 201, "POST", todos, &titled(&"é".repeat(200)));
    refuses(&server, 400, "POST", todos, &titled(&"é".repeat(201)));
    for body in [
        "",
        "{",
        "7",
        "{}",
        r#"{"title":null}"#,
        r#"{"title":7}"#,
        r#"{"title":"  "}"#,
    ] {
        refuses(&server, 400, "POST", todos, body);
    }

    let ticked = r#"{"id":1,"title":"tea","done":true}"#;
    let renamed = r#"{"id":1,"title":"coffee","done":true}"#;
    let tick = r#"{"done":true}"#;
    assert_eq!(json(&server, 200, "PATCH", first, tick), ticked);
    assert_eq!(
        json(&server, 200, "PATCH", first, &titled("coffee")),
        renamed
    );
    assert_eq!(json(&server, 200, "PATCH", first, "{}"), renamed);
    for body in ["", "7", r#"{"done":1}"#, r#"{"title":""}"#] {
        refuses(&server, 400, "PATCH", first, body);
    }
    refuses(&server, 404, "PATCH", third, tick);
    refuses(&server, 400, "PATCH", "/api/todos/one", tick);

    assert_eq!(send(&server, "DELETE", "/api/todos/2", "").status, 204);
    refuses(&server, 404, "DELETE", "/api/todos/2", "");
    refuses(&server, 400, "DELETE", "/api/todos/-1", "");
    assert_eq!(
        json(&server, 200, "GET", todos, ""),
        format!("[{renamed}]"),
        "what was refused has changed nothing"
    );
}

fn titled(title: &str) -> String {
    format!(r#"{{"title":"{title}"}}"#)
}

/// The answer's JSON.
#[track_caller]
fn json(server: &Server, status: u16, method: &str, target: &str, body: &str) -> String {
    let response = send(server, method, target, body);
    assert_eq!(
        (response.status, response.header("content-type")),
        (status, Some("application/json")),
        "{method} {target} {body}: {}",
        response.text()
    );
    response.text()
}

#[track_caller]
fn refuses(server: &Server, status: u16, method: &str, target: &str, body: &str) {
    let response = send(server, method, target, body);
    assert_eq!(
        response.status,
        status,
        "{method} {target} {body}: {}",
        response.text()
    );
}

fn send(server: &Server, method: &str, target: &str, body: &str) -> Response {
    let mut client = server.connect();
    let length = format!("Content-Length: {}\r\n", body.len());
    client.send(request(method, target, &length, body));
    client.response()
}
