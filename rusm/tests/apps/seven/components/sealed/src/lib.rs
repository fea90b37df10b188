//! A component that tries what it may not.

use rusm_rs::http::{self, Params, Request, Response};
use rusm_rs::kv;

#[rusm_rs::handlers]
pub mod sealed {
    use super::*;

    pub fn attempt(request: Request, params: Params) -> Response {
        let bucket = kv::bucket("sealed");
        let outcome = match params.get("what").unwrap_or_default() {
            "spawn" => rusm_rs::spawn("brief").map(|pid| pid.to_string()),
            "get" => bucket.get("key").map(|_| "got".into()),
            "set" => bucket.set("key", b"value").map(|()| "set".into()),
            "delete" => bucket.delete("key").map(|_| "deleted".into()),
            "exists" => bucket.exists("key").map(|_| "exists".into()),
            "list" => bucket.list().map(|_| "listed".into()),
            "fetch" => {
                let url = format!("http://{}/", request.url.rsplit('?').next().unwrap_or(""));
                http::fetch(&Request::get(url)).map(|_| "fetched".into())
            }
            "processes" => Ok((rusm_rs::list() == [rusm_rs::me()]).to_string()),
            "kill" => {
                let books = rusm_rs::whereis("books").unwrap();
                Ok(rusm_rs::kill(books).to_string())
            }
            "kill-tag" => {
                rusm_rs::register_tag("sealed");
                Ok(rusm_rs::kill_tag("sealed").to_string())
            }
            "connection" => Ok(rusm_rs::connection().is_none().to_string()),
            what => Err(format!("unknown: {what}")),
        };
        match outcome {
            Ok(done) => Response::text(done),
            Err(denied) => Response::new(403, denied),
        }
    }
}
