#![allow(unused)]

use rusm_rs::{Connection, Mail, Message};

#[rusm_rs::websocket]
mod nothing {}

#[rusm_rs::websocket]
mod typo {
    pub fn on_message(connection: &super::Connection, message: super::Message) {}
}

#[rusm_rs::websocket]
mod parameters {
    use super::*;

    pub fn open(name: String) {}

    pub fn message(connection: &Connection) {}

    pub fn close(code: u16) {}

    pub fn on_mail(connection: &Connection, state: &mut State, mail: Mail) {}
}

#[rusm_rs::websocket]
mod answers {
    pub fn message(message: super::Message) -> String {
        String::new()
    }
}

#[rusm_rs::websocket]
mod modifiers {
    pub async fn open() {}

    #[cfg(debug_assertions)]
    pub fn message(message: super::Message) {}

    pub fn close<T>(code: u16, reason: T) {}
}

#[rusm_rs::websocket]
mod init_takes_more {
    pub struct State;

    pub fn init(name: String) -> State {
        State
    }

    pub fn message(message: super::Message) {}
}

#[rusm_rs::websocket]
fn not_a_module() {}

fn main() {}
