//! A guest that never ends keeps nobody from being served.

use std::time::{Duration, Instant};

use crate::client::get;
use crate::server::Serve;

#[test]
fn others_are_served_beside_guests_that_spin() {
    for io in ["uring", "epoll"] {
        // They outlast the test.
        let server = Serve::hello_with("request-timeout-ms = 600000")
            .args(["--io", io])
            .start();
        let mut client = server.connect();
        client.get("/");
        let mut spinning = Vec::new();
        for spins in [1, 4] {
            while spinning.len() < spins {
                let mut client = server.connect();
                client.send(get("/spin"));
                server.has_read(&client);
                spinning.push(client);
            }
            for _ in 0..50 {
                let asked = Instant::now();
                // A new connection has to be accepted beside them, too.
                assert_eq!(server.connect().get("/").status, 200);
                assert_eq!(client.get("/").status, 200);
                let took = asked.elapsed();
                assert!(
                    took < Duration::from_secs(2),
                    "{took:?} beside {spins} over {io}"
                );
            }
        }
    }
}
