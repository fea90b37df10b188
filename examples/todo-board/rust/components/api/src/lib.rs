//! The page, and the todos as JSON and as Server-Sent Events. A fresh instance answers each
//! request; the todos are in the service `board`.

mod failure;

use std::time::Duration;

use failure::Failure;
use rusm_rs::{BadRequest, CallError, Mail, Params, Request, Response, Sse};
use serde::{Deserialize, Serialize};

/// The functions of `components/board`.
#[rusm_rs::client]
pub trait Board {
    fn list() -> Vec<Todo>;
    fn create(title: String) -> Todo;
    fn update(id: u64, title: Option<String>, done: Option<bool>) -> Option<Todo>;
    fn remove(id: u64) -> bool;
    fn show();
}

#[derive(Serialize, Deserialize)]
pub struct Todo {
    id: u64,
    title: String,
    done: bool,
}

/// What a client says of a todo.
#[derive(Deserialize)]
struct Fields {
    title: Option<String>,
    done: Option<bool>,
}

#[rusm_rs::handlers]
pub mod handlers {
    use super::*;

    /// `GET /`
    pub fn index(_request: Request) -> Response {
        Response::html(include_str!("../../../../page.html"))
    }

    /// `GET /api/todos`
    pub fn list(_request: Request) -> Result<Response, Failure> {
        Ok(Response::json(&board()?.list()?))
    }

    /// `POST /api/todos`: the todo, with its id.
    pub fn create(request: Request) -> Result<Response, Failure> {
        let title = fields(&request)?.title;
        let title = title.ok_or_else(|| BadRequest::new("a todo has a title"))?;
        let todo = board()?.create(title)?;
        let location = format!("/api/todos/{}", todo.id);
        Ok(Response::json(&todo)
            .status(201)
            .header("location", location))
    }

    /// `PATCH /api/todos/:id`: the todo as it is now.
    pub fn update(request: Request, params: Params) -> Result<Response, Failure> {
        let Fields { title, done } = fields(&request)?;
        let todo = board()?.update(params.parse("id")?, title, done)?;
        Ok(Response::json(&todo.ok_or(Failure::NotFound)?))
    }

    /// `DELETE /api/todos/:id`
    pub fn remove(_request: Request, params: Params) -> Result<Response, Failure> {
        if board()?.remove(params.parse("id")?)? {
            Ok(Response::new(204))
        } else {
            Err(Failure::NotFound)
        }
    }

    /// `GET /api/events`: the list, and again after each change, until the client leaves.
    pub fn events(_request: Request, _params: Params, sse: Sse) -> Result<(), CallError> {
        // The answer begins. An error ends it from here on, and a browser comes again; at a status
        // such as 503 it would give up.
        sse.write("retry: 1000\n\n");
        // Before the list is shown, so that no change falls in between.
        rusm_rs::register_tag("board");
        board()?.show()?;
        sse.run(HEARTBEAT, |mail| match mail {
            Mail::Message(todos) => sse.data(todos),
            _ => true,
        });
        Ok(())
    }

    fn board() -> Result<Board, CallError> {
        Board::whereis("board")
    }

    fn fields(request: &Request) -> Result<Fields, BadRequest> {
        let mut fields: Fields = request.json()?;
        if let Some(title) = &mut fields.title {
            *title = title.trim().to_owned();
            if title.is_empty() || title.chars().count() > MAX_TITLE {
                return Err(BadRequest::new("a title has 1 to 200 characters"));
            }
        }
        Ok(fields)
    }

    const MAX_TITLE: usize = 200;

    /// Proxies take a connection for dead that is silent for longer.
    const HEARTBEAT: Duration = Duration::from_secs(15);
}
