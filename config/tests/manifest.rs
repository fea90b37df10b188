//! What a manifest turns into, when it is right.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail loudly"
)]

mod support;

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use rusm_config::{
    Admin, AdminAddr, App, Capabilities, CertificateFiles, Component, CoreId, Cores, Intensity,
    Limits, Log, LogFormat, LogLevel, Lookup, Mailbox, Network, Node, Preopen, Protocol, Resident,
    WebSocketSettings,
};

fn app(text: &str) -> App {
    assert_eq!(support::objections(text), Some(vec![]), "{text}");
    rusm_config::parse("rusm.toml", text).unwrap_or_else(|error| panic!("{error}"))
}

fn capabilities(text: &str) -> Capabilities {
    let app = app(&format!("[components.c]\ncapability = 'p'\n{text}"));
    app.components["c"].capabilities.clone()
}

#[test]
fn an_empty_manifest_is_all_defaults() {
    let app = app("");
    assert_eq!(app.node, Node::default());
    assert_eq!(app.log, Log::default());
    assert_eq!(app.admin, None);
    assert!(app.listeners.is_empty() && app.components.is_empty());
    assert_eq!(app.node.instances_per_core, 256);
    assert_eq!(app.node.spawned_per_core, 64);
    assert_eq!(app.node.held_per_core, 128);
    assert_eq!(app.node.store, None);
    assert_eq!(app.node.pool_wait, Duration::from_secs(1));
    assert_eq!(app.node.shutdown_grace, Duration::from_secs(10));
    assert_eq!((app.log.level, app.log.access), (LogLevel::Info, false));
}

#[test]
fn the_files_of_tls_are_read() {
    let tls = |keys: &str| {
        let listener = "[[serve]]\nlisten = '127.0.0.1:1'\ncomponent = 'c'\n";
        app(&format!("{listener}{keys}")).listeners[0].tls.clone()
    };
    assert_eq!(tls(""), None);
    let files = |cert: &str, key: &str| CertificateFiles {
        cert: cert.into(),
        key: key.into(),
    };
    let of = tls(
        "[serve.tls]\ncert = 'a'\nkey = '/b'\nadditional = [{ cert = 'c', key = 'd' }]\nclient-ca = 'e'",
    );
    let of = of.unwrap();
    assert_eq!(of.certificates, [files("a", "/b"), files("c", "d")]);
    let clients = of.clients.unwrap();
    assert_eq!(
        (clients.ca.to_str(), clients.is_optional),
        (Some("e"), false)
    );
}

#[test]
fn the_node_and_the_log_are_read() {
    let app = app("
        [node]
        cores = 4
        instances-per-core = 1_000
        spawned-per-core = 900
        held-per-core = 1_000
        pool-wait-ms = 0
        body-memory-per-core = '64MiB'
        process-memory = '2GiB'
        shutdown-grace-s = 3
        store = 'state/data.redb'
        [log]
        level = 'debug'
        format = 'json'
        access = true
    ");
    let node = Node {
        cores: Some("4".parse().unwrap()),
        instances_per_core: 1000,
        spawned_per_core: 900,
        held_per_core: 1000,
        pool_wait: Duration::ZERO,
        body_memory_per_core: 64 << 20,
        process_memory: Some(2 << 30),
        shutdown_grace: Duration::from_secs(3),
        store: Some("state/data.redb".into()),
    };
    let log = Log {
        level: LogLevel::Debug,
        format: LogFormat::Json,
        access: true,
    };
    assert_eq!((app.node, app.log), (node, log));
}

#[test]
fn guests_may_spawn_a_quarter_of_the_instances_unless_the_node_says_otherwise() {
    let spawned = |text: &str| app(&format!("[node]\n{text}")).node.spawned_per_core;
    assert_eq!(spawned("instances-per-core = 1_001"), 250);
    assert_eq!(spawned("instances-per-core = 1"), 1);
    assert_eq!(spawned("instances-per-core = 9\nspawned-per-core = 9"), 9);
}

#[test]
fn connections_may_hold_half_of_the_instances_unless_the_node_says_otherwise() {
    let quota = |text: &str| app(&format!("[node]\n{text}")).node.held_per_core;
    assert_eq!(quota("instances-per-core = 1_001"), 500);
    assert_eq!(quota("instances-per-core = 1"), 1);
    assert_eq!(quota("held-per-core = 200"), 200);
}

#[test]
fn cores_have_three_forms() {
    let cores = |text: &str| app(&format!("[node]\ncores = {text}")).node.cores.unwrap();
    assert_eq!(cores("2"), "2".parse().unwrap());
    assert_eq!(cores("[0, 2]"), Cores::List(vec![CoreId(0), CoreId(2)]));
    assert_eq!(cores("'0,2-3'"), "0,2-3".parse().unwrap());
    assert_eq!(cores("[1]"), "1-1".parse().unwrap());
}

#[test]
fn a_listener_has_its_own_target_headers_and_limits() {
    let app = app("
        [[serve]]
        protocol = 'http'
        listen = '127.0.0.1:8080'
        max-request-line = '4KiB'
        max-header-bytes = 1000
        max-headers = 7
        max-body = '2 MB'
        header-timeout-ms = 1
        body-timeout-ms = 2
        idle-timeout-ms = 3
        write-timeout-ms = 4
        request-timeout-ms = 5
        max-connections = 6
        [serve.routes]
        'GET /users/:id' = 'hello#get_user'
        'GET  /raw/*' = 'raw'
        [serve.headers]
        X-Frame-Options = 'DENY'
        a = ''

        [[serve]]
        listen = '[::]:0'
        component = 'other'
        [[serve]]
        listen = '[::]:0'
        component = 'other'
    ");
    let [first, second, third] = &app.listeners[..] else {
        panic!("{app:?}");
    };
    let limits = Limits {
        max_request_line: 4096,
        max_header_bytes: 1000,
        max_headers: 7,
        max_body: 2_000_000,
        header_timeout: Duration::from_millis(1),
        body_timeout: Duration::from_millis(2),
        idle_timeout: Duration::from_millis(3),
        write_timeout: Duration::from_millis(4),
        request_timeout: Duration::from_millis(5),
        max_connections: 6,
    };
    assert_eq!(first.limits, limits);
    assert_eq!(second.limits, Limits::default());
    assert_eq!(first.addr.to_string(), "127.0.0.1:8080");
    assert_eq!(second.addr, third.addr);
    // In the order of the file, names in lower case.
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        first.headers,
        [header("x-frame-options", "DENY"), header("a", "")]
    );
    // A whole component, for every method and path.
    for method in ["GET", "DELETE"] {
        let Lookup::Found(found) = second.routes.lookup(method, "/any/path") else {
            panic!();
        };
        let route = &second.routes.routes()[found.route.index()];
        assert_eq!((route.component.as_str(), &*route.method), ("other", "*"));
    }

    let table = &first.routes;
    let Lookup::Found(found) = table.lookup("GET", "/users/a%20b") else {
        panic!();
    };
    assert_eq!(found.params.get("id"), Some("a b"));
    let route = &table.routes()[found.route.index()];
    assert_eq!((&*route.method, &*route.pattern), ("GET", "/users/:id"));
    assert_eq!(route.component.as_str(), "hello");
    assert_eq!(route.action.as_ref().unwrap().as_str(), "get-user");
    assert_eq!(table.routes()[1].pattern, "/raw/*");
    assert_eq!(table.routes()[1].action, None);
}

#[test]
fn a_listener_of_each_protocol() {
    let app = app("
        [[serve]]
        listen = '127.0.0.1:1'
        max-message = '2KiB'
        routes = { 'GET /' = 'page#index', 'GET /room' = 'room' }
        [[serve]]
        protocol = 'sse'
        listen = '127.0.0.1:2'
        routes = { 'GET /' = 'feed#index', 'POST /' = 'feed#post' }
        [[serve]]
        protocol = 'ws'
        listen = '127.0.0.1:3'
        routes = { 'GET /:room' = 'room' }
        [[serve]]
        protocol = 'ws'
        listen = '127.0.0.1:4'
        component = 'echo'
        [[serve]]
        protocol = 'sse'
        listen = '127.0.0.1:5'
        component = 'ticker'
        ping-interval-ms = 5000
    ");
    let seen: Vec<_> = (app.listeners.iter())
        .map(|listener| (listener.protocol, listener.routes.routes().len()))
        .collect();
    let expected = [
        (Protocol::Http, 2),
        (Protocol::Sse, 2),
        (Protocol::Ws, 1),
        (Protocol::Ws, 1),
        (Protocol::Sse, 1),
    ];
    assert_eq!(seen, expected);
    assert_eq!(app.listeners[0].websocket.max_message, 2048);
    assert_eq!(app.listeners[1].websocket, WebSocketSettings::default());
    assert!(app.components.contains_key("echo"));

    let echo = &app.listeners[3].routes;
    for path in ["/", "/a", "/a//b/"] {
        let Lookup::Found(found) = echo.lookup("GET", path) else {
            panic!("{path}");
        };
        let route = &echo.routes()[found.route.index()];
        assert_eq!((route.component.as_str(), &route.action), ("echo", &None));
        assert_eq!(found.params.get("*"), path.strip_prefix('/'));
    }
    let allow = "GET, HEAD".to_owned();
    assert_eq!(echo.lookup("POST", "/"), Lookup::MethodNotAllowed { allow });
    let interval = app.listeners[4].websocket.ping_interval;
    assert_eq!(interval, Some(Duration::from_secs(5)));
}

#[test]
fn a_route_of_any_method_gives_way_to_one_of_the_method() {
    let app = app("
        [[serve]]
        listen = '127.0.0.1:1'
        routes = { 'GET /a/:x' = 'page#index', '* /a/b' = 'stock', '* /other' = 'page#any' }
    ");
    let answers = |method: &str, path: &str| match app.listeners[0].routes.lookup(method, path) {
        Lookup::Found(found) => {
            let route = &app.listeners[0].routes.routes()[found.route.index()];
            route.component.as_str().to_owned()
        }
        other => format!("{other:?}"),
    };
    assert_eq!(answers("GET", "/a/b"), "page");
    assert_eq!(answers("HEAD", "/a/b"), "page");
    assert_eq!(answers("POST", "/a/b"), "stock");
    assert_eq!(answers("BREW", "/other"), "page");
    assert_eq!(answers("BREW", "/"), "NotFound");
    assert!(answers("POST", "/a/c").starts_with("MethodNotAllowed"));
}

#[test]
fn websockets_have_settings() {
    let settings = |keys: &str| {
        let serve = "[[serve]]\nprotocol = 'ws'\nlisten = '[::]:1'\ncomponent = 'room'";
        app(&format!("{serve}\n{keys}")).listeners[0]
            .websocket
            .clone()
    };
    let default = WebSocketSettings {
        allowed_origins: None,
        subprotocols: vec![],
        max_message: 1 << 20,
        ping_interval: Some(Duration::from_secs(30)),
        ping_timeout: Duration::from_secs(20),
        close_timeout: Duration::from_secs(5),
    };
    assert_eq!(settings(""), default);
    let given = settings(
        "
        allowed-origins = ['https://Example.com:443', 'http://localhost:3000']
        subprotocols = ['chat.v2', 'chat.v1']
        max-message = '64KiB'
        ping-interval-ms = 1
        ping-timeout-ms = 2
        close-timeout-ms = 3
        ",
    );
    let list = |items: [&str; 2]| items.map(str::to_owned).to_vec();
    assert_eq!(
        given,
        WebSocketSettings {
            allowed_origins: Some(list(["https://example.com", "http://localhost:3000"])),
            subprotocols: list(["chat.v2", "chat.v1"]),
            max_message: 64 << 10,
            ping_interval: Some(Duration::from_millis(1)),
            ping_timeout: Duration::from_millis(2),
            close_timeout: Duration::from_millis(3),
        }
    );
    // No other origin, which is not any origin.
    let own = settings("allowed-origins = []").allowed_origins;
    assert_eq!(own, Some(vec![]));
    assert_eq!(settings("ping-interval-ms = 0").ping_interval, None);
}

#[test]
fn components_are_those_that_are_declared_and_those_that_are_named() {
    let app = app("
        [components.declared]
        capability = 'trusted'
        resident = true
        [components.plain]
        [[serve]]
        listen = '127.0.0.1:1'
        component = 'whole'
        [[serve]]
        listen = '127.0.0.1:2'
        routes = { 'GET /' = 'routed#a', 'GET /d' = 'declared' }
    ");
    let seen: Vec<_> = (app.components.iter())
        .map(|(name, component)| {
            let profile = component.capabilities.profile.as_str();
            (
                name.as_str(),
                profile,
                component.declared,
                component.resident.is_some(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("declared", "trusted", true, true),
            ("plain", "sandboxed", true, false),
            ("routed", "sandboxed", false, false),
            ("whole", "sandboxed", false, false),
        ]
    );
}

#[test]
fn a_component_has_a_mailbox_and_a_service_has_restarts() {
    let app = app("
        [components.bounded]
        resident = false
        mailbox-messages = 7
        mailbox-kb = 3
        [components.plain]
        [components.service]
        resident = true
        [components.pinned]
        resident = true
        shard = 3
        max-restarts = 0
        restart-window-s = 60
    ");
    let bounded = Component {
        mailbox: Mailbox {
            messages: 7,
            bytes: 3 << 10,
        },
        declared: true,
        ..Component::default()
    };
    assert_eq!(app.components["bounded"], bounded);
    let mailbox = app.components["plain"].mailbox;
    assert_eq!((mailbox.messages, mailbox.bytes), (10_000, 16 << 20));
    let resident = |name: &str| app.components[name].resident.clone();
    let service = Resident {
        shard: None,
        intensity: None,
    };
    let pinned = Resident {
        shard: Some(3),
        intensity: Some(Intensity {
            restarts: 0,
            within: Duration::from_secs(60),
        }),
    };
    assert_eq!(resident("plain"), None);
    assert_eq!(resident("service"), Some(service));
    assert_eq!(resident("pinned"), Some(pinned));
}

#[test]
fn an_app_may_be_services_alone() {
    let app = app("[components.clock]\nresident = true");
    assert!(app.listeners.is_empty());
    assert!(app.components["clock"].resident.is_some());
}

#[test]
fn storage_needs_a_store_where_the_app_itself_grants_it_to_a_component() {
    let storage = |text: &str| app(text).components["c"].capabilities.storage;
    let uses = "[components.c]\ncapability = 'p'\n";
    let grants = "[capabilities.p]\nallow-storage = true\n";
    assert!(storage(&format!("{uses}{grants}[node]\nstore = 'd'")));
    // A built-in profile grants it with all the rest, also to those that inherit that.
    assert!(storage("[components.c]\ncapability = 'trusted'"));
    assert!(storage(&format!(
        "{uses}[capabilities.p]\ninherits = 'trusted'"
    )));
    // It was granted, and is taken back.
    assert!(!storage(
        "[components.c]\ncapability = 'q'\n[capabilities.p]\nallow-storage = true\n\
         [capabilities.q]\ninherits = 'p'\nallow-storage = false"
    ));
    // Nobody uses the profile.
    assert!(!storage(&format!("[components.c]\n{grants}")));
}

#[test]
fn the_built_in_profiles_grant_what_their_names_say() {
    let profile = |name: &str| {
        let app = app(&format!("[components.c]\ncapability = '{name}'"));
        app.components["c"].capabilities.clone()
    };
    let sandboxed = profile("sandboxed");
    assert_eq!(sandboxed, Capabilities::default());
    assert_eq!(sandboxed.max_memory, 64 << 20);
    assert!(sandboxed.network == Network::Denied && !sandboxed.spawn && !sandboxed.process_control);
    assert!(!sandboxed.stdio && !sandboxed.storage);
    assert!(sandboxed.env.is_empty() && sandboxed.preopens.is_empty());
    assert_eq!(
        profile("network-client"),
        Capabilities {
            profile: "network-client".to_owned(),
            network: Network::Any,
            ..sandboxed.clone()
        }
    );
    assert_eq!(
        profile("trusted"),
        Capabilities {
            profile: "trusted".to_owned(),
            network: Network::Any,
            spawn: true,
            process_control: true,
            stdio: true,
            storage: true,
            ..sandboxed
        }
    );
}

#[test]
fn a_profile_overrides_what_it_inherits() {
    let resolved = capabilities(
        "
        [capabilities.p]
        inherits = 'z'
        allow-network = false
        env = { A = 'own', B = '$B' }
        [capabilities.z]
        inherits = 'trusted'
        max-memory-mb = 128
        allow-stdio = false
        preopen = ['/srv', { host = 'data', guest = '/data', mode = 'read-write' }]
        env = { A = 'inherited', C = 'c' }
        ",
    );
    let preopen = |host: &str, guest: &str, writable| Preopen {
        host: host.into(),
        guest: guest.to_owned(),
        writable,
    };
    let env = [("A", "own"), ("B", "$B"), ("C", "c")];
    assert_eq!(
        resolved,
        Capabilities {
            profile: "p".to_owned(),
            network: Network::Denied,
            spawn: true,
            process_control: true,
            stdio: false,
            storage: true,
            max_memory: 128 << 20,
            env: env.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            preopens: vec![
                preopen("/srv", "/srv", false),
                preopen("data", "/data", true)
            ],
        }
    );
}

#[test]
fn a_profile_inherits_sandboxed_unless_it_says_otherwise() {
    let resolved = capabilities("[capabilities.p]\nallow-network = true");
    assert_eq!(
        resolved,
        Capabilities {
            profile: "p".to_owned(),
            network: Network::Any,
            ..Capabilities::default()
        }
    );
    assert_eq!(
        capabilities("[capabilities.p]\npreopen = [{ host = '/srv/' }]").preopens[0].guest,
        "/srv/"
    );
}

#[test]
fn load_reads_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rusm.toml");
    std::fs::write(&path, "[node]\ncores = 2").unwrap();
    assert!(load(&path).unwrap().node.cores.is_some());

    std::fs::write(&path, b"\xff").unwrap();
    let error = load(&path).unwrap_err();
    let cause = error.source().unwrap().to_string();
    assert!(cause.contains("UTF-8"), "{cause}");

    let error = load(Path::new("no/such/rusm.toml")).unwrap_err();
    assert_eq!(error.to_string(), "cannot read no/such/rusm.toml");
    let cause = error.source().unwrap().to_string();
    assert!(cause.starts_with("No such file"), "{cause}");
    assert!(miette::Diagnostic::help(&error).is_some());
}

#[test]
fn the_admin_listener_is_read() {
    let admin = |text: &str| app(&format!("[admin]\n{text}")).admin.unwrap();
    for addr in [
        "127.0.0.1:9090",
        "127.8.0.1:0",
        "[::1]:9090",
        "[::ffff:127.0.0.1]:1",
    ] {
        let expected = Admin {
            listen: AdminAddr::Tcp(addr.parse().unwrap()),
            key: None,
        };
        assert_eq!(admin(&format!("listen = '{addr}'")), expected);
    }
    let public = admin("listen = '0.0.0.0:9090'\nkey = 'admin.key'");
    assert_eq!(public.key.as_deref(), Some(Path::new("admin.key")));
    let unix = admin("listen = 'unix:/run/rusm/admin.sock'");
    assert_eq!(unix.listen, AdminAddr::Unix("/run/rusm/admin.sock".into()));
}

fn load(path: &Path) -> Result<App, rusm_config::ConfigError> {
    let dir = path.parent().unwrap().to_owned();
    rusm_config::load(path, &[], &rusm_config::Environment { dir })
}
