//! What the admin listener counts.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use libc::SIGTERM;

use crate::admin::{ADMIN, admin, ask};
use crate::apps;
use crate::client::{get, request};
use crate::clients;
use crate::server::{Serve, Server, eventually, two_cores};
use crate::websocket::Socket;

/// The samples of a scrape, by name and labels as they are written. Anything else than the format is rejected.
fn scrape(addr: SocketAddr) -> BTreeMap<String, f64> {
    let response = ask(addr, "/metrics");
    assert_eq!(response.status, 200);
    let mut samples = BTreeMap::new();
    let mut typed = String::new();
    for line in response.text().lines() {
        if let Some(metric) = line.strip_prefix("# TYPE ") {
            typed = metric.split_once(' ').expect(line).0.to_owned();
        } else if !line.starts_with("# HELP ") {
            assert!(line.starts_with(&typed), "{line} after {typed}");
            let (name, value) = line.rsplit_once(' ').expect(line);
            let value: f64 = value.parse().expect(line);
            assert!(
                samples.insert(name.to_owned(), value).is_none(),
                "twice: {line}"
            );
        }
    }
    samples
}

/// The number of requests with these labels.
fn requests(samples: &BTreeMap<String, f64>, route: &str, method: &str, class: &str) -> f64 {
    let labels = format!(
        "http_route=\"{route}\",http_request_method=\"{method}\",http_response_status_class=\"{class}\"}}"
    );
    let of_it = samples.iter().filter(|(name, _)| {
        name.starts_with("http_server_request_duration_seconds_count{") && name.ends_with(&labels)
    });
    of_it.map(|(_, value)| value).sum()
}

fn value(samples: &BTreeMap<String, f64>, name: &str) -> f64 {
    *samples
        .get(name)
        .unwrap_or_else(|| panic!("no {name} in {samples:#?}"))
}

/// Wait until a scrape is as wanted: a request is counted when its last byte was written, and its client may be
/// quicker.
#[track_caller]
fn becomes(
    addr: SocketAddr,
    wanted: impl Fn(&BTreeMap<String, f64>) -> bool,
) -> BTreeMap<String, f64> {
    let mut last = BTreeMap::new();
    let is_so = eventually(|| {
        last = scrape(addr);
        wanted(&last)
    });
    assert!(is_so, "{last:#?}");
    last
}

fn serve(app: &std::path::Path, change: impl FnOnce(String) -> String) -> Serve {
    let manifest = std::fs::read_to_string(app.join("rusm.toml")).unwrap();
    let manifest = manifest
        .replace("127.0.0.1:8080", "127.0.0.1:0")
        .replace("127.0.0.1:8082", "127.0.0.1:0");
    Serve::app(app).manifest(&change(format!("{ADMIN}{manifest}")))
}

fn get_each(server: &Server, targets: &[(&str, u16)]) {
    for (target, status) in targets {
        assert_eq!(server.connect().get(target).status, *status, "{target}");
    }
}

#[test]
fn requests_are_counted_by_route_method_and_class_and_no_client_adds_a_series() {
    let server = serve(apps::hello(), |manifest| {
        manifest.replace(
            "127.0.0.1:0\"\n\n# Method",
            "127.0.0.1:0\"\nrequest-timeout-ms = 300\n\n# Method",
        )
    })
    .start();
    let addr = admin(&server);
    for user in ["1", "2%22x", "%0A"] {
        get_each(&server, &[(&format!("/users/{user}"), 200)]);
    }
    get_each(
        &server,
        &[
            ("/nowhere", 404),
            ("/elsewhere", 404),
            ("/boom", 500),
            ("/spin", 504),
        ],
    );
    for method in ["BREW", "LINK"] {
        let status = server
            .connect()
            .send(request(method, "/", "", ""))
            .response()
            .status;
        assert_eq!(status, 405);
    }
    assert_eq!(server.connect().send("\0\r\n\r\n").response().status, 400);
    let body = request("POST", "/echo", "Content-Length: 2\r\n", "hi");
    assert_eq!(server.connect().send(body).response().status, 200);

    let samples = becomes(addr, |samples| {
        requests(samples, "/echo", "POST", "2xx") == 1.0
    });
    for (route, method, class, count) in [
        ("/users/:id", "GET", "2xx", 3.0),
        ("", "GET", "4xx", 2.0),
        ("/boom", "GET", "5xx", 1.0),
        ("/spin", "GET", "5xx", 1.0),
        ("", "_OTHER", "4xx", 3.0),
    ] {
        assert_eq!(
            requests(&samples, route, method, class),
            count,
            "{route} {method} {class}"
        );
    }
    for (kind, count) in [
        ("trap", 1.0),
        ("timeout", 1.0),
        ("memory", 0.0),
        ("stack", 0.0),
    ] {
        let name = format!("rusm_process_failures_total{{kind=\"{kind}\"}}");
        assert_eq!(value(&samples, &name), count, "{kind}");
    }
    assert_eq!(value(&samples, "rusm_connections_accepted_total"), 11.0);
    // The time limit is 300 ms.
    let spin = |bound: &str| {
        let name = format!(
            "http_server_request_duration_seconds_bucket{{listener=\"{}\",http_route=\"/spin\",http_request_method=\"GET\",\
             http_response_status_class=\"5xx\",le=\"{bound}\"}}",
            server.addr()
        );
        value(&samples, &name)
    };
    assert_eq!((spin("0.25"), spin("+Inf")), (0.0, 1.0));
    let made = value(&samples, "rusm_instances_made_total");
    let reused = value(&samples, "rusm_instances_reused_total");
    assert_eq!(
        made + reused,
        6.0,
        "{made} and {reused}: one for each request that a guest answered"
    );
    let port = addr.port().to_string();
    clients::python("metrics.py", &server, &[&port]);
}

#[test]
fn requests_that_find_no_room_are_counted_by_the_limit() {
    let server = serve(apps::hello(), |manifest| {
        let limits = "[node]\ninstances-per-core = 1\npool-wait-ms = 0\n";
        let manifest = manifest.replace("[serve.routes]", "max-connections = 3\n[serve.routes]");
        format!("{limits}{manifest}")
    })
    .start();
    let addr = admin(&server);
    let (mut spinning, mut other) = (server.connect(), server.connect());
    spinning.send(get("/spin"));
    server.has_read(&spinning);
    let samples = becomes(addr, |samples| {
        value(samples, "rusm_pool_instances_in_use") == 1.0
    });
    let active = format!(
        "http_server_active_requests{{listener=\"{}\"}}",
        server.addr()
    );
    assert_eq!(value(&samples, &active), 1.0);
    for _ in 0..2 {
        assert_eq!(other.get("/").status, 503);
    }
    let _third = server.connect().get("/nowhere");
    // The one before may still be counted.
    let mut third = server.connect();
    assert!(eventually(|| {
        let is_admitted = third.try_get("/nowhere") == Some(404);
        if !is_admitted {
            third = server.connect();
        }
        is_admitted
    }));
    assert!(eventually(|| server.connect().response().status == 503));
    let rejected = |samples: &BTreeMap<String, f64>, reason: &str| {
        value(
            samples,
            &format!("rusm_refused_total{{reason=\"{reason}\"}}"),
        )
    };
    let samples = becomes(addr, |samples| rejected(samples, "max_connections") >= 1.0);
    assert_eq!(rejected(&samples, "pool_full"), 2.0);
    assert_eq!(requests(&samples, "/", "GET", "5xx"), 2.0);
    assert_eq!(spinning.response().status, 504);
    becomes(addr, |samples| value(samples, &active) == 0.0);
}

#[test]
fn clients_that_stay_are_counted_while_they_do() {
    let server = serve(apps::chat(), |manifest| manifest).start();
    let addr = admin(&server);
    let labels = format!("{{listener=\"{}\"}}", server.addr());
    let (open, active) = (
        format!("rusm_websockets_open{labels}"),
        format!("http_server_active_requests{labels}"),
    );
    let mut socket = Socket::open(&server, "/echo");
    assert_eq!(socket.ask("hello"), "hello");
    let mut events = server.connect();
    assert_eq!(events.send(get("/feed/one")).head().status, 200);
    let samples = becomes(addr, |samples| {
        (value(samples, &open), value(samples, &active)) == (1.0, 1.0)
    });
    assert_eq!(
        requests(&samples, "/echo", "GET", "1xx"),
        1.0,
        "the handshake"
    );
    assert_eq!(value(&samples, "rusm_pool_held_in_use"), 2.0);
    drop((socket, events));
    let samples = becomes(addr, |samples| {
        (value(samples, &open), value(samples, &active)) == (0.0, 0.0)
    });
    assert_eq!(requests(&samples, "/feed/:room", "GET", "2xx"), 1.0);
    becomes(addr, |samples| {
        value(samples, "rusm_connections_open") == 0.0
    });
}

#[test]
fn shards_are_summed_and_services_named() {
    let mut server = Serve::actors(|manifest| format!("{ADMIN}{manifest}"))
        .args(["--cores", &two_cores()])
        .start();
    let addr = admin(&server);
    for _ in 0..20 {
        get_each(&server, &[("/echo/x", 200)]);
    }
    let samples = becomes(addr, |samples| {
        requests(samples, "/echo/:text", "GET", "2xx") == 20.0
    });
    let by_shard = samples
        .iter()
        .filter(|(name, _)| name.starts_with("rusm_shard_requests_total{"));
    assert_eq!(by_shard.map(|(_, count)| count).sum::<f64>(), 20.0);
    assert_eq!(value(&samples, "rusm_service_up{service=\"subject\"}"), 1.0);
    assert_eq!(
        value(
            &samples,
            "rusm_service_mailbox_messages{service=\"subject\"}"
        ),
        0.0
    );

    get_each(&server, &[("/kill", 200)]);
    let restarts = "rusm_service_restarts_total{service=\"subject\"}";
    becomes(addr, |samples| value(samples, restarts) == 1.0);
    let list = |path: &str| {
        let response = ask(addr, path);
        assert_eq!(response.header("content-type"), Some("application/json"));
        serde_json::from_str::<serde_json::Value>(&response.text()).unwrap()
    };
    let services = list("/services");
    let subject = services["services"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == "subject")
        .unwrap();
    assert_eq!(
        (&subject["state"], &subject["restarts"]),
        (&"up".into(), &1.into())
    );
    assert_eq!(subject["process"]["names"][0], "subject");
    let processes = list("/processes");
    assert_eq!(processes["omitted"], 0);
    let listed = processes["processes"].as_array().unwrap();
    assert_eq!(processes["total"], listed.len());
    assert!(
        listed.iter().any(|one| one["label"] == "relay"),
        "{processes}"
    );

    server.signal(SIGTERM);
    assert_eq!(server.wait().and_then(|status| status.code()), Some(0));
}

#[test]
fn commits_of_the_store_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("data.redb");
    let server = serve(apps::counter(), |manifest| {
        manifest.replace(
            "store = \"data.redb\"",
            &format!("store = \"{}\"", store.display()),
        )
    });
    let server = server.args(["--listen", "127.0.0.1:0"]).start();
    let samples = scrape(admin(&server));
    assert_eq!(value(&samples, "rusm_store_commits_failed_total"), 0.0);
    assert!(
        samples.contains_key("rusm_store_commit_duration_seconds_bucket{le=\"+Inf\"}"),
        "{samples:#?}"
    );
}
