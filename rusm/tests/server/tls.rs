//! TLS: the manifest's files, other people's clients, and a renewal under load.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use libc::SIGHUP;

use crate::apps::{self, rusm};
use crate::client::exchange;
use crate::clients;
use crate::server::{Serve, Server, eventually, two_cores};

/// Makes an authority, `ca`, and certificates of it: `a` for a.test, `b` for b.test, `client`; and
/// `old`, which is for a.test and has expired.
fn certificates() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let script = r#"
        set -e
        ec="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
        openssl req -x509 $ec -keyout ca.key -out ca.pem -subj /CN=ca -days 30
        for name in a b client; do
            openssl req -x509 -CA ca.pem -CAkey ca.key $ec -keyout $name.key -out $name.pem -days 30 \
                -subj /CN=$name -addext subjectAltName=DNS:$name.test -addext basicConstraints=critical,CA:FALSE
        done
        openssl req -new $ec -keyout old.key -out old.csr -subj /CN=old
        openssl x509 -req -in old.csr -signkey old.key -days -1 -out old.pem \
            -extfile <(echo subjectAltName=DNS:a.test)
        openssl x509 -in a.pem -outform DER -out a.der
        openssl pkcs8 -topk8 -in a.key -v2 aes256 -passout pass:x -out locked.key
        openssl ec -in a.key -aes256 -passout pass:x -out locked-ec.key
        head -c 300 a.pem > cut.pem
        (printf '\357\273\277'; cat a.pem) > mark.pem
        mkfifo pipe
    "#;
    run(&dir, script);
    dir
}

fn run(dir: &tempfile::TempDir, script: &str) -> Output {
    let mut command = Command::new("bash");
    let output = command
        .args(["-c", script])
        .current_dir(dir.path())
        .output();
    let output = output.unwrap();
    assert!(output.status.success(), "{script}: {output:?}");
    output
}

/// The keys of a `[serve.tls]`, for a place before the next table.
fn tls(dir: &Path, more: &str) -> String {
    let dir = dir.display();
    format!("[serve.tls]\ncert = '{dir}/a.pem'\nkey = '{dir}/a.key'\n{more}\n")
}

/// What curl gets of `path`, as the client of a.test.
fn curl(dir: &tempfile::TempDir, server: &Server, arguments: &str, path: &str) -> String {
    let port = server.addr().port();
    let script = format!(
        "curl -sS --max-time 20 --cacert ca.pem --resolve '*:{port}:127.0.0.1' {arguments} https://a.test:{port}{path}"
    );
    String::from_utf8_lossy(&run(dir, &script).stdout).into_owned()
}

#[test]
fn curl_with_a_certificate_and_without() {
    let dir = certificates();
    let more = format!("client-ca = '{}/ca.pem'", dir.path().display());
    let server = Serve::hello_with(&tls(dir.path(), &more)).start();
    assert!(
        server.banner.contains("\nhttps://127.0.0.1:"),
        "{}",
        server.banner
    );
    let with = "--cert client.pem --key client.key";
    assert_eq!(curl(&dir, &server, with, "/users/7"), "user 7\n");
    let port = server.addr().port();
    let without = format!(
        "! curl -sS --cacert ca.pem --resolve a.test:{port}:127.0.0.1 https://a.test:{port}/"
    );
    run(&dir, &without);
    // It learns in plain HTTP what the port speaks.
    let [rejected] = &exchange(server.addr(), "GET / HTTP/1.1\r\nHost: h\r\n\r\n")[..] else {
        panic!("not one response");
    };
    assert_eq!(rejected.status, 400);
    assert_eq!(rejected.text(), "this port speaks TLS: use https://\n");
    server.says("TLS handshakes failed on this core");
}

#[test]
fn sixteen_mebibytes_go_both_ways() {
    let dir = certificates();
    let keys = format!("max-body = '20MiB'\n{}", tls(dir.path(), ""));
    let server = Serve::stock_with(&keys).start();
    run(&dir, "head -c 16777216 /dev/urandom > body");
    let echo = "-H Expect: --data-binary @body -o echoed";
    curl(&dir, &server, echo, "/echo/body");
    run(&dir, "cmp body echoed");
    let said = curl(&dir, &server, "", "/probe/scheme");
    assert!(said.contains("Https"), "{said}");
}

#[test]
fn events_and_websockets() {
    let dir = certificates();
    let manifest = std::fs::read_to_string(apps::chat().join("rusm.toml")).unwrap();
    let manifest = manifest.replace("127.0.0.1:8082", "127.0.0.1:0");
    let manifest = manifest.replacen(
        "[components.",
        &format!("{}\n[components.", tls(dir.path(), "")),
        1,
    );
    let server = Serve::app(apps::chat()).manifest(&manifest).start();
    let events = curl(&dir, &server, "-N", "/ticks/3");
    assert_eq!(events.matches("data").count(), 3, "{events}");
    let authority = dir.path().join("ca.pem");
    clients::python(
        "tls_websockets.py",
        &server,
        &[&authority.to_string_lossy()],
    );
}

#[test]
fn certificates_are_renewed_under_requests_and_a_bad_file_changes_nothing() {
    let dir = certificates();
    let more = format!(
        "additional = [{{ cert = '{0}/b.pem', key = '{0}/b.key' }}]",
        dir.path().display()
    );
    let server = Serve::hello_with(&tls(dir.path(), &more))
        .args(["--cores", &two_cores()])
        .start();
    let (is_over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                assert_eq!(curl(&dir, &server, "", "/users/7"), "user 7\n");
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
        let serial = |name: &str| {
            let script = format!(
                "openssl s_client -connect {} -servername {name} </dev/null 2>/dev/null | openssl x509 -noout -serial",
                server.addr()
            );
            run(&dir, &script).stdout
        };
        let of_file =
            |name: &str| run(&dir, &format!("openssl x509 -noout -serial -in {name}.pem")).stdout;
        assert_eq!(serial("a.test"), of_file("a"));
        assert_eq!(serial("b.test"), of_file("b"));
        run(&dir, "cp b.pem kept.pem; cp client.pem b.pem");
        server.signal(SIGHUP);
        server.says("the old certificates go on serving: [serve.tls] of ");
        server.says("its private key is not the key of the certificate in ");
        run(&dir, "mv kept.pem b.pem");
        assert_eq!(serial("b.test"), of_file("b"));
        run(
            &dir,
            "openssl req -x509 -CA ca.pem -CAkey ca.key -key a.key -out next.pem -days 30 -subj /CN=next \
             -addext subjectAltName=DNS:a.test -addext basicConstraints=critical,CA:FALSE && mv next.pem a.pem",
        );
        server.signal(SIGHUP);
        server.says(": read again");
        assert!(eventually(|| serial("a.test") == of_file("a")));
        let before = answered.load(Ordering::Relaxed);
        assert!(eventually(|| answered.load(Ordering::Relaxed) > before + 3));
        is_over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn rusm_check_names_the_file_the_key_and_what_to_do() {
    let dir = certificates();
    let check = |keys: &str| {
        let manifest = std::fs::read_to_string(apps::hello().join("rusm.toml")).unwrap();
        let manifest = manifest.replacen("[serve.routes]", &format!("{keys}\n[serve.routes]"), 1);
        let path = dir.path().join("rusm.toml");
        std::fs::write(&path, manifest).unwrap();
        let mut command = rusm();
        let command = command
            .arg("check")
            .arg(apps::hello())
            .arg("--config")
            .arg(path);
        let mut limited = Command::new("timeout");
        let limited = limited.arg("10").arg(command.get_program());
        let output = limited.args(command.get_args()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), said)
    };
    let files = |cert: &str, key: &str| {
        let (cert, key) = (dir.path().join(cert), dir.path().join(key));
        format!(
            "[serve.tls]\ncert = '{}'\nkey = '{}'",
            cert.display(),
            key.display()
        )
    };
    assert_eq!(check(&files("a.pem", "a.key")).0, Some(0));
    // Some editors begin a text with a mark.
    assert_eq!(check(&files("mark.pem", "a.key")).0, Some(0));
    for (cert, key, words) in [
        (
            "none.pem",
            "a.key",
            ["`cert`: ", "none.pem: can't be read: No such file"],
        ),
        (
            "a.pem",
            "none.key",
            ["`key`: ", "none.key: can't be read: No such file"],
        ),
        (
            "a.key",
            "a.key",
            ["`cert`: ", "it has no certificate (BEGIN CERTIFICATE)"],
        ),
        ("a.pem", "b.pem", ["`key`: ", "it has no private key"]),
        (
            "a.pem",
            "b.key",
            ["`key`: ", "not the key of the certificate in "],
        ),
        ("a.pem", "a.pem", ["`key`: ", "it has no private key"]),
        ("a.der", "a.key", ["`cert`: ", "-inform DER"]),
        ("cut.pem", "a.key", ["`cert`: ", "no END line"]),
        ("a.pem", "locked.key", ["`key`: ", "has a passphrase"]),
        ("a.pem", "locked-ec.key", ["`key`: ", "has a passphrase"]),
        ("pipe", "a.key", ["`cert`: ", "not a regular file"]),
        ("a.pem", "pipe", ["`key`: ", "not a regular file"]),
        ("/dev/zero", "a.key", ["`cert`: ", "not a regular file"]),
    ] {
        let (code, said) = check(&files(cert, key));
        assert_eq!(code, Some(2), "{said}");
        assert!(words.iter().all(|words| said.contains(words)), "{said}");
    }
    let (code, said) = check(&files("old.pem", "old.key"));
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("old.pem: the certificate has expired "),
        "{said}"
    );
    run(
        &dir,
        r#"
        mkdir ca; touch ca/index.txt; echo 01 > ca/serial
        printf '[ca]\ndefault_ca=d\n[d]\ndatabase=ca/index.txt\nserial=ca/serial\nnew_certs_dir=ca\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n' > ca.cnf
        openssl ca -batch -config ca.cnf -selfsign -keyfile old.key -in old.csr -startdate 400101000000Z \
            -enddate 410101000000Z -extfile <(echo subjectAltName=DNS:a.test) -notext -out early.pem
    "#,
    );
    let (code, said) = check(&files("early.pem", "old.key"));
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("early.pem: the certificate is not valid yet"),
        "{said}"
    );
}
