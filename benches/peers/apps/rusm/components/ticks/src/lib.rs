//! Numbers without end, as Server-Sent Events.

#[rusm_rs::handlers]
pub mod api {
    use rusm_rs::{Params, Request, Sse};

    pub fn ticks(_request: Request, _params: Params, sse: Sse) {
        let mut number = 0u64;
        while sse.data(number.to_string()) {
            number += 1;
        }
    }
}
