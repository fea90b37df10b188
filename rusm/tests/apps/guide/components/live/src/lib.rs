//! The WebSocket of the poll: it takes votes, and gives results.

use rusm_rs::CallError;

/// The functions of `components/tally` that are called here.
#[rusm_rs::client]
pub trait Tally {
    fn vote(choice: String) -> Result<(), String>;
    fn show();
}

#[rusm_rs::websocket]
pub mod live {
    use rusm_rs::{Connection, Mail, Message};

    use super::*;

    /// A client has connected.
    pub fn open(connection: &Connection) {
        rusm_rs::register_tag("poll");
        told(connection, tally().and_then(|tally| tally.show()));
    }

    /// It votes.
    pub fn message(connection: &Connection, message: Message) {
        let Message::Text(choice) = message else {
            return connection.close(1003, "a vote is text");
        };
        told(connection, tally().and_then(|tally| tally.vote(choice)));
    }

    /// The tally has sent a result.
    pub fn on_mail(connection: &Connection, mail: Mail) {
        if let Mail::Message(result) = mail {
            connection.send_text(String::from_utf8_lossy(&result));
        }
    }

    fn tally() -> Result<Tally, CallError> {
        Tally::whereis("tally")
    }

    /// Tells the client what went wrong, if something did.
    fn told(connection: &Connection, answer: Result<(), CallError>) {
        match answer {
            Ok(()) => {}
            Err(CallError::Failed(why)) => {
                connection.send_text(why);
            }
            Err(error) => {
                rusm_rs::log::warn(format!("tally: {error}"));
                connection.close(1013, "try again later");
            }
        }
    }
}
