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
        // The host keeps the group: who is in it hears the room, whatever becomes of the service.
        rusm_rs::register_tag(&format!("room:{}", state.room));
        or_later(connection, join(state));
    }

    pub fn message(state: &State, connection: &Connection, message: Message) {
        let Message::Text(text) = message else {
            return connection.close(1003, "this room takes text");
        };
        if text.len() > MAX_TEXT {
            return connection.close(1009, "this room takes short messages");
        }
        // To try out what a bug does: this socket is closed with 1011, and no other.
        if text == "/crash" {
            panic!("somebody said /crash");
        }
        let (room, name) = (state.room.clone(), state.name.clone());
        let posted = Rooms::whereis("rooms").and_then(|rooms| rooms.post(room, name, text));
        or_later(connection, posted);
    }

    pub fn on_mail(state: &State, connection: &Connection, mail: Mail) {
        match mail {
            // The service has ended. The host starts it again, which takes a moment.
            Mail::Down { .. } => {
                rusm_rs::send_after(rusm_rs::me(), 100, JOIN);
            }
            Mail::Message(message) if message == JOIN => or_later(connection, join(state)),
            // Something was said in the room, by whomever.
            mail => {
                if let Some((_id, said)) = mail.json::<(u64, String)>() {
                    connection.send_text(said);
                }
            }
        }
    }

    /// Tells the service who is here, and watches it: a new one has to be told again.
    fn join(state: &State) -> Result<(), CallError> {
        let rooms = Rooms::whereis("rooms")?;
        rooms.pid().into_iter().for_each(rusm_rs::monitor);
        rooms.join(state.room.clone(), state.name.clone())
    }

    /// Where the service does not answer, the client shall come again.
    fn or_later(connection: &Connection, answer: Result<(), CallError>) {
        if let Err(error) = answer {
            rusm_rs::log::warn(format!("rooms: {error}"));
            connection.close(1013, "try again later");
        }
    }

    /// Mail to oneself: time to join again.
    const JOIN: &[u8] = b"join";

    /// Bytes of a message: the service keeps the last ones in memory.
    const MAX_TEXT: usize = 4096;
}
