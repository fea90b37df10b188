#![allow(unused)]

#[rusm_rs::websocket]
mod room {
    pub struct State;

    pub fn open(state: &mut State) {}

    pub fn message(message: String) {}

    pub fn close(code: u16, reason: String) {}

    pub fn on_mail(mail: Vec<u8>) {}
}

fn main() {}
