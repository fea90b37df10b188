//! The WebSocket of somebody in a room, under the name of `?name=`. What is said in the room comes
//! from the service `rooms`, as mail to all who are in the group of the room.

use rusm_rs::CallError;

/// The functions of `components/rooms` that are called here.
#[rusm_rs::client]
pub trait Rooms {
    fn join(room: String, name: String);
    fn post(room: String, from: String, text: String);
}

#[rusm_rs::websocket]
pub mod room {
    use rusm_rs::{Connection, Mail, Message};

    use super::*;

    pub struct State {
        room: String,
        name: String,
    }

    pub fn init(connection: &Connection) -> State {
        let info = connection.info();
        let name = info.query_param("name").unwrap_or("guest".into());
        State {
            room: info.param("room").unwrap_or_default().to_owned(),
            name: name.into_owned(),
        }
    }

    pub fn open(state: &State, connection: &Connection) {
        rusm_rs::register_tag(&format!("room:{}", state.room));
        let joined = rooms().and_then(|rooms| rooms.join(state.room.clone(), state.name.clone()));
        or_later(connection, joined);
    }

    pub fn message(state: &State, connection: &Connection, message: Message) {
        let Message::Text(text) = message else {
            return connection.close(1003, "this room takes text");
        };
        let posted =
            rooms().and_then(|rooms| rooms.post(state.room.clone(), state.name.clone(), text));
        or_later(connection, posted);
    }

    /// Something was said in the room, by whomever.
    pub fn on_mail(connection: &Connection, mail: Mail) {
        if let Some((_id, said)) = mail.json::<(u64, String)>() {
            connection.send_text(said);
        }
    }

    fn rooms() -> Result<Rooms, CallError> {
        Rooms::whereis("rooms")
    }

    /// Where the service does not answer, the client shall come again.
    fn or_later(connection: &Connection, answer: Result<(), CallError>) {
        if let Err(error) = answer {
            rusm_rs::log::warn(format!("rooms: {error}"));
            connection.close(1013, "try again later");
        }
    }
}
