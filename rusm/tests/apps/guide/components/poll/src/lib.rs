//! The HTTP side of the poll.

use std::time::Duration;

use rusm_rs::{CallError, Mail, Params, Request, Response, Sse};

/// The functions of `components/tally` that are called here.
#[rusm_rs::client]
pub trait Tally {
    fn vote(choice: String) -> Result<(), String>;
    fn result() -> String;
    fn show();
}

#[rusm_rs::handlers]
pub mod handlers {
    use super::*;

    /// `GET /`
    pub fn result(_request: Request) -> Result<Response, CallError> {
        let result = Tally::whereis("tally")?.result()?;
        Ok(Response::text(result + "\n"))
    }

    /// `POST /votes/:choice`
    pub fn vote(_request: Request, params: Params) -> Result<Response, CallError> {
        let choice = params.get("choice").unwrap_or_default();
        match Tally::whereis("tally")?.vote(choice.to_owned()) {
            Ok(()) => Ok(Response::new(204)),
            // What the function itself says is for the client; the rest is for the operator.
            Err(CallError::Failed(why)) => Ok(Response::text(why + "\n").status(404)),
            Err(error) => Err(error),
        }
    }

    /// `GET /feed`: the result, and each new one, until the client leaves.
    pub fn feed(_request: Request, _params: Params, sse: Sse) -> Result<(), CallError> {
        rusm_rs::register_tag("poll");
        Tally::whereis("tally")?.show()?;
        sse.run(Duration::from_secs(15), |mail| match mail {
            Mail::Message(result) => sse.data(result),
            _ => true,
        });
        Ok(())
    }
}
