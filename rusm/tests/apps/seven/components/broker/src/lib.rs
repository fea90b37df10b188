//! Topics, as a resident process with a loop of its own.

use contract::Command;
use rusm_rs::Pid;
use rusm_rs::pubsub::Topics;

#[rusm_rs::main]
fn run() {
    rusm_rs::register("topics");
    let mut topics = Topics::new();
    loop {
        let message = rusm_rs::receive_bytes();
        if topics.handle_down(&message) {
            continue;
        }
        match rusm_rs::serde_json::from_slice(&message) {
            Ok(Command::Subscribe { topic, pid }) => topics.subscribe(&topic, Pid(pid)),
            Ok(Command::Publish { topic, text }) => topics.publish(&topic, text.as_bytes()),
            Ok(Command::Count { topic, from }) => {
                let _ = rusm_rs::send(Pid(from), &topics.subscriber_count(&topic));
            }
            Err(_) => {}
        }
    }
}
