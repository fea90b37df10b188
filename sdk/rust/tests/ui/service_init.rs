#[rusm_rs::service]
mod counter {
    pub struct State;

    pub fn init(name: String) {}

    pub fn get(state: &State) {}
}

fn main() {}
