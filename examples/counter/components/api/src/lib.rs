//! The app's HTTP side. A fresh instance answers each request, so what lasts is elsewhere: in the
//! services that it calls, and in the store.

mod failure;

use std::time::Duration;

use failure::Failure;
use rusm_rs::{BadRequest, CallError, Params, Request, Response, kv};

/// The functions of `components/counter`.
#[rusm_rs::client]
pub trait Counter {
    fn increment(name: String) -> u64;
    fn get(name: String) -> u64;
    fn transfer(from: String, to: String) -> Result<u64, String>;
    fn list() -> impl Iterator<Item = (String, u64)>;
    fn crash();
}

/// The functions of `components/sessions`.
#[rusm_rs::client]
pub trait Sessions {
    fn put(id: String, content: String, lifetime_ms: u64) -> Result<(), String>;
    fn get(id: String) -> Option<String>;
}

/// The functions of `components/hasher`.
#[rusm_rs::client]
pub trait Hasher {
    fn hash(text: String, rounds: u32) -> u64;
    fn hash_slowly(text: String, rounds: u32, progress: rusm_rs::Callback<u32>) -> u64;
}

#[rusm_rs::handlers]
pub mod handlers {
    use super::*;

    /// `POST /count/:name`: one more.
    pub fn increment(_request: Request, params: Params) -> Result<Response, Failure> {
        let count = Counter::whereis("counter")?.increment(param(&params, "name"))?;
        Ok(Response::text(format!("{count}\n")))
    }

    /// `GET /count/:name`
    pub fn count(_request: Request, params: Params) -> Result<Response, Failure> {
        let count = Counter::whereis("counter")?.get(param(&params, "name"))?;
        Ok(Response::text(format!("{count}\n")))
    }

    /// `POST /transfer/:from/:to`: 409 if there is nothing to take from.
    pub fn transfer(_request: Request, params: Params) -> Result<Response, Failure> {
        let counter = Counter::whereis("counter")?;
        match counter.transfer(param(&params, "from"), param(&params, "to")) {
            Ok(count) => Ok(Response::text(format!("{count}\n"))),
            Err(CallError::Failed(why)) => Ok(Response::text(format!("{why}\n")).status(409)),
            Err(error) => Err(error.into()),
        }
    }

    /// `GET /counts`: all of them, as the service streams them.
    pub fn counts(_request: Request) -> Result<Response, Failure> {
        let mut text = String::new();
        for count in Counter::whereis("counter")?.list() {
            let (name, count) = count?;
            text += &format!("{name} {count}\n");
        }
        Ok(Response::text(text))
    }

    /// `POST /crash`: the service ends, and is started again without its counts.
    pub fn crash(_request: Request) -> Result<Response, Failure> {
        match Counter::whereis("counter")?.crash() {
            Err(CallError::Died(why)) => Ok(Response::text(format!("the counter died: {why}\n"))),
            Err(error) => Err(error.into()),
            Ok(()) => Ok(Response::text("the counter lives\n")),
        }
    }

    /// `POST /durable/:name`: one more, on disk.
    pub fn increment_durably(_request: Request, params: Params) -> Result<Response, Failure> {
        let count = kv::bucket("counts").increment(&param(&params, "name"), 1)?;
        Ok(Response::text(format!("{count}\n")))
    }

    /// `GET /durable/:name`
    pub fn durable_count(_request: Request, params: Params) -> Result<Response, Failure> {
        let count = kv::bucket("counts").get(&param(&params, "name"))?;
        let mut count = count.unwrap_or_else(|| b"0".to_vec());
        count.push(b'\n');
        Ok(Response::bytes(count).header("content-type", "text/plain; charset=utf-8"))
    }

    /// `PUT /sessions/:id`, for `?ms=` milliseconds or an hour.
    pub fn put_session(request: Request, params: Params) -> Result<Response, Failure> {
        let lifetime_ms = match request.query_param("ms") {
            Some(ms) => ms.parse().map_err(|_| BadRequest::new("ms is a number"))?,
            None => 3_600_000,
        };
        let content = request.text()?.to_owned();
        Sessions::whereis("sessions")?.put(param(&params, "id"), content, lifetime_ms)?;
        Ok(Response::new(204))
    }

    /// `GET /sessions/:id`
    pub fn session(_request: Request, params: Params) -> Result<Response, Failure> {
        let session = Sessions::whereis("sessions")?.get(param(&params, "id"))?;
        Ok(match session {
            Some(content) => Response::text(content),
            None => Response::text("no such session\n").status(404),
        })
    }

    /// `POST /hash`: the body's hash, by a process of its own.
    pub fn hash(request: Request) -> Result<Response, Failure> {
        let hasher = Hasher::fresh("hasher").timeout(Duration::from_secs(10));
        let hash = hasher.hash(request.text()?.to_owned(), 1)?;
        Ok(Response::text(format!("{hash:016x}\n")))
    }

    /// `POST /hash-slowly`: as `hash` over and over, with the progress that the worker told.
    pub fn hash_slowly(request: Request) -> Result<Response, Failure> {
        let mut text = String::new();
        let progress = |percent| text += &format!("{percent} %\n");
        let words = request.text()?.to_owned();
        let hash = Hasher::fresh("hasher").hash_slowly(words, 4, progress)?;
        Ok(Response::text(format!("{text}{hash:016x}\n")))
    }

    fn param(params: &Params, name: &str) -> String {
        params.get(name).unwrap_or_default().to_owned()
    }
}
