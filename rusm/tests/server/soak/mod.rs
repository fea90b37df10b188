//! Everything at once, for as long as one likes: clients of every kind beside hostile guests and
//! hostile clients of every kind, on both shards, while services are killed and the readers of the
//! logs stand still half of the time.
//!
//! - [`clients`]: those that must notice nothing but what docs/services.md says.
//! - [`hostile`]: the guests and the clients that take what they can get.
//! - [`figures`]: what is counted and measured, and how flat that has to be.

mod clients;
mod figures;
mod hostile;

use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use libc::SIGTERM;

use self::figures::{Counts, Samples};
use crate::apps;
use crate::client::Client;
use crate::server::{Serve, Server, eventually, two_cores};

#[test]
fn clients_are_served_beside_all_that_is_hostile() {
    // The memory of the pool is touched for the first time all the while.
    soak(Duration::from_secs(12), 256 << 20);
}

#[test]
#[ignore = "long: 20 minutes, or as many seconds as RUSM_SOAK_SECONDS has"]
fn clients_are_served_beside_all_that_is_hostile_for_long() {
    let seconds = std::env::var("RUSM_SOAK_SECONDS");
    let seconds = seconds.map_or(1200, |text| text.parse().unwrap());
    soak(Duration::from_secs(seconds), 32 << 20);
}

/// Beside a tenth, so many bytes of memory may be more at the end than in the first quarter.
fn soak(time: Duration, memory: usize) {
    let dir = tempfile::tempdir().unwrap();
    let mut server = serve(dir.path());
    let place = Place {
        served: server.addrs[0],
        attacked: server.addrs[1],
    };
    let (files, processes) = (server.open_files(), census(place));
    let counts = Counts::default();
    let samples = Samples::default();
    let is_over = AtomicBool::new(false);
    let begun = Instant::now();
    let until = begun + time;
    thread::scope(|scope| {
        for job in clients::JOBS {
            scope.spawn(|| clients::run(job, place, until, &counts));
        }
        for offset in 0..HOSTILE {
            let counts = &counts;
            scope.spawn(move || hostile::run(offset, place, until, counts));
        }
        scope.spawn(|| kill_services(place, until, &counts));
        scope.spawn(|| samples.take(&server, begun, until, &counts));
        scope.spawn(|| {
            // Half of the time, in turns that are longer than the queues of the logs last.
            let turn = time / 12;
            while Instant::now() < until {
                let turns = begun.elapsed().div_duration_f32(turn) as u32;
                server.read_its_streams(turns.is_multiple_of(2));
                thread::sleep(Duration::from_millis(50));
            }
            server.read_its_streams(true);
        });
    });
    eprintln!("{counts}{samples}");
    samples.are_flat(memory);
    counts.are_as_documented();

    server.lets_go_of_all_but(files + figures::FILES);
    let at_rest = eventually(|| census(place) <= processes);
    assert!(at_rest, "{} processes, {processes} were", census(place));

    // It stops amid all of it, and nobody reads what it says.
    server.read_its_streams(false);
    let hostile = Counts::default();
    thread::scope(|scope| {
        for offset in 0..HOSTILE {
            let (hostile, is_over) = (&hostile, &is_over);
            scope.spawn(move || {
                let mut turn = offset;
                while !is_over.load(Ordering::Relaxed) {
                    // Sooner or later there is no answer any more.
                    hostile::attempt(turn, place, hostile);
                    turn += HOSTILE;
                }
            });
        }
        thread::sleep(Duration::from_millis(500));
        let asked = Instant::now();
        server.signal(SIGTERM);
        let status = server.wait();
        is_over.store(true, Ordering::Relaxed);
        let took = asked.elapsed();
        eprintln!("stopped within {took:?}");
        assert_eq!(status.and_then(|status| status.code()), Some(0));
        assert!(took < GRACE + Duration::from_secs(3), "{took:?}");
    });
}

/// The listeners of the server: the one of the clients, and the one of those that attack it.
#[derive(Clone, Copy)]
struct Place {
    served: SocketAddr,
    attacked: SocketAddr,
}

/// Serve components of several apps at once.
fn serve(dir: &Path) -> Server {
    let wasm = dir.join("wasm");
    std::fs::create_dir_all(&wasm).unwrap();
    for (app, name, as_name) in COMPONENTS {
        let from = app().join(format!("wasm/{name}.wasm"));
        symlink(from, wasm.join(format!("{as_name}.wasm"))).unwrap();
    }
    let store = dir.join("data.redb");
    let manifest = include_str!("rusm.toml").replace("data.redb", &store.display().to_string());
    let serve = Serve::app(dir).manifest(&manifest);
    serve.args(["--cores", &two_cores()]).start()
}

fn kill_services(place: Place, until: Instant, counts: &Counts) {
    let mut next = Instant::now();
    while Instant::now() < until {
        for service in ["subject", "ledger", "tally"] {
            let mut client = Client::connect(place.attacked);
            let killed = client.get(&format!("/kill/{service}"));
            // It is just about to be started again, otherwise.
            let outcome = if killed.text() == "true" {
                "killed"
            } else {
                "not there"
            };
            counts.add(&format!("kill {service}"), outcome);
        }
        next += Duration::from_secs(1);
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}

/// How many processes there are.
fn census(place: Place) -> u32 {
    let counted = Client::connect(place.attacked).get("/census");
    counted.text().parse().unwrap()
}

type App = fn() -> &'static Path;

/// Which component of which app is served under which name.
const COMPONENTS: [(App, &str, &str); 11] = [
    (apps::actors, "feed", "feed"),
    (apps::actors, "hostile", "hostile"),
    (apps::actors, "loner", "loner"),
    (apps::actors, "probe", "probe"),
    (apps::actors, "subject", "subject"),
    (apps::chat, "echo", "mirror"),
    (apps::typescript, "asker", "asker"),
    (apps::typescript, "echo", "echo"),
    (apps::typescript, "ledger", "ledger"),
    (apps::typescript, "more", "more"),
    (apps::typescript, "tally", "tally"),
];

/// Hostile guests or clients at a time.
const HOSTILE: usize = 4;
/// As the manifest has it.
const GRACE: Duration = Duration::from_secs(5);
