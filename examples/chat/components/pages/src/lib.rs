//! The app's HTTP side: the page, and what is said in a room as Server-Sent Events.

use std::time::Duration;

use rusm_rs::{CallError, Event, IntoResponse, Params, Request, Response, Sse};

/// The functions of `components/rooms` that are called here.
#[rusm_rs::client]
pub trait Rooms {
    fn since(room: String, id: u64) -> Vec<(u64, String)>;
    fn members(room: String) -> Vec<String>;
    fn crash();
}

#[rusm_rs::handlers]
pub mod handlers {
    use super::*;

    /// `GET /`
    pub fn index(_request: Request) -> Response {
        Response::html(include_str!("page.html"))
    }

    /// `GET /feed/:room`: what is said in the room, until the client leaves. First of all what was
    /// said already, and to a client that comes again only what it has missed.
    pub fn feed(_request: Request, params: Params, sse: Sse) -> Result<(), CallError> {
        let room = room(&params);
        // The answer begins. An error ends it from here on, and a browser comes again; at a status
        // such as 503 it would give up.
        sse.write("retry: 1000\n\n");
        // Before the history is read, so that nothing falls between that and the mail.
        rusm_rs::register_tag(&format!("room:{room}"));
        let mut seen = last_event_id(&sse).unwrap_or(0);
        for (id, said) in Rooms::whereis("rooms")?.since(room, seen)? {
            seen = id;
            sse.send(Event::new().id(id).data(said));
        }
        sse.run(HEARTBEAT, |mail| match mail.json::<(u64, String)>() {
            Some((id, said)) if id > seen => sse.send(Event::new().id(id).data(said)),
            _ => true,
        });
        Ok(())
    }

    /// `GET /ticks/:n`: n events, or what a client that comes again has missed of them. If that is
    /// nothing, 204: it shall not come again.
    pub fn ticks(_request: Request, params: Params, sse: Sse) -> Result<(), Response> {
        let n: u64 = params.parse("n").map_err(IntoResponse::into_response)?;
        let seen = last_event_id(&sse);
        if seen.is_some_and(|seen| seen >= n) {
            return Err(Response::new(204));
        }
        for tick in seen.unwrap_or(0) + 1..=n {
            sse.send(Event::new().id(tick).data(tick.to_string()));
        }
        Ok(())
    }

    /// `GET /history/:room`: the last messages, one on a line.
    pub fn history(_request: Request, params: Params) -> Result<Response, CallError> {
        let history = Rooms::whereis("rooms")?.since(room(&params), 0)?;
        Ok(Response::stream("application/x-ndjson", |body| {
            for (_id, said) in history {
                body.write(said + "\n");
            }
        }))
    }

    /// `GET /members/:room`: the names of who is there.
    pub fn members(_request: Request, params: Params) -> Result<Response, CallError> {
        let members = Rooms::whereis("rooms")?.members(room(&params))?;
        Ok(Response::json(&members))
    }

    /// `POST /crash`: the service ends, and is started again without what it knew.
    pub fn crash(_request: Request) -> Result<Response, CallError> {
        match Rooms::whereis("rooms")?.crash() {
            Err(CallError::Died(why)) => Ok(Response::text(format!("the rooms died: {why}\n"))),
            Err(error) => Err(error),
            Ok(()) => Ok(Response::text("the rooms live\n")),
        }
    }

    /// The number of the event that a client has seen last.
    fn last_event_id(sse: &Sse) -> Option<u64> {
        sse.last_event_id()?.parse().ok()
    }

    fn room(params: &Params) -> String {
        params.get("room").unwrap_or_default().to_owned()
    }

    /// Proxies take a connection for dead that is silent for longer.
    const HEARTBEAT: Duration = Duration::from_secs(15);
}
