#![allow(unused)]

use rusm_rs::{Mail, Sse};

#[rusm_rs::sse]
mod nothing {
    pub fn close() {}
}

#[rusm_rs::sse]
mod typo {
    pub fn on_message(sse: &super::Sse, message: Vec<u8>) {}
}

#[rusm_rs::sse]
mod parameters {
    use super::*;

    pub struct State;

    pub fn init(sse: &Sse, name: String) -> State {
        State
    }

    pub fn open(name: String) {}

    pub fn message(sse: &Sse) {}

    pub fn close(sse: &Sse, state: &mut State) {}

    pub fn on_mail(mail: Mail, sse: &Sse) {}
}

#[rusm_rs::sse]
mod answers {
    pub fn message(message: Vec<u8>) -> Vec<u8> {
        message
    }
}

#[rusm_rs::sse]
mod modifiers {
    pub async fn open() {}

    #[cfg(debug_assertions)]
    pub fn message(message: Vec<u8>) {}

    pub fn close<T>() {}
}

#[rusm_rs::sse]
fn not_a_module() {}

#[rusm_rs::sse(name = "feed")]
mod arguments {
    pub fn open() {}
}

fn main() {}
