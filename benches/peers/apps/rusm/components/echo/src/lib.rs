//! A WebSocket that says what it hears.

#[rusm_rs::websocket]
pub mod echo {
    use rusm_rs::{Connection, Message};

    pub fn message(connection: &Connection, message: Message) {
        match message {
            Message::Text(text) => connection.send_text(text),
            Message::Binary(bytes) => connection.send_binary(bytes),
        };
    }
}
