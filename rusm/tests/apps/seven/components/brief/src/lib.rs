//! A process that does as it is told, and so comes to various ends.

use contract::{Order, Pong};
use rusm_rs::Pid;

#[rusm_rs::main]
fn run() {
    rusm_rs::register_tag("briefs");
    loop {
        match rusm_rs::receive::<Order>() {
            Ok(Order::Ping(from)) => {
                let _ = rusm_rs::send(Pid(from), &Pong(rusm_rs::me().0));
            }
            Ok(Order::End) => return,
            Ok(Order::Panic) => panic!("as ordered"),
            Err(error) => log::warn!("no order: {error}"),
        }
    }
}
