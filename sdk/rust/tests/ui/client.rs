pub struct State;

#[rusm_rs::client]
pub trait Counter {
    fn increment(state: &mut State, name: String) -> u64;

    fn get(name: String) -> u64 {
        0
    }

    fn method(&self);

    fn timeout();

    const NAME: &str;
}

#[rusm_rs::client]
pub trait Nothing {}

#[rusm_rs::client]
mod not_a_trait {}

fn main() {}
