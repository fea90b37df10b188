//! TLS on the wire: rustls' client and OpenSSL's, and what is no TLS.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use std::sync::{Arc, LazyLock, mpsc};
use std::time::Instant;

use rusm_uring_net::connection::Settings;
use rusm_uring_net::tls::{Acceptor, ClientAuth, FileProblem, Identity};
use rusm_uring_net::{Driver, websocket};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned, version};

use crate::harness::{A_WHILE, Bounds, Client, SOON, Server, get, settings};
use crate::peers::{Echo, accept, ok, source};
use crate::sinks::{echo, streaming};

/// Certificates of one authority: `a` for a.test and *.wild.test, `b` for b.test, `client`; and
/// `other`, which is its own authority.
static FILES: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let script = r#"
        set -e
        ec="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30"
        openssl req -x509 $ec -keyout ca.key -out ca.pem -subj /CN=ca
        openssl req -x509 $ec -keyout other.key -out other.pem -subj /CN=other \
            -addext subjectAltName=DNS:b.test -addext basicConstraints=critical,CA:FALSE
        for who in a:DNS:a.test,DNS:*.wild.test b:DNS:b.test client:DNS:client.test; do
            name=${who%%:*}
            openssl req -x509 -CA ca.pem -CAkey ca.key $ec -keyout $name.key -out $name.pem \
                -subj /CN=$name -addext subjectAltName=${who#*:} \
                -addext basicConstraints=critical,CA:FALSE
        done
        tail -n 3 a.pem > half.pem
    "#;
    let made = Command::new("bash")
        .args(["-c", script])
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    dir
});

pub(crate) fn file(name: &str) -> PathBuf {
    FILES.path().join(name)
}

fn identity(name: &str) -> Identity {
    Identity::read(&file(&format!("{name}.pem")), &file(&format!("{name}.key"))).unwrap()
}

pub(crate) fn acceptor() -> Acceptor {
    Acceptor::new(vec![identity("a"), identity("b")], None).unwrap()
}

fn secure(acceptor: Acceptor) -> Settings {
    Settings {
        tls: Some(acceptor),
        max_body: 64 << 20,
        ..settings()
    }
}

fn client_config(
    with_certificate: bool,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for ca in ["ca.pem", "other.pem"] {
        roots
            .add(CertificateDer::from_pem_file(file(ca)).unwrap())
            .unwrap();
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots);
    match with_certificate {
        true => {
            let chain = vec![CertificateDer::from_pem_file(file("client.pem")).unwrap()];
            let key = PrivateKeyDer::from_pem_file(file("client.key")).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
        false => builder.with_no_client_auth(),
    }
}

fn config() -> ClientConfig {
    client_config(false, rustls::ALL_VERSIONS)
}

/// A client of TLS.
struct Secure {
    stream: StreamOwned<ClientConnection, TcpStream>,
    received: Vec<u8>,
}

impl Secure {
    fn connect(server: &Server) -> Self {
        Self::of(server, "a.test", &Arc::new(config()))
    }

    fn of(server: &Server, name: &str, config: &Arc<ClientConfig>) -> Self {
        let socket = TcpStream::connect(server.addr()).unwrap();
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(SOON)).unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let connection = ClientConnection::new(config.clone(), name).unwrap();
        Self {
            stream: StreamOwned::new(connection, socket),
            received: Vec::new(),
        }
    }

    fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
        self.stream.flush().unwrap();
    }

    fn until(&mut self, text: impl AsRef<[u8]>) -> Vec<u8> {
        let text = text.as_ref();
        loop {
            let found = self.received.windows(text.len()).position(|w| w == text);
            if let Some(at) = found {
                let rest = self.received.split_off(at + text.len());
                return std::mem::replace(&mut self.received, rest);
            }
            assert!(self.read() > 0, "the end came before {text:?}");
        }
    }

    fn take(&mut self, len: usize) -> Vec<u8> {
        while self.received.len() < len {
            assert!(self.read() > 0, "the end came too early");
        }
        let rest = self.received.split_off(len);
        std::mem::replace(&mut self.received, rest)
    }

    /// Read to the end, which has to be said (close_notify).
    fn rest(&mut self) -> Vec<u8> {
        while self.read() > 0 {}
        std::mem::take(&mut self.received)
    }

    fn read(&mut self) -> usize {
        let mut buffer = vec![0; 64 * 1024];
        let count = self.stream.read(&mut buffer).unwrap();
        self.received.extend_from_slice(&buffer[..count]);
        count
    }
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at / 3 % 251) as u8).collect()
}

/// Answers with the body of the request, or with as many bytes as the path says.
fn answering(driver: Driver, settings: Settings) -> Server {
    Server::on(driver, settings, || {
        |request| {
            Ok(match request.head.path[1..].parse() {
                Ok(len) => ok(pattern(len)),
                Err(_) => ok(request.body.to_vec()),
            })
        }
    })
}

fn each_driver(test: impl Fn(Driver)) {
    test(Driver::Uring);
    test(Driver::Epoll);
}

#[test]
fn bodies_of_all_sizes_go_both_ways_in_both_versions() {
    each_driver(|driver| {
        let server = answering(driver, secure(acceptor()));
        for version in [&version::TLS12, &version::TLS13] {
            let config = Arc::new(client_config(false, &[version]));
            let mut client = Secure::of(&server, "a.test", &config);
            for len in [
                0,
                1,
                255,
                1024,
                2047,
                2048,
                16_384,
                16_385,
                65_537,
                1 << 20,
                16 << 20,
            ] {
                client.send(get(&format!("/{len}")));
                let head = client.until("\r\n\r\n");
                assert!(head.starts_with(b"HTTP/1.1 200 "));
                assert!(client.take(len) == pattern(len), "{len} down");
                client.send(format!(
                    "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: {len}\r\n\r\n"
                ));
                client.send(pattern(len));
                client.until("\r\n\r\n");
                assert!(client.take(len) == pattern(len), "{len} up");
            }
            assert_eq!(client.stream.conn.protocol_version(), Some(version.version));
        }
    });
}

#[test]
fn records_of_any_size_in_pieces_of_any_size_are_read() {
    let server = answering(Driver::Uring, secure(acceptor()));
    for fragment in [32, 100, 4096] {
        let mut config = config();
        config.max_fragment_size = Some(fragment);
        let mut client = Secure::of(&server, "a.test", &Arc::new(config));
        // Pipelined, and one in chunks.
        let chunked = "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5\r\ndefgh\r\n0\r\n\r\n";
        client.send([&get("/7"), chunked, &get("/9")].concat());
        client.until("\r\n\r\n");
        assert_eq!(client.take(7), pattern(7));
        client.until("\r\n\r\n");
        assert_eq!(client.take(8), b"abcdefgh");
        client.until("\r\n\r\n");
        assert_eq!(client.take(9), pattern(9));
        client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n");
        for piece in pattern(300_000).chunks(777) {
            client.send(piece);
        }
        client.until("\r\n\r\n");
        assert!(client.take(300_000) == pattern(300_000));
    }
}

#[test]
fn records_that_come_by_the_byte_or_all_at_once_or_not_whole() {
    fn records(client: &mut Secure, content: &str) -> Vec<u8> {
        let mut records = Vec::new();
        let connection = &mut client.stream.conn;
        connection.writer().write_all(content.as_bytes()).unwrap();
        while connection.wants_write() {
            connection.write_tls(&mut records).unwrap();
        }
        records
    }
    fn answered(client: &mut Secure, len: usize) {
        client.until("\r\n\r\n");
        assert_eq!(client.take(len), pattern(len));
    }
    each_driver(|driver| {
        let server = answering(driver, secure(acceptor()));
        let mut client = Secure::connect(&server);
        client.send(get("/3"));
        answered(&mut client, 3);
        for byte in records(&mut client, &get("/5")) {
            client.stream.sock.write_all(&[byte]).unwrap();
        }
        answered(&mut client, 5);
        let many: Vec<u8> = (0..100)
            .flat_map(|_| records(&mut client, &get("/5")))
            .collect();
        client.stream.sock.write_all(&many).unwrap();
        for _ in 0..100 {
            answered(&mut client, 5);
        }
        // A record that is cut off is none.
        let cut = records(&mut client, &get("/5"));
        let sock = &mut client.stream.sock;
        sock.write_all(&cut[..cut.len() - 1]).unwrap();
        sock.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(client.rest(), b"");
        // The end behind a whole request, in one write; what comes behind the end is not read.
        let mut client = Secure::connect(&server);
        client.send(get("/3"));
        answered(&mut client, 3);
        let mut last = records(&mut client, &get("/7"));
        client.stream.conn.send_close_notify();
        client.stream.conn.write_tls(&mut last).unwrap();
        last.extend_from_slice(b"garbage");
        client.stream.sock.write_all(&last).unwrap();
        answered(&mut client, 7);
        assert_eq!(client.rest(), b"");
        server.wait_until_empty();
    });
}

#[test]
fn a_client_that_expects_100_gets_it() {
    let server = answering(Driver::Uring, secure(acceptor()));
    let mut client = Secure::connect(&server);
    client.send(
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    );
    assert_eq!(client.until("\r\n\r\n"), b"HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hello");
    client.until("\r\n\r\nhello");
}

#[test]
fn an_end_is_said_and_a_response_that_is_cut_off_has_none() {
    let (sources, made) = mpsc::channel();
    let server = Server::start(secure(acceptor()), move || {
        move |request| {
            if request.head.path == "/whole" {
                return Ok(ok(b"all".to_vec()));
            }
            let (source, body) = source();
            sources.send(source).unwrap();
            Ok(ok(body_of(body)))
        }
    });
    for request in [
        "GET /whole HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        "GET /whole HTTP/1.0\r\n\r\n",
    ] {
        let mut client = Secure::connect(&server);
        client.send(request);
        assert!(client.rest().ends_with(b"\r\n\r\nall"));
    }
    // The end of the connection is that of the body.
    let mut client = Secure::connect(&server);
    client.send("GET / HTTP/1.0\r\n\r\n");
    let source = made.recv_timeout(SOON).unwrap();
    source.send("streamed");
    client.until("streamed");
    drop(source);
    assert_eq!(client.rest(), b"");
    let mut client = Secure::connect(&server);
    client.send("GET / HTTP/1.0\r\n\r\n");
    let source = made.recv_timeout(SOON).unwrap();
    source.send("streamed");
    client.until("streamed");
    source
        .chunks
        .unbounded_send(Err(rusm_uring_net::Aborted))
        .unwrap();
    let error = client.stream.read(&mut [0; 1]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
}

fn body_of(body: impl rusm_uring_net::BodyStream + 'static) -> rusm_uring_net::Body {
    rusm_uring_net::Body::Stream(Box::new(body))
}

#[test]
fn a_body_that_is_streamed_is_echoed_while_it_comes() {
    each_driver(|driver| {
        let server = streaming(driver, secure(acceptor()), || {
            |_| Ok(echo(mpsc::channel().0))
        });
        let mut client = Secure::connect(&server);
        client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
        for piece in ["one", "three", "eleven"] {
            client.send(format!("{:x}\r\n{piece}\r\n", piece.len()));
            client.until(format!("\r\n{piece}\r\n"));
        }
        client.send("0\r\n\r\n");
        client.until("0\r\n\r\n");
        // A client that leaves in the middle is noticed.
        client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nx");
        client.until("\r\nx\r\n");
        drop(client);
        server.wait_until_empty();
    });
}

#[test]
fn a_websocket_takes_frames_that_come_early_and_ends_cleanly() {
    each_driver(|driver| {
        let server = Server::on(driver, secure(acceptor()), || {
            let rules = Rc::new(websocket::Settings::default());
            move |request| accept(request, &rules, Echo::default())
        });
        let mut client = Secure::connect(&server);
        let ask = "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
        client.send([ask.as_bytes(), b"\x81\x81\0\0\0\0a"].concat());
        client.until("\r\n\r\n");
        assert_eq!(client.take(3), b"\x81\x01a");
        let long = pattern(200_000);
        let text: Vec<u8> = long.iter().map(|byte| b'a' + byte % 26).collect();
        let mut frame = b"\x81\xff".to_vec();
        frame.extend((text.len() as u64).to_be_bytes());
        frame.extend([0; 4]);
        frame.extend(&text);
        client.send(frame);
        assert_eq!(client.take(10)[..2], *b"\x81\x7f");
        assert!(client.take(text.len()) == text);
        client.send(b"\x88\x82\0\0\0\0\x03\xe8");
        assert_eq!(client.rest(), b"\x88\x02\x03\xe8");
        server.wait_until_empty();
    });
}

#[test]
fn the_certificate_is_that_of_the_name() {
    let server = answering(Driver::Uring, secure(acceptor()));
    let config = Arc::new(config());
    let of = |name: &str| {
        let mut client = Secure::of(&server, name, &config);
        client.stream.write_all(get("/1").as_bytes())?;
        Ok::<_, std::io::Error>(client.stream.conn.peer_certificates().unwrap()[0].clone())
    };
    let pem = |name: &str| CertificateDer::from_pem_file(file(name)).unwrap();
    assert_eq!(of("a.test").unwrap(), pem("a.pem"));
    assert_eq!(of("b.test").unwrap(), pem("b.pem"));
    assert_eq!(of("B.TEST").unwrap(), pem("b.pem"));
    assert_eq!(of("x.wild.test").unwrap(), pem("a.pem"));
    // They get the first, which is not theirs.
    for other in ["x.y.wild.test", "c.test", "127.0.0.1"] {
        assert!(
            of(other)
                .unwrap_err()
                .to_string()
                .contains("not valid for name"),
            "{other}"
        );
    }
}

#[test]
fn a_session_is_resumed_until_the_certificates_are_replaced() {
    let acceptor = acceptor();
    let server = answering(Driver::Uring, secure(acceptor.clone()));
    for version in [&version::TLS12, &version::TLS13] {
        let config = Arc::new(client_config(false, &[version]));
        let kind = || {
            let mut client = Secure::of(&server, "b.test", &config);
            client.send(get("/3"));
            client.until("\r\n\r\n");
            client.take(3);
            (
                client.stream.conn.handshake_kind().unwrap(),
                client.stream.conn.peer_certificates().unwrap()[0].clone(),
            )
        };
        assert_eq!(kind().0, HandshakeKind::Full);
        let (resumed, before) = kind();
        assert_eq!(resumed, HandshakeKind::Resumed);
        acceptor.replace(vec![identity("other")], None).unwrap();
        let (full, after) = kind();
        assert_eq!(full, HandshakeKind::Full);
        assert_ne!(before, after);
        acceptor
            .replace(vec![identity("a"), identity("b")], None)
            .unwrap();
    }
}

#[test]
fn clients_need_the_certificate_that_is_asked_for() {
    for is_optional in [false, true] {
        let clients = ClientAuth::read(&file("ca.pem"), is_optional).unwrap();
        let acceptor = Acceptor::new(vec![identity("a")], Some(clients)).unwrap();
        let server = answering(Driver::Uring, secure(acceptor));
        for has_one in [true, false] {
            let config = Arc::new(client_config(has_one, rustls::ALL_VERSIONS));
            let mut client = Secure::of(&server, "a.test", &config);
            let sent = client.stream.write_all(get("/3").as_bytes());
            let read = sent.and_then(|()| client.stream.read(&mut [0; 100]));
            match has_one || is_optional {
                true => assert!(read.unwrap() > 0),
                false => {
                    let error = read.unwrap_err().to_string();
                    assert!(error.contains("CertificateRequired"), "{error}");
                }
            }
        }
    }
}

#[test]
fn a_client_without_tls_is_told_in_plain_http() {
    each_driver(|driver| {
        let server = answering(driver, secure(acceptor()));
        let mut client = Client::connect(&server);
        client.get("/1");
        let response = String::from_utf8(client.rest()).unwrap();
        assert!(response.starts_with("HTTP/1.1 400 "), "{response}");
        assert!(
            response.ends_with("\r\n\r\nthis port speaks TLS: use https://\n"),
            "{response}"
        );
    });
}

#[test]
fn garbage_gets_an_alert_and_the_server_lives_on() {
    each_driver(|driver| {
        let server = answering(driver, secure(acceptor()));
        for garbage in [
            &b"\x16\x03\x01\x00\x05hello"[..],
            b"\0\0\0\0\0\0\0\0",
            b"\x80\x2e\x01\0\x02",
            &[0x16; 100_000],
            &[0xff; 3000],
        ] {
            let mut client = Client::connect(&server);
            // It may be closed before all of it is written.
            let _ = client.socket.write_all(garbage);
            let _ = client.socket.shutdown(std::net::Shutdown::Write);
            let alert = client.rest();
            assert!(alert.is_empty() || alert.starts_with(&[21, 3]), "{alert:?}");
        }
        let mut client = Secure::connect(&server);
        client.send(get("/3"));
        client.until("\r\n\r\n");
        drop(client);
        server.wait_until_empty();
    });
}

#[test]
fn a_broken_record_after_the_handshake_ends_the_connection() {
    let server = answering(Driver::Uring, secure(acceptor()));
    let mut client = Secure::connect(&server);
    client.send(get("/3"));
    client.until("\r\n\r\n");
    client.take(3);
    client
        .stream
        .sock
        .write_all(b"\x17\x03\x03\x00\x20AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
        .unwrap();
    let error = client.stream.read(&mut [0; 1]).unwrap_err().to_string();
    assert!(error.contains("BadRecordMac"), "{error}");
    server.wait_until_empty();
}

#[test]
fn a_slow_handshake_ends_in_the_time_of_a_head() {
    each_driver(|driver| {
        let settings = Settings {
            header_timeout: A_WHILE,
            ..secure(acceptor())
        };
        let server = answering(driver, settings);
        let started = Instant::now();
        let mut trickle = Client::connect(&server);
        trickle.send(b"\x16\x03\x01\x02\x00");
        let _ = trickle.rest();
        assert!(started.elapsed() < SOON / 2);
        // One that never takes its part of it.
        let mut half = TcpStream::connect(server.addr()).unwrap();
        let name = ServerName::try_from("a.test").unwrap();
        let mut connection = ClientConnection::new(Arc::new(config()), name).unwrap();
        connection.write_tls(&mut half).unwrap();
        server.wait_until_empty();
    });
}

#[test]
fn clients_beyond_the_limit_get_an_alert() {
    let bounds = Bounds {
        connections: 1,
        ..Bounds::default()
    };
    let server = Server::within(Driver::Uring, secure(acceptor()), bounds, || {
        crate::harness::Answering(|_: &rusm_uring_net::Request<'_>| Ok(ok(b"ok".to_vec())))
    });
    let mut first = Secure::connect(&server);
    first.send(get("/"));
    first.until("\r\n\r\nok");
    let mut second = Secure::connect(&server);
    let sent = second.stream.write_all(get("/").as_bytes());
    let error = sent
        .and_then(|()| second.stream.read(&mut [0; 1]).map(drop))
        .unwrap_err();
    assert!(error.to_string().contains("InternalError"), "{error}");
    first.send(get("/"));
    first.until("\r\n\r\nok");
}

#[test]
fn an_idle_connection_is_told_when_the_server_stops() {
    each_driver(|driver| {
        let server = answering(driver, secure(acceptor()));
        let mut idle = Secure::connect(&server);
        idle.send(get("/3"));
        idle.until("\r\n\r\n");
        idle.take(3);
        server.drain();
        assert_eq!(idle.rest(), b"");
    });
}

#[test]
fn a_client_that_does_not_read_is_cut_off() {
    let settings = Settings {
        write_timeout: A_WHILE,
        ..secure(acceptor())
    };
    let server = answering(Driver::Uring, settings);
    let mut client = Secure::connect(&server);
    client.send(get("/50000000"));
    client.until("\r\n\r\n");
    server.wait_until_empty();
}

#[test]
fn openssl_and_its_tickets_work() {
    let server = answering(Driver::Uring, secure(acceptor()));
    for version in ["-tls1_2", "-tls1_3"] {
        let session = file(&format!("session{version}"));
        let run = |tickets: &str| {
            let script = format!(
                "printf 'GET /3 HTTP/1.1\\r\\nHost: h\\r\\nConnection: close\\r\\n\\r\\n' | \
                 openssl s_client -connect {} {version} -alpn http/1.1 -servername a.test -CAfile ca.pem \
                 -verify_return_error -ign_eof {tickets} {}",
                server.addr(),
                session.display()
            );
            let output = Command::new("bash")
                .args(["-c", &script])
                .current_dir(FILES.path())
                .output();
            String::from_utf8_lossy(&output.unwrap().stdout).into_owned()
        };
        let first = run("-sess_out");
        assert!(
            first.contains("New, TLSv1") && first.contains("HTTP/1.1 200 "),
            "{first}"
        );
        assert!(first.contains("ALPN protocol: http/1.1"), "{first}");
        let second = run("-sess_in");
        assert!(
            second.contains("Reused, TLSv1") && second.contains("HTTP/1.1 200 "),
            "{second}"
        );
    }
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    let problem = |cert: &str, key: &str| {
        let error = Identity::read(&file(cert), &file(key)).unwrap_err();
        assert!(error.path == file(cert) || error.path == file(key));
        assert!(!error.problem.advice().is_empty());
        error.problem
    };
    assert!(matches!(
        problem("none.pem", "a.key"),
        FileProblem::Unreadable(_)
    ));
    assert!(matches!(
        problem("a.pem", "none.key"),
        FileProblem::Unreadable(_)
    ));
    assert!(matches!(
        problem("a.key", "a.key"),
        FileProblem::NoCertificate
    ));
    assert!(matches!(problem("a.pem", "a.pem"), FileProblem::NoKey));
    assert!(matches!(
        problem("half.pem", "a.key"),
        FileProblem::NoCertificate
    ));
    let FileProblem::OtherKey(of) = problem("a.pem", "b.key") else {
        panic!("the key is not its own");
    };
    assert_eq!(of, file("a.pem"));
    let identity = identity("a");
    assert_eq!(identity.names(), ["a.test", "*.wild.test"]);
    let left = identity
        .not_after()
        .unwrap()
        .duration_since(std::time::SystemTime::now());
    assert_eq!(left.unwrap().as_secs() / (24 * 3600), 29);
    assert!(identity.not_before().unwrap() < std::time::SystemTime::now());
    assert!(matches!(
        problem("/dev/zero", "a.key"),
        FileProblem::NotRegular
    ));
    assert!(ClientAuth::read(Path::new("/none"), false).is_err());
    assert!(Acceptor::new(Vec::new(), None).is_err());
}
