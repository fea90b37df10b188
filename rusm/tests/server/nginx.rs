//! nginx in front of the server, with what `docs/serving.md` has its reader configure.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use crate::client::Client;
use crate::server::{Server, eventually, gather};

/// A running nginx. It is killed at the end of the test, and what it logged shown if the test
/// failed.
pub(crate) struct Nginx {
    child: Child,
    log: Arc<Mutex<String>>,
    /// Its listeners, in the order of its configuration.
    pub(crate) addrs: Vec<SocketAddr>,
    _dir: tempfile::TempDir,
}

/// The guide's configuration: an upstream, `rusm`, and a server in front of it.
pub(crate) fn guide() -> &'static str {
    let guide = include_str!("../../../docs/serving.md");
    let (_, block) = guide.split_once("```nginx\n").expect("the guide has one");
    block.split_once("```").expect("the end of a block").0
}

/// Where the guide's RUSM listens, and its nginx.
const UPSTREAM: &str = "127.0.0.1:8080";
const LISTEN: &str = "listen 80;";

impl Nginx {
    /// Start it with this configuration, in which the addresses are the guide's. Each `listen` gets
    /// a port of its own.
    #[track_caller]
    pub(crate) fn start(server: &Server, http: &str) -> Self {
        assert!(http.contains(UPSTREAM) && http.contains(LISTEN), "{http}");
        let mut http = http.replace(UPSTREAM, &server.addr().to_string());
        // They stay taken until all are chosen, so that they differ.
        let mut taken = Vec::new();
        while http.contains(LISTEN) {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let addr = listener.local_addr().unwrap();
            http = http.replacen(LISTEN, &format!("listen {addr};"), 1);
            taken.push((listener, addr));
        }
        let addrs = taken.into_iter().map(|(_, addr)| addr).collect();
        Self::run(&http, addrs)
    }

    #[track_caller]
    fn run(http: &str, addrs: Vec<SocketAddr>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = format!(
            "daemon off; master_process off; pid nginx.pid; error_log stderr;\n\
             events {{ worker_connections 512; }}\n\
             http {{\naccess_log off; client_body_temp_path body; proxy_temp_path proxy;\n\
             fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;\n{http}}}\n"
        );
        std::fs::write(dir.path().join("nginx.conf"), config).unwrap();
        let mut child = Command::new("nginx")
            .arg("-p")
            .arg(dir.path())
            .args(["-c", "nginx.conf", "-e", "stderr"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("nginx: {error}: scripts/setup-test-tools.sh"));
        let log = gather(child.stderr.take().unwrap());
        let mut nginx = Self {
            child,
            log,
            addrs,
            _dir: dir,
        };
        let listens = |addr| TcpStream::connect(addr).is_ok();
        let begun = eventually(|| {
            nginx.child.try_wait().unwrap().is_some() || nginx.addrs.iter().all(listens)
        });
        let ended = nginx.child.try_wait().unwrap();
        assert!(begun && ended.is_none(), "{ended:?}");
        nginx
    }

    /// A new connection to its first listener.
    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.addrs[0])
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("nginx's log:\n{}", self.log.lock().unwrap());
        }
    }
}
