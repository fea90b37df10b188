//! A component that imports WASI: it looks at the clock, sleeps, and has an environment.

use std::time::{Duration, Instant};

use rusm_rs::{Params, Request, Response};

#[rusm_rs::handlers]
pub mod handlers {
    use super::*;

    /// `GET /work/:ms`: computes for that long.
    pub fn work(_request: Request, params: Params) -> Response {
        let ms = params
            .get("ms")
            .and_then(|text| text.parse().ok())
            .unwrap_or_default();
        let started = Instant::now();
        let mut rounds = 0_u64;
        while started.elapsed() < Duration::from_millis(ms) {
            rounds = std::hint::black_box(rounds + 1);
        }
        Response::text(format!("worked for {ms} ms\n"))
    }

    /// `GET /sleep/:ms`: waits for that long.
    pub fn sleep(_request: Request, params: Params) -> Response {
        let ms = params
            .get("ms")
            .and_then(|text| text.parse().ok())
            .unwrap_or_default();
        std::thread::sleep(Duration::from_millis(ms));
        Response::text(format!("slept for {ms} ms\n"))
    }

    /// `GET /env`: the environment, asked for more than once.
    pub fn env(_request: Request, _params: Params) -> Response {
        let mut texts = (0..3).map(|_| format!("{:?}\n", std::env::vars().collect::<Vec<_>>()));
        let first = texts.next().unwrap_or_default();
        assert!(texts.all(|text| text == first));
        Response::text(first)
    }
}
