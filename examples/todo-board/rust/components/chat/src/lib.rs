//! The WebSocket of somebody who chats, under the name of `?name=`. All connections are in one
//! group, which the host keeps: no service is needed.

#[rusm_rs::websocket]
pub mod chat {
    use rusm_rs::{Connection, Mail, Message};
    use serde_json::json;

    pub fn open() {
        rusm_rs::register_tag("chat");
    }

    pub fn message(connection: &Connection, message: Message) {
        let Message::Text(text) = message else {
            return connection.close(1003, "this chat takes text");
        };
        let from = connection.info().query_param("name");
        let said = json!({ "from": from.unwrap_or("guest".into()), "text": text });
        rusm_rs::publish("chat", said.to_string().as_bytes());
    }

    /// Somebody has said something, maybe this one.
    pub fn on_mail(connection: &Connection, mail: Mail) {
        if let Mail::Message(said) = mail {
            connection.send_text(String::from_utf8_lossy(&said));
        }
    }
}
