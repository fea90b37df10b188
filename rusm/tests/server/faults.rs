//! What a guest does wrong stays within its request.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::apps;
use crate::client::{Client, get, request};
use crate::server::{Serve, eventually, two_cores};

/// A fault, its status, and what the operator reads about it.
const FAULTS: [(&str, u16, &str); 3] = [
    ("/boom", 500, "boom was called"),
    ("/spin", 504, "the guest took longer than 1.5s"),
    ("/alloc", 500, "more than its 64 MiB of memory"),
];

#[test]
fn each_fault_has_its_status_and_leaves_the_connection_usable() {
    for io in ["uring", "epoll"] {
        let server = Serve::hello_with("request-timeout-ms = 1500")
            .args(["--io", io])
            .start();
        let mut client = server.connect();
        for (path, status, _) in [FAULTS, FAULTS].concat() {
            let response = client.get(path);
            assert_eq!(
                (response.status, response.header("connection")),
                (status, None),
                "{path}"
            );
            assert!(
                !response.text().contains("guest"),
                "the reason is the operator's"
            );
            assert_eq!(client.get("/users/7").text(), "user 7\n", "after {path}");
        }
        for (path, status, reason) in FAULTS {
            server.says(reason);
            server.says(&format!("status={status} action=\"hello#{}\"", &path[1..]));
        }
    }
}

#[test]
fn a_fault_amid_a_pipeline_harms_neither_side_of_it() {
    let server = Serve::hello_with("request-timeout-ms = 1500").start();
    for (path, status, _) in FAULTS {
        let mut client = server.connect();
        client.send(get("/users/1") + &get(path) + &get("/users/2"));
        let statuses = [client.response().status, client.response().status];
        assert_eq!(statuses, [200, status], "{path}");
        assert_eq!(client.response().text(), "user 2\n", "behind {path}");
    }
}

#[test]
fn others_are_unharmed() {
    const CONNECTIONS: usize = 32;
    const REQUESTS: usize = 640;
    // Beside all the others, to fill 64 MiB takes a while.
    let server = Serve::hello_with("request-timeout-ms = 4000")
        .args(["--cores", &two_cores()])
        .start();
    let addr = server.addr();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for (path, status, _) in FAULTS {
            let done = &done;
            scope.spawn(move || {
                let mut client = Client::connect(addr);
                while !done.load(Ordering::Relaxed) {
                    assert_eq!(client.get(path).status, status, "{path}");
                }
            });
        }
        let good =
            (0..CONNECTIONS).map(|number| scope.spawn(move || good_ones(addr, number, REQUESTS)));
        let good: Vec<_> = good.collect();
        let answered: usize = good.into_iter().map(|good| good.join().unwrap_or(0)).sum();
        done.store(true, Ordering::Relaxed);
        assert_eq!(answered, CONNECTIONS * REQUESTS);
    });
}

/// How many of so many requests on one connection are answered as they should be.
fn good_ones(addr: SocketAddr, number: usize, requests: usize) -> usize {
    let mut client = Client::connect(addr);
    let good = (0..requests).filter(|round| {
        let id = format!("{number}-{round}");
        let (request, text) = match round % 3 {
            0 => (get("/"), "Hello from RUSM\n".into()),
            1 => (get(&format!("/users/{id}")), format!("user {id}\n")),
            _ => {
                let length = format!("Content-Length: {}\r\n", id.len());
                (request("POST", "/echo", &length, &id), id)
            }
        };
        let response = client.send(request).response();
        response.status == 200 && response.text() == text
    });
    good.count()
}

#[test]
fn a_full_pool_makes_others_wait_and_then_sends_them_away() {
    let manifest = |pool_wait: u32| {
        format!(
            r#"
            [node]
            instances-per-core = 1
            pool-wait-ms = {pool_wait}
            [[serve]]
            listen = "127.0.0.1:0"
            request-timeout-ms = 1500
            [serve.routes]
            "GET /" = "hello#index"
            "GET /spin" = "hello#spin"
            "#
        )
    };
    let serve = |pool_wait| {
        Serve::app(apps::hello())
            .manifest(&manifest(pool_wait))
            .start()
    };
    for pool_wait in [0, 100] {
        let server = serve(pool_wait);
        let (mut spinning, mut other) = (server.connect(), server.connect());
        spinning.send(get("/spin"));
        server.has_read(&spinning);
        for _ in 0..2 {
            let response = other.get("/");
            assert_eq!(
                (response.status, response.header("retry-after")),
                (503, Some("1"))
            );
            assert_eq!(response.header("connection"), None);
        }
        assert_eq!(other.get("/nowhere").status, 404, "it takes no instance");
        assert_eq!(spinning.response().status, 504);
        assert_eq!(other.get("/").status, 200, "there is room again");
    }

    // Whoever waits gets the place that comes free, each in turn.
    let server = serve(30_000);
    let mut spinning = server.connect();
    spinning.send(get("/spin"));
    server.has_read(&spinning);
    // The wait counts for the request's own limit, which must not end with that of this one.
    thread::sleep(Duration::from_millis(700));
    let mut waiting: Vec<_> = (0..10).map(|_| server.connect()).collect();
    for client in &mut waiting {
        client.send(get("/"));
    }
    for client in &mut waiting {
        assert_eq!(client.response().status, 200);
    }
    assert_eq!(spinning.response().status, 504);
}

#[test]
fn a_response_that_http_cannot_carry_is_500() {
    let server = Serve::lab_with("").start();
    let mut client = server.connect();
    for target in [
        "/status/0",
        "/status/99",
        "/status/100",
        "/status/101",
        "/status/199",
        "/status/600",
        "/status/65535",
        "/header/a%20b",
        "/header/",
        "/header/a:b",
        "/header/a%0D%0Ab",
        "/header/%C3%BC",
        "/header/x?value=a%0D%0Ab:%20c",
        "/header/x?value=a%0Ab",
        "/header/x?value=a%00b",
        "/head/300000",
    ] {
        let expected = if target == "/header/" { 404 } else { 500 };
        let response = client.get(target);
        assert_eq!(
            (response.status, response.header("connection")),
            (expected, None),
            "{target}"
        );
        assert_eq!(client.get("/blob/1").text(), "x", "after {target}");
        if expected == 500 {
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            let query = if query.is_empty() {
                String::new()
            } else {
                format!(" query={query:?}")
            };
            let asked = format!("method=\"GET\" path={path:?}{query}");
            let said = || {
                let log = server.log();
                let line = log.lines().find(|line| line.contains(&asked));
                line.is_some_and(|line| {
                    line.contains("a response was refused: ")
                        && line.contains("status=500 action=\"odd#")
                })
            };
            assert!(eventually(said), "{target}: {}", server.log());
        }
    }
    for (target, status, body) in [
        ("/status/200", 200, "body\n"),
        ("/status/299", 299, "body\n"),
        ("/status/404", 404, "body\n"),
        ("/status/599", 599, "body\n"),
        ("/status/204", 204, ""),
        ("/status/304", 304, ""),
        ("/header/x-y?value=a%C3%BC%09b", 200, "ok\n"),
    ] {
        let response = client.get(target);
        assert_eq!(
            (response.status, response.text()),
            (status, body.into()),
            "{target}"
        );
        assert_eq!(client.get("/blob/1").text(), "x", "after {target}");
    }
}

#[test]
fn a_guest_does_not_frame_its_response() {
    let server = Serve::lab_with("").start();
    let mut client = server.connect();
    for _ in 0..2 {
        let response = client.get("/framing");
        assert_eq!(response.text(), "framed by the host\n");
        assert_eq!(response.header("transfer-encoding"), None);
        assert_eq!(response.header("connection"), None);
        assert!(
            response
                .header("date")
                .is_some_and(|date| date != "yesterday")
        );
    }
}
