#[rusm_rs::main]
async fn waits(n: u32) {}

#[rusm_rs::main]
struct NotAFunction;

fn main() {}
