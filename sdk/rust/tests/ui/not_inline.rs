#[rusm_rs::handlers]
mod elsewhere;

fn main() {}
