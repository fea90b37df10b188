//! Actions: what they get and give, and what they do with services, processes and the store.

use std::cell::RefCell;
use std::rc::Rc;

use contract::{Command, Order, Pong, books, ledger};
use rusm_rs::http::{Params, Request, Response};
use rusm_rs::{Pid, kv};
use serde_json::json;

#[rusm_rs::handlers]
pub mod api {
    use super::*;

    pub fn show_request(request: Request, params: Params) -> Response {
        let shown = json!({
            "method": request.method,
            "url": request.url,
            "headers": request.headers,
            "params": [params.get("first"), params.get("second"), params.get("third")],
            "length": request.body.len(),
        });
        Response::text(shown.to_string())
    }

    pub fn echo_body(request: Request, _: Params) -> Response {
        Response::new(201, request.body)
            .header("Content-Type", "application/octet-stream")
            .header("set-cookie", "a=1")
            .header("set-cookie", "b=2")
    }

    pub fn bytes(_: Request, params: Params) -> Response {
        let count = params.get("count").and_then(|count| count.parse().ok());
        Response::new(200, vec![7; count.unwrap_or(0)])
    }

    pub fn status(_: Request, params: Params) -> Response {
        let code = params.get("code").and_then(|code| code.parse().ok());
        Response::new(code.unwrap_or(400), "")
    }

    pub fn panic(_: Request, _: Params) -> Response {
        panic!("on purpose")
    }

    pub fn spin(_: Request, _: Params) -> Response {
        loop {
            std::hint::black_box(());
        }
    }

    pub fn service(_: Request, params: Params) -> Response {
        let is_spawned = params.get("how") == Some("spawned");
        let ledger = if is_spawned {
            ledger::Client::spawn("ledger").unwrap()
        } else {
            books()
        };
        let words = Rc::<RefCell<Vec<String>>>::default();
        let heard = words.clone();
        rusm_rs::wire::cast(ledger.pid, "note", &("cast",));
        let said = json!({
            "sum": ledger.sum(40, 2),
            "divided": [ledger.divide(6, 2), ledger.divide(1, 0)],
            "noted": ledger.notes().unwrap().contains(&"cast".into()),
            "stream": ledger.up_to(1000).map(u64::from).sum::<u64>(),
            "callbacks": ledger.each(vec!["a".into(), "b".into()], move |word| {
                heard.borrow_mut().push(word);
            }),
            "words": *words.borrow(),
            "no function": rusm_rs::wire::call::<_, i64>(ledger.pid, "nothing", &[(); 0]),
            "bad arguments": rusm_rs::wire::call::<_, i64>(ledger.pid, "sum", &("a", "b")).is_err(),
            "timeout": rusm_rs::wire::call_timeout::<_, i64>(rusm_rs::me(), "sum", &(1, 2), 20),
        });
        if is_spawned {
            rusm_rs::kill(ledger.pid);
        }
        Response::text(said.to_string())
    }

    pub fn notes(_: Request, _: Params) -> Response {
        Response::text(books().notes().unwrap().join("\n"))
    }

    pub fn kv(_: Request, _: Params) -> Response {
        let (bucket, other) = (kv::bucket("one"), kv::bucket("two"));
        let all = || -> Result<_, String> {
            let before = bucket.get("b")?;
            bucket.set("b", &[0, 255])?;
            bucket.set("a", b"")?;
            bucket.set("a", b"again")?;
            Ok(json!([
                before,
                bucket.get("a")?,
                bucket.get("b")?,
                bucket.exists("a")?,
                other.exists("a")?,
                bucket.list()?,
                bucket.delete("a")?,
                bucket.delete("a")?,
                bucket.list()?,
                other.list()?,
            ]))
        };
        match all() {
            Ok(said) => Response::text(said.to_string()),
            Err(error) => Response::new(500, error),
        }
    }

    pub fn stored(_: Request, params: Params) -> Response {
        let [bucket, key] = ["bucket", "key"].map(|name| params.get(name).unwrap_or_default());
        match kv::bucket(bucket).get(key) {
            Ok(Some(value)) => Response::new(200, value),
            Ok(None) => Response::new(404, ""),
            Err(error) => Response::new(500, error),
        }
    }

    pub fn watch(_: Request, _: Params) -> Response {
        let mut said = Vec::new();
        for how in ["end", "panic", "kill", "gone"] {
            let brief = rusm_rs::spawn("brief").unwrap();
            rusm_rs::send(brief, &Order::Ping(rusm_rs::me().0)).unwrap();
            let Pong(pid) = rusm_rs::receive().unwrap();
            assert!(pid == brief.0 && rusm_rs::is_alive(brief));
            if how != "gone" {
                rusm_rs::monitor(brief);
            }
            match how {
                "end" => rusm_rs::send(brief, &Order::End).unwrap(),
                "panic" => rusm_rs::send(brief, &Order::Panic).unwrap(),
                _ => assert!(rusm_rs::kill(brief)),
            }
            if how == "gone" {
                while rusm_rs::is_alive(brief) {}
                rusm_rs::monitor(brief);
            }
            let message = rusm_rs::receive_bytes();
            assert_eq!(rusm_rs::down_pid(&message), Some(brief));
            let down: rusm_rs::serde_json::Value =
                rusm_rs::serde_json::from_slice(&message).unwrap();
            said.push(json!([how, down["reason"]]));
        }
        Response::text(json!(said).to_string())
    }

    pub fn timers(_: Request, _: Params) -> Response {
        let me = rusm_rs::me();
        let late = rusm_rs::send_after(me, 20, b"late");
        let never = rusm_rs::send_after(me, 10, b"never");
        rusm_rs::send_after(me, 1, b"early");
        let cancelled = rusm_rs::cancel_timer(never);
        let received = [rusm_rs::receive_bytes(), rusm_rs::receive_bytes()];
        let said = json!([
            cancelled,
            received.map(|bytes| String::from_utf8(bytes).unwrap()),
            rusm_rs::cancel_timer(never),
            rusm_rs::cancel_timer(late + 1000),
            rusm_rs::receive_bytes_timeout(30),
        ]);
        Response::text(said.to_string())
    }

    /// Its tree restarts a child twice, and gives up at its third end.
    pub fn supervised(_: Request, _: Params) -> Response {
        let tree = rusm_rs::spawn("tree").unwrap();
        rusm_rs::monitor(tree);
        let mut seen: Vec<Pid> = Vec::new();
        while seen.len() < 3 {
            let found = rusm_rs::whereis_tag("briefs");
            match found.into_iter().find(|pid| !seen.contains(pid)) {
                Some(new) => {
                    seen.push(new);
                    assert!(rusm_rs::kill(new));
                }
                None => assert!(rusm_rs::receive_bytes_timeout(1).is_none()),
            }
        }
        let down = rusm_rs::down_pid(&rusm_rs::receive_bytes());
        let left = rusm_rs::whereis_tag("briefs").len();
        Response::text(json!([down == Some(tree), left]).to_string())
    }

    pub fn topics(_: Request, _: Params) -> Response {
        let topics = rusm_rs::whereis("topics").unwrap();
        let (me, topic) = (rusm_rs::me().0, "news".to_owned());
        let tell = |command: Command| rusm_rs::send(topics, &command).unwrap();
        let count = || -> usize {
            let topic = topic.clone();
            tell(Command::Count { topic, from: me });
            rusm_rs::receive().unwrap()
        };
        let brief = rusm_rs::spawn("brief").unwrap();
        for pid in [me, brief.0] {
            let topic = topic.clone();
            tell(Command::Subscribe { topic, pid });
        }
        let before = count();
        tell(Command::Publish {
            topic: topic.clone(),
            text: "extra".into(),
        });
        let heard = rusm_rs::receive_bytes();
        rusm_rs::kill(brief);
        while count() == before {}
        let said = json!([before, String::from_utf8_lossy(&heard), count()]);
        Response::text(said.to_string())
    }

    /// Send the body to all members of a tag; says how many there were.
    pub fn tell(request: Request, params: Params) -> Response {
        let members = rusm_rs::whereis_tag(params.get("tag").unwrap_or_default());
        for pid in &members {
            rusm_rs::send_bytes(*pid, &request.body);
        }
        Response::text(members.len().to_string())
    }

    /// Send the body to a process.
    pub fn send(request: Request, params: Params) -> Response {
        let pid = params.get("pid").and_then(|pid| pid.parse().ok());
        rusm_rs::send_bytes(Pid(pid.unwrap_or(0)), &request.body);
        Response::text("")
    }

    /// The process stays when the request is over.
    pub fn spawn(_: Request, params: Params) -> Response {
        match rusm_rs::spawn(params.get("component").unwrap_or_default()) {
            Ok(pid) => Response::text(pid.to_string()),
            Err(error) => Response::new(500, error),
        }
    }

    pub fn log_lines(_: Request, params: Params) -> Response {
        let line = params.get("line").unwrap_or_default();
        log::error!("an error: {line}");
        log::warn!("a warning: {line}");
        log::info!("for information: {line}");
        log::debug!("for debugging: {line}");
        log::trace!("a trace: {line}");
        Response::text(rusm_rs::me().to_string())
    }

    /// Ask the address in the query.
    pub fn fetch(request: Request, _: Params) -> Response {
        let url = format!(
            "http://{}/echo",
            request.url.rsplit('?').next().unwrap_or("")
        );
        let asked = Request::post(url, vec![0, 255, 7]).header("x-from", "api");
        match rusm_rs::http::fetch(&asked) {
            Ok(response) => response,
            Err(error) => Response::new(502, error),
        }
    }
}
