//! A WebSocket: what it was opened with, echoes, rooms, and both ways to its end.

use rusm_rs::ws::{self, Connection, Handler};
use serde_json::json;

struct Member;

impl Handler for Member {
    fn open(&mut self, conn: &Connection) {
        let info = conn.info();
        let opened = json!({
            "method": info.method(),
            "path": info.path(),
            "query": info.query(),
            "params": info.params(),
            "colours": info.headers().iter().filter(|(name, _)| name == "x-colour").collect::<Vec<_>>(),
            "host": info.header("Host"),
            "peer": info.remote_addr(),
            "subprotocol": info.subprotocol(),
            "writer": conn.writer().to_string(),
        });
        rusm_rs::register_tag(&room(conn));
        conn.send_text(&opened.to_string());
    }

    fn message(&mut self, conn: &Connection, data: Vec<u8>) {
        let Ok(text) = std::str::from_utf8(&data) else {
            return conn.send(&data);
        };
        match text.split_once(' ').unwrap_or((text, "")) {
            ("say", what) => {
                let heard = format!("heard {what}");
                for pid in rusm_rs::whereis_tag(&room(conn)) {
                    rusm_rs::send_bytes(pid, heard.as_bytes());
                }
            }
            // From another member, or this one.
            ("heard", what) => assert!(conn.send_text(what)),
            ("by-pid", what) => ws::send(conn.writer(), what.as_bytes()),
            // What arrives meanwhile has to wait, and in its order.
            ("sum", numbers) => {
                let numbers: Vec<i64> = numbers.split(' ').flat_map(str::parse).collect();
                let sum = contract::books().sum(numbers[0], numbers[1]).unwrap();
                assert!(conn.send_text(&sum.to_string()));
            }
            ("spin", _) => loop {
                std::hint::black_box(());
            },
            ("tick", _) => loop {
                conn.send_text("tick");
            },
            ("close", reason) => conn.close(4001, reason),
            ("panic", _) => panic!("as told"),
            _ => assert!(conn.send_text(text)),
        }
    }

    fn close(&mut self, conn: &Connection) {
        let left = format!("left {}", conn.info().param("member").unwrap_or_default());
        rusm_rs::wire::cast(contract::books().pid, "note", &(left,));
    }
}

fn room(conn: &Connection) -> String {
    format!("room:{}", conn.info().param("name").unwrap_or_default())
}

#[rusm_rs::main]
fn run() {
    ws::serve(Member);
}
