#![allow(unused)]

#[rusm_rs::sse]
mod feed {
    pub struct State;

    pub fn open(state: &mut State) {}

    pub fn message(message: String) {}

    pub fn on_mail(mail: Vec<u8>) {}
}

fn main() {}
