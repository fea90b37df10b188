//! A WebSocket: each message names a task.

#[rusm_rs::websocket]
pub mod websocket {
    use rusm_rs::{Connection, Message};

    pub fn message(connection: &Connection, message: Message) {
        match message {
            Message::Text(task) => connection.send_text(tasks::run(&task)),
            Message::Binary(bytes) => connection.send_binary(bytes),
        };
    }
}
