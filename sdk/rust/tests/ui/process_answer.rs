#[rusm_rs::main]
fn life() -> u32 {
    0
}

fn main() {}
