//! The command `rusm-loadtest`.

fn main() {}
