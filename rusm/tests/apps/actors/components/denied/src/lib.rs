//! A handler without grants, which tries all the same.

use rusm_rs::{Params, Request, Response};

#[rusm_rs::handlers]
pub mod handlers {
    use super::*;

    pub fn attempt(_request: Request, params: Params) -> Response {
        let said = match params.get("what").unwrap_or_default() {
            "spawn" => format!("{:?}", rusm_rs::spawn("loner")),
            "run" => match rusm_rs::run::<_, String>("subject", "echo", &["x"], TIMEOUT) {
                Ok(answer) => answer,
                Err(error) => error.to_string(),
            },
            "store" => format!("{:?}", rusm_rs::kv::bucket("b").set("k", b"v")),
            "link" => {
                let target = rusm_rs::whereis("subject").unwrap();
                format!("{:?}", rusm_rs::link(target))
            }
            "kill" => {
                let target = rusm_rs::whereis("subject").unwrap();
                format!("{} {}", rusm_rs::kill(target), rusm_rs::is_alive(target))
            }
            "list" => format!("{}", rusm_rs::list() == [rusm_rs::me()]),
            other => format!("no such attempt: {other}"),
        };
        Response::text(said)
    }

    const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(1);
}
