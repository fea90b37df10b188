//! Where a listener can be reached.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use crate::apps;
use crate::client::Client;
use crate::server::{Serve, eventually};

fn manifest(listen: &[&str]) -> String {
    let listeners = listen.iter().map(|addr| {
        format!("[[serve]]\nlisten = \"{addr}\"\n[serve.routes]\n\"GET /\" = \"hello#index\"\n")
    });
    "[log]\naccess = true\n".to_owned() + &listeners.collect::<String>()
}

#[test]
fn the_unspecified_address_of_ipv6_takes_ipv4_too() {
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        eprintln!("skipped: there is no IPv6");
        return;
    }
    let server = Serve::app(apps::hello())
        .manifest(&manifest(&["[::]:0"]))
        .start();
    let port = server.addr().port();
    for ip in [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()] {
        let mut client = Client::connect(SocketAddr::new(ip, port));
        assert_eq!(client.get("/").status, 200, "{ip}");
    }
    let mut lines = Vec::new();
    assert!(eventually(|| {
        lines.extend(server.printed());
        lines.len() == 2
    }));
    // As it is, and not mapped into IPv6.
    assert!(lines[0].contains(" 127.0.0.1:"), "{lines:?}");
    assert!(lines[1].contains(" [::1]:"), "{lines:?}");
}

#[test]
fn it_leaves_ipv4_to_a_listener_that_has_it() {
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        eprintln!("skipped: there is no IPv6");
        return;
    }
    let free = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    for [one, other] in [["[::]", "0.0.0.0"], ["0.0.0.0", "[::]"]] {
        let listen = [format!("{one}:{port}"), format!("{other}:{port}")];
        let _server = Serve::app(apps::hello())
            .manifest(&manifest(&[&listen[0], &listen[1]]))
            .start();
        for ip in [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()] {
            let mut client = Client::connect(SocketAddr::new(ip, port));
            assert_eq!(client.get("/").status, 200, "{ip}");
        }
    }
}
