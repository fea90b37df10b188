//! What guests do with processes: spawn, link, watch, group, time, stream, flood.

use crate::client::Response;
use crate::server::{Serve, Server, eventually, two_cores};

fn start() -> Server {
    Serve::actors(|manifest| manifest).start()
}

fn text(server: &Server, path: &str) -> String {
    let response = server.connect().get(path);
    assert_eq!(response.status, 200, "{path}: {}", response.text());
    response.text()
}

#[test]
fn a_handler_spawns_a_process_talks_to_it_and_sees_its_end() {
    let server = start();
    assert_eq!(text(&server, "/loner/hi"), "hi true normal false");
}

#[test]
fn monitors_tell_of_a_death_and_of_one_that_was() {
    assert_eq!(text(&start(), "/monitor"), "true noproc");
}

#[test]
fn a_linked_death_is_mail_if_trapped_and_an_end_if_not() {
    let server = start();
    let response = server.connect().get("/links");
    assert_eq!(response.status, 500);
    server.says("trapped: true");
    server.says("the process was ended");
    assert_eq!(text(&server, "/timers"), "true first second none");
}

#[test]
fn who_is_linked_to_a_handler_that_fails_ends_with_it() {
    let server = Serve::actors(|manifest| {
        let keys = "[[serve]]\nrequest-timeout-ms = 1000\n";
        manifest.replace("[[serve]]\n", keys)
    })
    .start();
    // The three ways in which an action is called.
    for kind in ["", "/fetched", "/streaming"] {
        for how in ["trap", "spin", "wait", "exit", "kill"] {
            let response = server
                .connect()
                .get(&format!("{kind}/take-along?how={how}"));
            assert!(response.status >= 500, "{kind} {how}");
            let none_left = eventually(|| text(&server, "/loners") == "0");
            assert!(none_left, "{kind} {how}: {}", text(&server, "/loners"));
        }
    }
    assert_eq!(text(&server, "/take-along"), "they stay");
    assert_eq!(text(&server, "/loners"), "3", "a normal end is no failure");
}

#[test]
fn a_timer_beyond_what_clocks_count_is_set_like_any_other() {
    let server = Serve::actors(|manifest| manifest).start();
    for _ in 0..3 {
        assert_eq!(text(&server, "/far"), "nothing");
    }
    assert_eq!(text(&server, "/timers"), "true first second none");
}

#[test]
fn groups_timers_and_messages_set_aside() {
    let server = start();
    assert_eq!(text(&server, "/groups"), "true 1 true true");
    assert_eq!(
        text(&server, "/groups"),
        "true 1 true true",
        "it left when it ended"
    );
    assert_eq!(text(&server, "/timers"), "true first second none");
    assert_eq!(text(&server, "/stash"), "cab");
}

#[test]
fn streams_end_and_see_a_reader_die() {
    assert_eq!(text(&start(), "/streams/1000"), "1000 false");
}

#[test]
fn a_guest_supervises_and_learns_that_its_supervisor_gave_up() {
    let said = text(&start(), "/supervised");
    assert!(said.starts_with("3 true "), "{said}");
}

#[test]
fn a_component_answers_requests_and_calls() {
    let server = start();
    assert_eq!(text(&server, "/both"), "42\n");
    assert_eq!(
        text(&server, "/fetch"),
        "42\n",
        "an action, called by another handler"
    );
}

#[test]
fn each_denied_attempt_names_the_grant_that_is_missing() {
    let server = start();
    for (what, grant) in [
        ("spawn", "allow-spawn"),
        ("run", "allow-spawn"),
        ("store", "allow-storage"),
        ("link", "allow-process-control"),
    ] {
        let said = text(&server, &format!("/denied/{what}"));
        assert!(
            said.contains(grant) && said.contains("`denied`"),
            "{what}: {said}"
        );
    }
    assert_eq!(text(&server, "/denied/kill"), "false true");
    server.says("allow-process-control");
    assert_eq!(text(&server, "/denied/list"), "true");
}

#[test]
fn spawning_without_end_leaves_room_for_requests() {
    let server = start();
    let said = text(&server, "/spawn-all");
    assert!(said.starts_with("8 "), "{said}");
    assert!(said.contains("spawned-per-core"), "{said}");
    let many: Vec<Response> = (0..64).map(|_| server.connect().get("/echo/x")).collect();
    assert!(many.iter().all(|response| response.status == 200));
}

#[test]
fn a_flooded_mailbox_is_bounded_and_the_rest_is_served() {
    for cores in ["1", &two_cores()] {
        let server = Serve::actors(|manifest| {
            manifest.replace(
                "[components.subject]\n",
                "[components.subject]\nmailbox-messages = 100\nshard = 0\n",
            )
        })
        .args(["--cores", cores])
        .start();
        assert_eq!(text(&server, "/echo/before"), "before");
        let before = server.resident();
        let flooders: Vec<_> = (0..4)
            .map(|_| {
                let addr = server.addr();
                std::thread::spawn(move || {
                    crate::client::Client::connect(addr)
                        .get("/flood/50000")
                        .status
                })
            })
            .collect();
        for _ in 0..20 {
            assert_eq!(text(&server, "/groups").split(' ').next(), Some("true"));
        }
        for flooder in flooders {
            assert_eq!(flooder.join().unwrap(), 200);
        }
        let mut received = 0;
        assert!(eventually(|| {
            let response = server.connect().get("/received");
            received = response.text().parse().unwrap_or(received);
            response.status == 200
        }));
        assert!((1..=200_000).contains(&received), "{received}");
        let grown = server.resident().saturating_sub(before);
        assert!(grown < 64 << 20, "{grown} bytes of 200 MB are kept");
    }
}

#[test]
fn what_one_call_hands_to_the_host_has_a_bound() {
    let server = start();
    // As bytes of the memory that they are, the headers would be more than all of it.
    for count in [65, 1000] {
        let response = server.connect().get(&format!("/alias/{count}"));
        assert_eq!(response.status, 500, "{count}");
    }
    server.says("too much data");
    assert_eq!(text(&server, "/alias/8"), "1", "an error, and no stream");
    assert_eq!(text(&server, "/large-head/200000"), "begun");
    assert_eq!(server.connect().get("/large-head/300000").status, 500);
    server.says("the response's headers have 30");
    for (count, data) in [(1000, 1001), (2 << 20, 0)] {
        let events = text(&server, &format!("/empty-lines/{count}"));
        assert_eq!(events.matches("data: \n").count(), data, "{count}");
        assert!(events.ends_with("data: after\n\n"), "{count}");
    }
    server.says("an event was not sent: it has 2097152 bytes, more than 1048576");
}
