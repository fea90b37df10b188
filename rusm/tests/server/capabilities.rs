//! What a component may do is what its profile grants: a guest that tries everything, without any
//! grant, and with each by itself.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::apps;
use crate::server::{Serve, Server, eventually};

#[test]
fn a_sandboxed_component_gets_nothing() {
    let (peer, visits) = peer(Speaks::First);
    let (web, requests) = peer_of_http();
    let escaped = Path::new("/tmp/from-a-guest");
    let _ = fs::remove_file(escaped);
    // Whether it says so, or says nothing.
    for profile in ["sandboxed", "granted"] {
        let server = serve_as(profile, "");
        let found = probe(&server, "surroundings");
        for line in [
            "env: ok []",
            "args: ok []",
            "cwd: ok None",
            "directories: ok []",
            "stdin: ok 0",
        ] {
            assert_eq!(
                found.of(line.split(": ").next().unwrap()),
                line.split_once(": ").unwrap().1
            );
        }
        for file in ["root", "passwd", "environ", "write"] {
            found.is_error(file, "");
        }
        assert!(!escaped.exists());
        found_nothing_of_the_network(&server, peer, web);
        let found = probe(&server, "open?/etc/passwd");
        found.is_error("open", "");
        let found = probe(&server, "memory?65");
        found.is_error("memory", "");
        assert_eq!(probe(&server, "memory?50").of("memory"), "ok 50");
        is_logged_not_printed(&server);
    }
    assert_eq!(visits.load(Ordering::Relaxed), 0);
    assert_eq!(requests.load(Ordering::Relaxed), 0);
}

#[test]
fn clocks_and_randomness_are_for_all() {
    let server = serve("");
    let found = probe(&server, "clocks");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.unwrap().as_secs();
    assert!(found.number("wall").abs_diff(now) < 600);
    assert!(found.number("slept") >= 20);
    let other = probe(&server, "clocks");
    for source in ["random", "insecure"] {
        assert_ne!(found.of(source), other.of(source));
    }
    assert_ne!(found.of("random"), format!("ok {:?}", [0; 16]));
}

#[test]
fn the_environment_is_the_profiles() {
    let server = serve("env = { LAB = \"open\", EMPTY = \"\" }");
    let found = probe(&server, "surroundings");
    assert_eq!(
        found.of("env"),
        "ok [(\"EMPTY\", \"\"), (\"LAB\", \"open\")]"
    );
    assert_eq!(found.of("directories"), "ok []");
    assert_eq!(found.of("args"), "ok []");
}

#[test]
fn the_network_is_open_to_who_may_use_it() {
    let (peer, visits) = peer(Speaks::First);
    let (web, requests) = peer_of_http();
    let server = serve("allow-network = true");
    let found = probe(&server, &format!("network?{peer}"));
    assert_eq!(found.of("tcp"), "ok \"hi\"");
    for what in ["listen", "udp", "lookup"] {
        assert!(
            found.of(what).starts_with("ok "),
            "{what}: {}",
            found.of(what)
        );
    }
    assert_eq!(found.of("udp-send"), "ok 3");
    let found = probe(&server, &format!("fetch?{web}/page?a=1"));
    assert_eq!(found.of("fetch"), "ok (200, \"GET /page?a=1\")");
    assert_eq!(visits.load(Ordering::Relaxed), 1);
    assert_eq!(requests.load(Ordering::Relaxed), 1);
    assert_eq!(probe(&server, "surroundings").of("directories"), "ok []");

    // What goes wrong out there is the guest's to read, and not its end.
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let found = probe(&server, &format!("fetch?{closed}/"));
    found.is_error("fetch", "ConnectionRefused");
    let found = probe(&server, &format!("fetch-tls?{web}/"));
    found.is_error("fetch-tls", "Tls");
    let found = probe(&server, "fetch?nowhere.invalid/");
    found.is_error("fetch", "DnsError");
}

#[test]
fn a_list_of_hosts_lets_requests_to_these_alone_through() {
    let (peer, visits) = peer(Speaks::First);
    let (web, requests) = peer_of_http();
    let (other, others) = peer_of_http();
    let port = web.port();
    let server = serve(&format!(
        "allow-network = [\"127.0.0.1:{port}\", \"example.com\"]"
    ));
    let found = probe(&server, &format!("fetch?{web}/page"));
    assert_eq!(found.of("fetch"), "ok (200, \"GET /page\")");
    for target in [
        format!("{other}/"),
        format!("localhost:{port}/"),
        format!("127.0.0.2:{port}/"),
        format!("[::1]:{port}/"),
        "127.0.0.1/".to_owned(),
        "example.org/".to_owned(),
        format!("127.0.0.1.example.org:{port}/"),
    ] {
        let found = probe(&server, &format!("fetch?{target}"));
        found.is_error("fetch", "HttpRequestDenied");
    }
    // Hosts are of requests: a list opens no sockets.
    let found = probe(&server, &format!("network?{web}"));
    for what in ["tcp", "listen", "udp", "udp-send", "lookup"] {
        found.is_error(what, "");
    }
    let found = probe(&server, &format!("network?{peer}"));
    found.is_error("tcp", "");
    assert_eq!(requests.load(Ordering::Relaxed), 1);
    assert_eq!(
        others.load(Ordering::Relaxed) + visits.load(Ordering::Relaxed),
        0
    );

    let server = serve("allow-network = [\"127.0.0.1\"]");
    for web in [web, other] {
        let found = probe(&server, &format!("fetch?{web}/any-port"));
        assert_eq!(found.of("fetch"), "ok (200, \"GET /any-port\")");
    }
}

#[test]
fn a_directory_to_read_is_not_written_to_and_not_left() {
    let host = directory();
    let mode = format!(
        "preopen = [{{ host = \"{}\", guest = \"/data\" }}]",
        inside(&host)
    );
    let server = serve(&mode);
    assert_eq!(
        probe(&server, "surroundings").of("directories"),
        "ok [\"/data\"]"
    );
    let found = probe(&server, "files?/data");
    assert_eq!(found.of("read"), "ok \"what is inside\"");
    assert_eq!(found.of("list"), "ok 5");
    for change in [
        "write",
        "overwrite",
        "make-directory",
        "rename",
        "remove",
        "remove-directory",
    ] {
        found.is_error(change, "");
    }
    nothing_is_outside(&host, &found);
    for change in ["raw symlink-absolute", "raw symlink-up", "raw made-link-up"] {
        found.is_error(change, "");
    }
    assert_eq!(
        fs::read_to_string(host.path().join("inside/inside.txt")).unwrap(),
        "what is inside"
    );
    assert_eq!(fs::read_dir(host.path().join("inside")).unwrap().count(), 5);
    for path in [
        "/data/../outside.txt",
        "/etc/passwd",
        "/data/link-absolute",
        &inside(&host),
    ] {
        probe(&server, &format!("open?{path}")).is_error("open", "");
    }
    assert_eq!(
        probe(&server, "open?/data/inside.txt").of("open"),
        "ok \"what is inside\""
    );
}

#[test]
fn a_directory_to_write_to_is_not_left_either() {
    let host = directory();
    let place = inside(&host);
    let server = serve(&format!(
        "preopen = [{{ host = \"{place}\", guest = \"/data\", mode = \"read-write\" }}]"
    ));
    let found = probe(&server, "files?/data");
    for change in [
        "write",
        "overwrite",
        "make-directory",
        "rename",
        "remove",
        "remove-directory",
    ] {
        assert!(
            found.of(change).starts_with("ok "),
            "{change}: {}",
            found.of(change)
        );
    }
    let text = fs::read_to_string(host.path().join("inside/inside.txt")).unwrap();
    assert_eq!(text, "what is insidemore");
    nothing_is_outside(&host, &found);
    found.is_error("raw symlink-absolute", "");
    // A link may say what it likes; it is followed by nobody who is in here.
    found.is_error("raw made-link-up", "");
}

#[test]
fn of_several_directories_each_has_its_mode() {
    let (read, write) = (directory(), directory());
    let (reading, writing) = (inside(&read), inside(&write));
    let server = serve(&format!(
        "preopen = [\"{reading}\", {{ host = \"{writing}\", guest = \"/w\", mode = \"read-write\" }}]"
    ));
    let found = probe(&server, &format!("files?{reading}"));
    assert_eq!(found.of("read"), "ok \"what is inside\"");
    found.is_error("write", "");
    nothing_is_outside(&read, &found);
    let found = probe(&server, "files?/w");
    assert_eq!(found.of("write"), "ok ()");
    nothing_is_outside(&write, &found);
}

#[test]
fn standard_output_and_error_are_the_nodes_for_who_may_use_them() {
    let server = serve("allow-stdio = true");
    probe(&server, "print");
    let mut printed = Vec::new();
    let is_printed = eventually(|| {
        printed.extend(server.printed());
        printed.iter().any(|line| line == "the probe's output")
    });
    assert!(is_printed, "{printed:?}");
    let on_its_own = |log: &str| log.lines().any(|line| line == "the probe's error");
    assert!(eventually(|| on_its_own(&server.log())), "{}", server.log());
    assert!(!server.log().contains("the probe's output"));
    is_logged_not_printed(&serve("allow-stdio = false"));
}

#[test]
fn memory_is_what_the_profile_says() {
    for (limit, fits, does_not) in [(4, 2, 4), (128, 100, 128)] {
        let server = serve(&format!("max-memory-mb = {limit}"));
        assert_eq!(
            probe(&server, &format!("memory?{fits}")).of("memory"),
            format!("ok {fits}")
        );
        probe(&server, &format!("memory?{does_not}")).is_error("memory", "");
    }
}

/// Serve the probe under a profile that sets these keys.
fn serve(keys: &str) -> Server {
    serve_as("granted", keys)
}

fn serve_as(profile: &str, keys: &str) -> Server {
    let manifest = format!(
        "[[serve]]\nlisten = \"127.0.0.1:0\"\n\
         [serve.routes]\n\"GET /probe/*\" = \"probe\"\n\
         [components.probe]\ncapability = \"{profile}\"\n\
         [capabilities.granted]\n{keys}\n"
    );
    Serve::app(apps::stock())
        .manifest(&manifest)
        .env("SECRET", "of the host")
        .start()
}

/// What the probe says came of what it tried.
struct Found(String);

impl Found {
    #[track_caller]
    fn of(&self, what: &str) -> &str {
        let of = |line: &&str| {
            line.split_once(": ")
                .is_some_and(|(tried, _)| tried == what)
        };
        let line = self.0.lines().find(of);
        line.and_then(|line| line.split_once(": "))
            .unwrap_or_else(|| panic!("nothing of {what}: {}", self.0))
            .1
    }

    #[track_caller]
    fn number(&self, what: &str) -> u64 {
        let outcome = self.of(what);
        let number = outcome
            .strip_prefix("ok ")
            .and_then(|number| number.parse().ok());
        number.unwrap_or_else(|| panic!("{what}: {outcome}"))
    }

    #[track_caller]
    fn is_error(&self, what: &str, saying: &str) {
        let outcome = self.of(what);
        assert!(
            outcome.starts_with("error ") && outcome.contains(saying),
            "{what}: {outcome}"
        );
    }
}

#[track_caller]
fn probe(server: &Server, what: &str) -> Found {
    let response = server.connect().get(&format!("/probe/{what}"));
    assert_eq!(response.status, 200, "{what}: {}", response.text());
    Found(response.text())
}

#[track_caller]
fn found_nothing_of_the_network(server: &Server, peer: SocketAddr, web: SocketAddr) {
    let found = probe(server, &format!("network?{peer}"));
    for what in ["tcp", "listen", "udp", "udp-send", "lookup"] {
        found.is_error(what, "");
    }
    for (what, target) in [
        ("fetch", web.to_string()),
        ("fetch-tls", "example.com".into()),
    ] {
        let found = probe(server, &format!("{what}?{target}/"));
        found.is_error(what, "HttpRequestDenied");
    }
}

#[track_caller]
fn is_logged_not_printed(server: &Server) {
    probe(server, "print");
    for line in [
        "INFO guest: the probe's output request_id=",
        "WARN guest: the probe's error request_id=",
    ] {
        let says = |log: &str| {
            log.lines()
                .any(|l| l.contains(line) && l.contains(" component=\"probe\" pid=<0."))
        };
        assert!(eventually(|| says(&server.log())), "{}", server.log());
    }
    assert_eq!(server.printed(), Vec::<String>::new());
}

/// A directory with another in it, `inside`, whose contents try to lead out of it.
fn directory() -> tempfile::TempDir {
    let host = tempfile::tempdir().unwrap();
    let inside = host.path().join("inside");
    fs::create_dir_all(inside.join("sub")).unwrap();
    fs::write(inside.join("inside.txt"), "what is inside").unwrap();
    fs::write(host.path().join("outside.txt"), "what is outside").unwrap();
    symlink("..", inside.join("link-up")).unwrap();
    symlink("../outside.txt", inside.join("link-to-file")).unwrap();
    symlink(
        host.path().join("outside.txt"),
        inside.join("link-absolute"),
    )
    .unwrap();
    host
}

fn inside(host: &tempfile::TempDir) -> String {
    host.path().join("inside").to_str().unwrap().to_owned()
}

#[track_caller]
fn nothing_is_outside(host: &tempfile::TempDir, found: &Found) {
    for path in [
        "../outside.txt",
        "link-up/outside.txt",
        "link-to-file",
        "link-absolute",
        "raw ../outside.txt",
        "raw /etc/passwd",
        "raw sub/../../outside.txt",
        "raw ..",
        "raw link-up/outside.txt",
        "raw link-to-file",
        "raw link-absolute",
        "raw hard-link",
        "raw rename-out",
        "raw unlink-out",
        "raw make-out",
        "raw create-out",
    ] {
        found.is_error(path, "");
    }
    let outside = fs::read_to_string(host.path().join("outside.txt")).unwrap();
    assert_eq!(outside, "what is outside");
    assert_eq!(
        fs::read_dir(host.path()).unwrap().count(),
        2,
        "nothing was put beside it"
    );
}

enum Speaks {
    /// As soon as somebody connects, and nothing more.
    First,
    /// When it has read the head of a request.
    WhenAsked,
}

fn peer_of_http() -> (SocketAddr, Arc<AtomicUsize>) {
    peer(Speaks::WhenAsked)
}

/// A server of the test's own, and how often it was visited.
fn peer(speaks: Speaks) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let visits = Arc::<AtomicUsize>::default();
    let count = visits.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            count.fetch_add(1, Ordering::Relaxed);
            let _ = match speaks {
                Speaks::First => stream.write_all(b"hi"),
                Speaks::WhenAsked => {
                    let mut head = [0; 4096];
                    let len = stream.read(&mut head).unwrap_or(0);
                    let text = String::from_utf8_lossy(&head[..len]);
                    let line = text.lines().next().unwrap_or_default();
                    let said = line.trim_end_matches(" HTTP/1.1");
                    let len = said.len();
                    let head = format!(
                        "HTTP/1.1 200 OK\r\nContent-Length: {len}\r\nConnection: close\r\n\r\n"
                    );
                    stream.write_all(format!("{head}{said}").as_bytes())
                }
            };
        }
    });
    (addr, visits)
}
