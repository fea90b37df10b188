//! Other people's peers. `make test` installs them.

use std::path::Path;
use std::process::Command;
use std::rc::Rc;

use rusm_uring_net::Driver;
use rusm_uring_net::websocket::{HandshakeRules, Settings};

use crate::harness::{Server, settings};
use crate::peers::{Echo, accept_by};

/// The cases of the Autobahn test suite, but for those of compression. Each has to pass
/// strictly.
#[test]
fn autobahn() {
    let server = echo(Driver::Uring);
    assert_eq!(python("autobahn.py", &server), "all cases passed\n");
}

#[test]
fn autobahn_over_epoll() {
    let server = echo(Driver::Epoll);
    assert_eq!(python("autobahn.py", &server), "all cases passed\n");
}

#[test]
fn python_websockets() {
    let server = echo(Driver::Uring);
    assert_eq!(python("websockets_client.py", &server), "ok\n");
}

#[test]
fn python_aiohttp() {
    let server = echo(Driver::Uring);
    assert_eq!(python("aiohttp_client.py", &server), "ok\n");
}

fn echo(driver: Driver) -> Server {
    Server::on(driver, settings(), || {
        let protocols = ["chat.v2".to_owned(), "chat.v1".into()];
        let rules = Rc::new(Settings {
            max_message: 32 << 20,
            max_frame: 32 << 20,
            ..Settings::default()
        });
        move |request| {
            let handshake = HandshakeRules {
                protocols: &protocols,
                allowed_origins: None,
            };
            accept_by(request, handshake, &rules, Echo::default())
        }
    })
}

fn python(client: &str, server: &Server) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let python = root.join("target/test-venv/bin/python");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/server/clients");
    let output = Command::new(&python)
        .arg(script.join(client))
        .arg(server.addr().port().to_string())
        .output()
        .unwrap_or_else(|error| {
            panic!("{}: {error}: scripts/setup-test-tools.sh", python.display())
        });
    let said = String::from_utf8_lossy(&output.stderr);
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{client}: {}: {printed}{said}",
        output.status
    );
    printed.into_owned()
}
