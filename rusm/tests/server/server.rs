//! Starting, watching and stopping `rusm serve`.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::apps::{self, rusm};
use crate::client::Client;

/// Longer than anything takes that works, and shorter than a server waits for an idle client.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// `rusm serve`, not started yet: one shard, unless it is told otherwise.
pub(crate) struct Serve {
    command: Command,
    /// Holds the manifest.
    dir: tempfile::TempDir,
    /// Where it is not the app's own.
    manifest: String,
    /// Commands of the shell that starts it.
    limits: String,
}

impl Serve {
    /// Serve the app under its own manifest.
    pub(crate) fn app(app: &Path) -> Self {
        Self::built(app).args(["--no-build"])
    }

    /// The same, after it was built where it is stale.
    pub(crate) fn built(app: &Path) -> Self {
        let mut command = rusm();
        command.arg("serve").arg(app);
        Self {
            command,
            dir: tempfile::tempdir().unwrap(),
            manifest: String::new(),
            limits: String::new(),
        }
    }

    /// `rusm dev`, which builds the app where it is stale and when it changes.
    pub(crate) fn dev(app: &Path) -> Self {
        let mut command = rusm();
        command.arg("dev").arg(app);
        Self {
            command,
            dir: tempfile::tempdir().unwrap(),
            manifest: String::new(),
            limits: String::new(),
        }
    }

    /// Serve examples/hello under its own manifest, on any port.
    pub(crate) fn hello() -> Self {
        Self::app(apps::hello()).args(["--listen", "127.0.0.1:0"])
    }

    /// Serve examples/hello with its own routes and these `keys` of its `[[serve]]`.
    pub(crate) fn hello_with(keys: &str) -> Self {
        Self::app(apps::hello()).manifest(&with_keys(apps::hello(), keys))
    }

    /// Serve the test guests with their own routes and these `keys` of their `[[serve]]`.
    pub(crate) fn lab_with(keys: &str) -> Self {
        Self::app(apps::lab()).manifest(&with_keys(apps::lab(), keys))
    }

    /// Serve the test processes under their manifest as `change` makes it, with a store of their
    /// own.
    pub(crate) fn actors(change: impl FnOnce(String) -> String) -> Self {
        let serve = Self::app(apps::actors());
        let store = serve.dir.path().join("data.redb");
        let manifest = change(with_store(apps::actors(), &store));
        serve.manifest(&manifest)
    }

    /// Serve the components of RUSM 0.7 under their manifest as `change` makes it, with a store of
    /// their own.
    pub(crate) fn seven(change: impl FnOnce(String) -> String) -> Self {
        let serve = Self::app(apps::seven());
        let store = serve.dir.path().join("data.redb");
        let manifest = change(with_store(apps::seven(), &store));
        serve.manifest(&manifest)
    }

    /// Serve the stock components with their own routes and these `keys` of their `[[serve]]`.
    pub(crate) fn stock_with(keys: &str) -> Self {
        Self::app(apps::stock()).manifest(&with_keys(apps::stock(), keys))
    }

    /// Serve examples/counter on any port, with this store.
    pub(crate) fn counter(store: &Path) -> Self {
        let manifest = with_store(apps::counter(), store);
        Self::app(apps::counter()).manifest(&manifest)
    }

    /// Serve examples/chat on any port.
    pub(crate) fn chat() -> Self {
        Self::app(apps::chat()).manifest(&with_keys(apps::chat(), ""))
    }

    /// Serve the components in TypeScript with these `keys` of their `[[serve]]`, and a store of
    /// their own.
    pub(crate) fn typescript_with(keys: &str) -> Self {
        Self::typescript(|manifest| {
            manifest.replace("[serve.routes]", &format!("{keys}\n[serve.routes]"))
        })
    }

    /// Serve the components in TypeScript under their manifest as `change` makes it, with a store of
    /// their own.
    pub(crate) fn typescript(change: impl FnOnce(String) -> String) -> Self {
        let serve = Self::app(apps::typescript());
        let store = serve.dir.path().join("data.redb");
        let manifest = change(with_store(apps::typescript(), &store));
        serve.manifest(&manifest)
    }

    /// Serve examples/todo-board, in the language of `app`, on any port and with this store.
    pub(crate) fn todo_board(app: &Path, store: &Path) -> Self {
        Self::app(app).manifest(&with_store(app, store))
    }

    /// Serve under this manifest.
    pub(crate) fn manifest(mut self, text: &str) -> Self {
        self.manifest = text.to_owned();
        let file = self.dir.path().join("rusm.toml");
        std::fs::write(&file, text).unwrap();
        self.args([OsStr::new("--config"), file.as_os_str()])
    }

    pub(crate) fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    /// Start it from a shell that has run `limits`, such as `ulimit -n 100`.
    pub(crate) fn limited_to(mut self, limits: &str) -> Self {
        self.limits = limits.to_owned();
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Start, and wait until it serves.
    pub(crate) fn start(mut self) -> Server {
        self.default_to_one_core();
        let mut child = self.spawn();
        let is_stuck = Arc::<AtomicBool>::default();
        let output = lines(Paused {
            from: child.stdout.take().unwrap(),
            is_stuck: is_stuck.clone(),
        });
        let log = gather(Paused {
            from: child.stderr.take().unwrap(),
            is_stuck: is_stuck.clone(),
        });
        let mut server = Server {
            child,
            addrs: Vec::new(),
            banner: String::new(),
            output: Mutex::new(output),
            log,
            is_stuck,
            manifest: self.manifest,
            _dir: self.dir,
        };
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = server.output.lock().unwrap().recv_timeout(left);
            let Ok(line) = line else {
                panic!("it doesn't serve:\n{}", server.banner);
            };
            server.banner += &format!("{line}\n");
            if let Ok(json) = serde_json::from_str::<serde_json::Value>(&line) {
                assert_eq!(json["kind"], "ready", "{json}");
                for listener in json["listeners"].as_array().unwrap() {
                    let url = listener["url"].as_str().unwrap();
                    let (_, addr) = url.split_once("://").unwrap();
                    server.addrs.push(addr.parse().unwrap());
                }
                return server;
            }
            let schemes = ["http://", "ws://", "https://", "wss://"];
            if let Some(addr) = schemes.iter().find_map(|scheme| line.strip_prefix(scheme)) {
                server.addrs.push(addr.parse().unwrap());
            }
            if line.starts_with("ready") {
                return server;
            }
        }
    }

    /// Start what must not serve: its exit code, and what it says on standard error.
    pub(crate) fn fails_to_start(mut self) -> (Option<i32>, String) {
        self.default_to_one_core();
        let mut server = self.spawn();
        let mut stderr = server.stderr.take().unwrap();
        let log = thread::spawn(move || {
            let mut log = Vec::new();
            stderr.read_to_end(&mut log).map(|_| log)
        });
        let status = wait(&mut server).expect("it serves");
        let log = log.join().unwrap().unwrap();
        (status.code(), String::from_utf8_lossy(&log).into_owned())
    }

    fn spawn(&mut self) -> Child {
        if !self.limits.is_empty() {
            let mut shell = Command::new("sh");
            let script = format!("{}; exec \"$@\"", self.limits);
            shell
                .args(["-c", &script, "sh"])
                .arg(self.command.get_program());
            shell.args(self.command.get_args()).stdin(Stdio::null());
            for (name, value) in self.command.get_envs() {
                match value {
                    Some(value) => shell.env(name, value),
                    None => shell.env_remove(name),
                };
            }
            self.command = shell;
        }
        let command = self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    fn default_to_one_core(&mut self) {
        if !self.command.get_args().any(|arg| arg == "--cores") {
            self.command.args(["--cores", "1"]);
        }
    }
}

/// A running server. It is killed at the end of the test, and what it logged shown if the test
/// failed.
pub(crate) struct Server {
    child: Child,
    /// Where it listens, in the order of the manifest.
    pub(crate) addrs: Vec<SocketAddr>,
    /// What it said before it was ready.
    pub(crate) banner: String,
    /// What it writes to its standard output then, line by line.
    output: Mutex<Receiver<String>>,
    log: Arc<Mutex<String>>,
    /// The readers of its standard streams stand still.
    is_stuck: Arc<AtomicBool>,
    manifest: String,
    _dir: tempfile::TempDir,
}

impl Server {
    /// Where its only listener is.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addrs[0]
    }

    /// A new connection to its only listener.
    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.addr())
    }

    /// The manifest that it was started with.
    pub(crate) fn manifest(&self) -> String {
        self.manifest.clone()
    }

    /// All lines so far of its standard output that nobody has asked for, after the banner.
    pub(crate) fn printed(&self) -> Vec<String> {
        self.output.lock().unwrap().try_iter().collect()
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// The log since this was asked last, which is forgotten.
    pub(crate) fn take_log(&self) -> String {
        std::mem::take(&mut self.log.lock().unwrap())
    }

    /// Let the readers of its standard streams stand still, or go on.
    pub(crate) fn read_its_streams(&self, is_read: bool) {
        self.is_stuck.store(!is_read, Ordering::Relaxed);
    }

    /// It logs this, sooner or later: its log is read by a thread of ours.
    #[track_caller]
    pub(crate) fn says(&self, text: &str) {
        let is_said = eventually(|| self.log().contains(text));
        assert!(is_said, "`{text}` is not in its log:\n{}", self.log());
    }

    pub(crate) fn signal(&self, signal: libc::c_int) {
        send(&self.child, signal);
    }

    /// A limit of open files that leaves room for so many more.
    pub(crate) fn files_with_room_for(&self, more: usize) -> usize {
        let files = std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        let taken: BTreeSet<usize> = files
            .filter_map(|file| file.unwrap().file_name().to_str()?.parse().ok())
            .collect();
        // The lowest number that is free is given next.
        let free = (0..).filter(|number| !taken.contains(number)).nth(more);
        free.unwrap()
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended of itself. `None` if it doesn't.
    pub(crate) fn wait(&mut self) -> Option<ExitStatus> {
        wait(&mut self.child)
    }

    /// How many file descriptors it has open, but for those that hold the initial memory of a
    /// component: they are made for its first instance, and kept.
    pub(crate) fn open_files(&self) -> usize {
        let files = std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        let names = files.filter_map(|file| std::fs::read_link(file.unwrap().path()).ok());
        names
            .filter(|name| !name.to_string_lossy().contains("memfd:"))
            .count()
    }

    /// How many files it has open when no client is there. It opens some when it begins to accept,
    /// after it has said that it is ready, so one client is let in and answered while they are counted.
    #[track_caller]
    pub(crate) fn files_at_rest(&self) -> usize {
        let mut client = self.connect();
        client.get("/");
        self.open_files() - 1
    }

    /// Wait until it has read all that this client has sent.
    #[track_caller]
    pub(crate) fn has_read(&self, client: &Client) {
        let (client, server) = (client.socket.local_addr(), client.socket.peer_addr());
        let port = |addr: std::io::Result<SocketAddr>| format!(":{:04X}", addr.unwrap().port());
        let (client, server) = (port(client), port(server));
        let all_is_read = eventually(|| {
            // Of each socket: a number, its address, the peer's, the state, and the bytes in its queues,
            // `SENT:RECEIVED`.
            let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
            let queues = |of: &str, with: &str| {
                let mut sockets = sockets
                    .lines()
                    .map(|line| line.split_whitespace().collect::<Vec<_>>());
                let socket =
                    sockets.find(|of_it| of_it[1].ends_with(of) && of_it[2].ends_with(with));
                socket.map(|of_it| of_it[4].to_owned())
            };
            let (sent, received) = (queues(&client, &server), queues(&server, &client));
            sent.is_none_or(|queues| queues.starts_with("00000000:"))
                && received.is_none_or(|queues| queues.ends_with(":00000000"))
        });
        assert!(all_is_read, "it does not read");
    }

    /// Bytes of its memory that are resident.
    pub(crate) fn resident(&self) -> usize {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id())).unwrap();
        let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
        pages * 4096
    }

    /// Wait until it has so many files open: it accepts in its own time.
    #[track_caller]
    pub(crate) fn has_opened(&self, files: usize) {
        assert!(
            eventually(|| self.open_files() >= files),
            "{} files are open",
            self.open_files()
        );
    }

    /// Wait until it has as few files open as `before`.
    #[track_caller]
    pub(crate) fn lets_go_of_all_but(&self, before: usize) {
        let all_closed = eventually(|| self.open_files() <= before);
        assert!(
            all_closed,
            "{} files are open, {before} were",
            self.open_files()
        );
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.read_its_streams(true);
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let log = self.log();
            let first = log.lines().count().saturating_sub(100);
            let tail: Vec<_> = log.lines().skip(first).collect();
            eprintln!("the end of the server's log:\n{}", tail.join("\n"));
        }
    }
}

/// Send a signal to a process that was not waited for.
pub(crate) fn send(process: &Child, signal: libc::c_int) {
    let pid = libc::pid_t::try_from(process.id()).unwrap();
    // SAFETY: it takes no memory; the child wasn't waited for, so the id is its own.
    assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
}

/// Whether `condition` comes true within [`PATIENCE`].
pub(crate) fn eventually(mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
    true
}

/// As many shards as the tests want, where the machine has the cores.
pub(crate) fn two_cores() -> String {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    cores.min(2).to_string()
}

/// The manifest of `app` with these keys for its only listener, on any port.
fn with_keys(app: &Path, keys: &str) -> String {
    let manifest = std::fs::read_to_string(app.join("rusm.toml")).unwrap();
    let listen = manifest
        .lines()
        .find(|line| line.starts_with("listen "))
        .unwrap();
    manifest.replace(listen, &format!("listen = \"127.0.0.1:0\"\n{keys}"))
}

/// The manifest of `app` on any port, with this store.
fn with_store(app: &Path, store: &Path) -> String {
    let store = format!("store = \"{}\"", store.display());
    with_keys(app, "").replace("store = \"data.redb\"", &store)
}

/// How a process ends of itself. `None` if it doesn't.
pub(crate) fn wait(child: &mut Child) -> Option<ExitStatus> {
    let mut status = None;
    eventually(|| {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    if status.is_none() {
        let _ = child.kill();
    }
    status
}

/// A stream whose reader may stand still.
struct Paused<R> {
    from: R,
    is_stuck: Arc<AtomicBool>,
}

impl<R: Read> Read for Paused<R> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        while self.is_stuck.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(20));
        }
        self.from.read(buf)
    }
}

pub(crate) fn lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            // The pipe is read on when nobody listens, or the server could not write.
            let _ = sender.send(line);
        }
    });
    lines
}

pub(crate) fn gather(mut from: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let gathered = Arc::<Mutex<String>>::default();
    let text = gathered.clone();
    thread::spawn(move || {
        let mut chunk = [0; 4096];
        while let Ok(len @ 1..) = from.read(&mut chunk) {
            text.lock()
                .unwrap()
                .push_str(&String::from_utf8_lossy(&chunk[..len]));
        }
    });
    gathered
}
