//! Tries what its profile may not grant, and says what came of it: a line for each, `name: ok ...`
//! or `name: error ...`. Through std where that has a name for it, else by the crate `wasip2`.
//!
//! - `/probe/surroundings`: environment, arguments, directories, standard input
//! - `/probe/clocks`: clocks and randomness
//! - `/probe/network?ADDRESS`: TCP, UDP and name lookup; `ADDRESS` has an IP and a port
//! - `/probe/fetch?AUTHORITY/PATH`: a request out; `/probe/fetch-tls?...` over TLS
//! - `/probe/files?DIRECTORY`: reads and writes there, and attempts to get out of it
//! - `/probe/open?PATH`: reads one file by an absolute path
//! - `/probe/memory?MIB`: allocates so much
//! - `/probe/print`: lines on standard output and error
//! - `/probe/shout?BYTES`: a line of so many bytes on standard error
//! - `/probe/hoard?PATH`: opens this file again and again, and keeps all of them for a second

use std::fmt::{Debug, Write as _};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant, SystemTime};

use wasip2::cli::environment;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::filesystem::preopens::get_directories;
use wasip2::filesystem::types::{Descriptor, DescriptorFlags, OpenFlags, PathFlags};
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingRequest, OutgoingResponse, ResponseOutparam,
    Scheme,
};

struct Probe;

wasip2::http::proxy::export!(Probe);

impl Guest for Probe {
    fn handle(request: IncomingRequest, outparam: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let mut found = Found::default();
        match path.rsplit('/').next() {
            Some("surroundings") => surroundings(&mut found),
            Some("clocks") => clocks(&mut found),
            Some("network") => network(&mut found, query),
            Some("fetch") => found.note("fetch", fetch(Scheme::Http, query)),
            Some("fetch-tls") => found.note("fetch-tls", fetch(Scheme::Https, query)),
            Some("files") => files(&mut found, query),
            Some("open") => found.note("open", std::fs::read_to_string(query)),
            Some("memory") => memory(&mut found, query.parse().unwrap_or(0)),
            Some("print") => {
                println!("the probe's output");
                eprintln!("the probe's error");
                found.note::<_, ()>("print", Ok(()));
            }
            Some("shout") => {
                eprintln!("{}", "x".repeat(query.parse().unwrap_or(0)));
                found.note::<_, ()>("shout", Ok(()));
            }
            Some("scheme") => found.note::<_, ()>("scheme", Ok(request.scheme())),
            Some("hoard") => hoard(&mut found, query),
            _ => found.note::<(), _>("probe", Err("no such probe")),
        }
        answer(outparam, &found.0);
    }
}

#[derive(Default)]
struct Found(String);

impl Found {
    fn note<T: Debug, E: Debug>(&mut self, what: &str, result: Result<T, E>) {
        let _ = match result {
            Ok(value) => writeln!(self.0, "{what}: ok {value:?}"),
            Err(error) => writeln!(self.0, "{what}: error {error:?}"),
        };
    }
}

fn surroundings(found: &mut Found) {
    let mut env: Vec<_> = std::env::vars().collect();
    env.sort();
    found.note::<_, ()>("env", Ok(env));
    found.note::<_, ()>("args", Ok(environment::get_arguments()));
    found.note::<_, ()>("cwd", Ok(environment::initial_cwd()));
    let directories = get_directories().into_iter().map(|(_, name)| name);
    found.note::<_, ()>("directories", Ok(directories.collect::<Vec<_>>()));
    let mut input = Vec::new();
    found.note("stdin", std::io::stdin().read_to_end(&mut input));
    found.note("root", std::fs::read_dir("/").map(|dir| dir.count()));
    found.note("passwd", std::fs::read_to_string("/etc/passwd"));
    found.note("environ", std::fs::read("/proc/self/environ"));
    found.note("write", std::fs::write("/tmp/from-a-guest", "written"));
}

fn hoard(found: &mut Found, path: &str) {
    let mut files = Vec::new();
    let error = loop {
        match std::fs::File::open(path) {
            Ok(file) if files.len() < 50_000 => files.push(file),
            Ok(_) => break None,
            Err(error) => break Some(error),
        }
    };
    found.note::<_, ()>("hoarded", Ok(files.len()));
    found.note::<_, ()>("refused", Ok(error));
    let until = Instant::now() + Duration::from_secs(1);
    while Instant::now() < until {
        std::hint::spin_loop();
    }
}

fn clocks(found: &mut Found) {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    found.note("wall", since_epoch.map(|time| time.as_secs()));
    let before = Instant::now();
    std::thread::sleep(Duration::from_millis(20));
    found.note::<_, ()>("slept", Ok(before.elapsed().as_millis()));
    let bytes = wasip2::random::random::get_random_bytes(16);
    found.note::<_, ()>("random", Ok(bytes));
    let insecure = wasip2::random::insecure::get_insecure_random_u64();
    found.note::<_, ()>("insecure", Ok(insecure));
}

fn network(found: &mut Found, address: &str) {
    found.note("tcp", TcpStream::connect(address).and_then(greeting));
    found.note("listen", TcpListener::bind("127.0.0.1:0").map(drop));
    found.note("udp", UdpSocket::bind("127.0.0.1:0").map(drop));
    found.note("udp-send", send_datagram(address));
    found.note(
        "lookup",
        ("localhost", 80).to_socket_addrs().map(Vec::from_iter),
    );
}

fn greeting(mut stream: TcpStream) -> std::io::Result<String> {
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

fn send_datagram(address: &str) -> std::io::Result<usize> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.send_to(b"out", address)
}

/// The status, and the text, of `authority/path`.
fn fetch(scheme: Scheme, target: &str) -> Result<(u16, String), String> {
    let said = |error: &dyn Debug| format!("{error:?}");
    let (authority, path) = target.split_once('/').unwrap_or((target, ""));
    let request = OutgoingRequest::new(Fields::new());
    let set = request
        .set_scheme(Some(&scheme))
        .and_then(|()| request.set_authority(Some(authority)))
        .and_then(|()| request.set_path_with_query(Some(&format!("/{path}"))));
    set.map_err(|()| "it is no target".to_owned())?;
    let pending = outgoing_handler::handle(request, None).map_err(|error| said(&error))?;
    pending.subscribe().block();
    let response = match pending.get() {
        Some(Ok(Ok(response))) => response,
        other => return Err(said(&other)),
    };
    let status = response.status();
    let body = response
        .consume()
        .map_err(|()| "it has no body".to_owned())?;
    let mut stream = body.stream().map_err(|()| "it has no stream".to_owned())?;
    let mut text = String::new();
    stream
        .read_to_string(&mut text)
        .map_err(|error| said(&error))?;
    Ok((status, text))
}

fn files(found: &mut Found, name: &str) {
    let file = |path: &str| format!("{name}/{path}");
    found.note("read", std::fs::read_to_string(file("inside.txt")));
    found.note("list", std::fs::read_dir(name).map(|dir| dir.count()));
    found.note("write", std::fs::write(file("new.txt"), "new"));
    found.note("overwrite", append(&file("inside.txt")));
    found.note("make-directory", std::fs::create_dir(file("made")));
    found.note(
        "rename",
        std::fs::rename(file("new.txt"), file("moved.txt")),
    );
    found.note("remove", std::fs::remove_file(file("moved.txt")));
    found.note("remove-directory", std::fs::remove_dir(file("made")));
    for path in [
        "../outside.txt",
        "link-up/outside.txt",
        "link-to-file",
        "link-absolute",
    ] {
        found.note(path, std::fs::read_to_string(file(path)));
    }
    // As WASI has it, without what std and its C library make of a path.
    let directories = get_directories();
    let Some((directory, _)) = directories.iter().find(|(_, guest)| guest == name) else {
        return found.note::<(), _>("raw", Err("no such directory"));
    };
    for path in [
        "inside.txt",
        "../outside.txt",
        "/etc/passwd",
        "sub/../../outside.txt",
        "..",
        "link-up/outside.txt",
        "link-to-file",
        "link-absolute",
    ] {
        found.note(&format!("raw {path}"), open(directory, path));
    }
    let link = directory.symlink_at("/etc/passwd", "made-link");
    found.note("raw symlink-absolute", link);
    let link = directory.symlink_at("../outside.txt", "made-link-up");
    found.note("raw symlink-up", link);
    found.note("raw made-link-up", open(directory, "made-link-up"));
    found.note(
        "raw hard-link",
        directory.link_at(PathFlags::empty(), "../outside.txt", directory, "hard"),
    );
    found.note(
        "raw rename-out",
        directory.rename_at("inside.txt", directory, "../renamed.txt"),
    );
    found.note("raw unlink-out", directory.unlink_file_at("../outside.txt"));
    found.note("raw make-out", directory.create_directory_at("../made"));
    let flags = PathFlags::empty();
    let made = directory.open_at(
        flags,
        "../made.txt",
        OpenFlags::CREATE,
        DescriptorFlags::WRITE,
    );
    found.note("raw create-out", made);
}

fn append(path: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().append(true).open(path)?;
    file.write_all(b"more")
}

fn open(directory: &Descriptor, path: &str) -> Result<String, String> {
    let file = directory
        .open_at(
            PathFlags::SYMLINK_FOLLOW,
            path,
            OpenFlags::empty(),
            DescriptorFlags::READ,
        )
        .map_err(|error| format!("{error:?}"))?;
    let (bytes, _) = file.read(4096, 0).map_err(|error| format!("{error:?}"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn memory(found: &mut Found, mib: usize) {
    let mut all: Vec<u8> = Vec::new();
    let reserved = all.try_reserve_exact(mib << 20);
    if reserved.is_ok() {
        all.resize(mib << 20, 1);
    }
    found.note(
        "memory",
        reserved.map(|()| std::hint::black_box(all).len() >> 20),
    );
}

fn answer(outparam: ResponseOutparam, text: &str) {
    let response = OutgoingResponse::new(Fields::new());
    let body = response.body().expect("its first body");
    ResponseOutparam::set(outparam, Ok(response));
    let mut out = body.write().expect("its first stream");
    let _ = out.write_all(text.as_bytes());
    drop(out);
    let _ = OutgoingBody::finish(body, None);
}
