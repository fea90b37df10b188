//! What the benches of the actor core run on: shards on pinned threads, set up as `rusm serve` does
//! it but without Wasm and sockets, and `rusm-otp` 0.7 on Tokio.

mod latch;
mod peer;
mod shards;

pub use latch::Latch;
pub use peer::Peer;
pub use shards::Shards;
