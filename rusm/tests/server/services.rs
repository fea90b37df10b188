//! Resident services, called by handlers of the same shard and of another.

use std::thread;

use crate::apps;
use crate::client::Response;
use crate::server::{Serve, Server, two_cores};

const PINNED: &str = "[components.subject]\nresident = true\nshard = 0\n";

fn pinned(extra: &str) -> Serve {
    Serve::actors(|manifest| {
        manifest.replace(
            "[components.subject]\nresident = true\n",
            &format!("{PINNED}{extra}"),
        )
    })
}

fn text(server: &Server, path: &str) -> String {
    let response = server.connect().get(path);
    assert_eq!(response.status, 200, "{path}: {}", response.text());
    response.text()
}

#[test]
fn a_service_is_called_from_its_own_shard_and_from_another() {
    let cores = two_cores();
    let server = pinned("").args(["--cores", &cores]).start();
    assert!(
        server.banner.contains("subject  shard 0"),
        "{}",
        server.banner
    );
    let mut seen = Vec::new();
    // The kernel spreads connections over the shards.
    for _ in 0..200 {
        let said = text(&server, "/who");
        assert!(said.ends_with("true"), "it knows its caller: {said}");
        assert_eq!(text(&server, "/echo/hello"), "hello");
        assert_eq!(text(&server, "/chain/on"), "on");
        seen.push(said);
        seen.sort();
        seen.dedup();
        if seen.len().to_string() == cores {
            return;
        }
    }
    panic!("{seen:?} on {cores} cores");
}

#[test]
fn streams_and_callbacks_go_both_ways() {
    for cores in ["1", &two_cores()] {
        let server = pinned("").args(["--cores", cores]).start();
        for _ in 0..8 {
            assert_eq!(
                text(&server, "/numbers/20000"),
                (0..20_000u64).sum::<u64>().to_string()
            );
            assert_eq!(text(&server, "/count-down/3"), "3 2 1 lift-off");
            let broken = text(&server, "/broken-numbers/3");
            assert!(broken.starts_with("0 1 "), "{broken}");
            assert!(broken.len() > "0 1 ".len(), "the failure is seen: {broken}");
        }
    }
}

#[test]
fn errors_say_what_is_wrong() {
    let server = pinned("").start();
    let rejected = |path| -> Response {
        let response = server.connect().get(path);
        assert_eq!(response.status, 503, "{path}");
        response
    };
    let said = rejected("/no-function").text();
    assert!(said.contains("`echo`"), "it names what there is: {said}");
    let said = rejected("/no-service").text();
    assert!(said.contains("no process has the name `nobody`"), "{said}");
    assert!(
        server.log().is_empty(),
        "nobody has to do anything: {}",
        server.log()
    );
}

#[test]
fn a_call_that_takes_too_long_ends_for_its_caller_alone() {
    let server = pinned("").start();
    let response = server.connect().get("/wait/1500/100");
    assert_eq!(response.status, 503);
    assert!(response.text().contains("in time"), "{}", response.text());
    // It comes after the one that is still at work.
    assert_eq!(text(&server, "/echo/next"), "next");
}

#[test]
fn a_service_that_never_returns_is_ended_and_holds_up_no_one_else() {
    let server = pinned("function-timeout-ms = 1000\n").start();
    let response = server.connect().get("/spin/100");
    assert_eq!(response.status, 503);
    assert_eq!(text(&server, "/groups"), "true 1 true true", "beside it");
    let back = crate::server::eventually(|| server.connect().get("/echo/back").status == 200);
    assert!(back, "it was started again");
    server.says("function-timeout-ms");
}

#[test]
fn callers_of_a_service_that_keeps_trapping_get_an_answer_or_an_error() {
    let server = pinned("").args(["--cores", &two_cores()]).start();
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let addr = server.addr();
            thread::spawn(move || {
                let mut client = crate::client::Client::connect(addr);
                let mut answers = [0u32; 2];
                for _ in 0..250 {
                    let response = client.get("/tick");
                    let said = response.text();
                    match response.status {
                        200 => {
                            assert!(said == "1" || said == "2", "{said}");
                            answers[0] += 1;
                        }
                        503 => {
                            let known = ["ended", "no such process", "no process has the name"]
                                .iter()
                                .any(|why| said.contains(why));
                            assert!(known, "it hangs no more than it is lost: {said}");
                            answers[1] += 1;
                        }
                        status => panic!("{status} {said}"),
                    }
                }
                answers
            })
        })
        .collect();
    let answers = callers.into_iter().map(|caller| caller.join().unwrap());
    let [answered, errors] = answers.fold([0, 0], |sum, one| [sum[0] + one[0], sum[1] + one[1]]);
    assert!(
        answered >= 250,
        "it was started again and again: {answered}, {errors}"
    );
    assert!(errors >= 250, "{answered}, {errors}");
    assert_eq!(text(&server, "/echo/after"), "after");
}

#[test]
fn a_service_that_was_killed_has_its_name_again() {
    let server = pinned("").start();
    for _ in 0..10 {
        assert_eq!(text(&server, "/kill"), "true");
        let back = crate::server::eventually(|| server.connect().get("/echo/back").status == 200);
        assert!(back);
    }
}

#[test]
fn a_service_that_dies_too_often_is_given_up_and_the_rest_is_served() {
    let server = pinned("max-restarts = 2\nrestart-window-s = 60\n").start();
    for _ in 0..3 {
        assert!(crate::server::eventually(|| {
            server.connect().get("/kill").status == 200 || server.log().contains("too often")
        }));
    }
    assert!(
        crate::server::eventually(|| server.log().contains("max-restarts")),
        "{}",
        server.log()
    );
    assert_eq!(server.connect().get("/echo/x").status, 503);
    assert_eq!(text(&server, "/groups"), "true 1 true true");
}

#[test]
fn a_component_that_is_no_service_is_refused() {
    let manifest = std::fs::read_to_string(apps::hello().join("rusm.toml")).unwrap();
    let manifest = manifest.replace(
        "[components.hello]\n",
        "[components.hello]\nresident = true\n",
    );
    let serve = Serve::app(apps::hello()).manifest(&manifest);
    let (code, said) = serve.args(["--listen", "127.0.0.1:0"]).fails_to_start();
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("`hello`"), "{said}");
}

#[test]
fn a_shard_that_is_not_there_is_refused() {
    let (code, said) = Serve::actors(|manifest| {
        manifest.replace(
            "[components.subject]\nresident = true\n",
            &PINNED.replace("= 0", "= 7"),
        )
    })
    .fails_to_start();
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("pinned to shard 7"), "{said}");
}

/// The manifest with the service that nobody calls.
fn with_clockwork(manifest: String, keys: &str) -> String {
    manifest.replace(
        "[components.clockwork]\n",
        &format!("[components.clockwork]\nresident = true\n{keys}"),
    )
}

#[test]
fn a_service_begins_with_the_node_and_after_each_restart() {
    let server = Serve::actors(|manifest| with_clockwork(manifest, "")).start();
    server.says("wound up");
    // Nobody calls it, and it dies of its third beat.
    let lives = |server: &Server| server.log().matches("beat 3").count();
    assert!(
        crate::server::eventually(|| lives(&server) >= 3),
        "{}",
        server.log()
    );
}

#[test]
fn a_service_finds_those_of_other_shards_when_it_begins() {
    let server = Serve::actors(|manifest| {
        let manifest = with_clockwork(manifest, "shard = 0\n");
        manifest.replace(
            "[components.subject]\nresident = true\n",
            &PINNED.replace("= 0", "= 1"),
        )
    });
    if two_cores() == "2" {
        server.args(["--cores", "2"]).start().says("beat 1");
    }
}

#[test]
fn a_service_whose_init_panics_keeps_the_node_from_starting() {
    let (code, said) = Serve::actors(|manifest| {
        let manifest = with_clockwork(manifest, "");
        manifest.replace(
            "[components.subject]\nresident = true\n",
            "[components.subject]\n",
        )
    })
    .fails_to_start();
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("service `clockwork` can't be started"),
        "{said}"
    );
    assert!(said.contains("there is no subject"), "{said}");
}

#[test]
fn a_service_whose_init_never_returns_keeps_the_node_from_starting() {
    let (code, said) = Serve::actors(|manifest| {
        let manifest = with_clockwork(manifest, "function-timeout-ms = 200\n");
        manifest.replace(
            "[components.loner]\n",
            "[components.loner]\nresident = true\n",
        )
    })
    .fails_to_start();
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("service `clockwork` can't be started"),
        "{said}"
    );
    assert!(said.contains("function-timeout-ms"), "{said}");
}

#[test]
fn a_service_keeps_its_name_between_two_lives() {
    let server = pinned("").args(["--cores", &two_cores()]).start();
    let mut gone = 0;
    for _ in 0..100 {
        // It is killed before it has done anything, so it is started again later each time.
        server.connect().get("/kill");
        assert_eq!(text(&server, "/take/subject"), "false");
        gone += u32::from(server.connect().get("/echo/x").status == 503);
        if gone >= 3 {
            break;
        }
    }
    assert!(gone >= 3, "it was never between two lives");
    let back = crate::server::eventually(|| server.connect().get("/echo/back").text() == "back");
    assert!(back);
    assert_eq!(text(&server, "/take/other"), "true");
}

#[test]
fn a_service_that_was_given_up_keeps_its_name() {
    let server = pinned("max-restarts = 0\nrestart-window-s = 60\n").start();
    assert_eq!(text(&server, "/kill"), "true");
    server.says("max-restarts");
    assert_eq!(text(&server, "/take/subject"), "false");
}

/// The service is busy for as long, while `during` runs.
fn while_busy<T>(server: &Server, path: &str, during: impl FnOnce() -> T) -> (Response, T) {
    let addr = server.addr();
    let path = path.to_owned();
    let busy = thread::spawn(move || crate::client::Client::connect(addr).get(&path));
    thread::sleep(std::time::Duration::from_millis(300));
    let done = during();
    (busy.join().unwrap(), done)
}

#[test]
fn a_cast_is_well_only_if_it_arrives() {
    for cores in ["1", &two_cores()] {
        let server = pinned("mailbox-messages = 10\n")
            .args(["--cores", cores])
            .start();
        let (_, well) = while_busy(&server, "/wait/2000/5000", || {
            let casts = (0..20).map(|_| text(&server, "/casts/20").parse::<u64>().unwrap());
            casts.sum::<u64>()
        });
        assert_eq!(well, 10, "of 400, on {cores} cores");
        assert_eq!(text(&server, "/absorbed"), "10");
    }
}

#[test]
fn a_message_that_is_too_large_is_told_from_one_too_many() {
    for cores in ["1", &two_cores()] {
        let server = pinned("mailbox-kb = 64\n").args(["--cores", cores]).start();
        for _ in 0..8 {
            // It is sent twice, by a cast and by a call.
            assert_eq!(text(&server, "/large/30"), "30720");
            let rejected = server.connect().get("/large/65").text();
            assert!(rejected.contains("message too large"), "{rejected}");
            assert!(rejected.contains("mailbox-kb"), "{rejected}");
        }
        server.says("cast: message too large");
    }
}

#[test]
fn a_call_that_was_never_begun_may_be_made_again() {
    for cores in ["1", &two_cores()] {
        let server = pinned("").args(["--cores", cores]).start();
        let (crashed, queued) = while_busy(&server, "/crash-after/1000", || {
            let callers: Vec<_> = ["/echo/x", "/count-down/3", "/numbers/3", "/echo/y"]
                .map(|path| {
                    let addr = server.addr();
                    thread::spawn(move || crate::client::Client::connect(addr).get(path).status)
                })
                .into();
            callers
                .into_iter()
                .map(|caller| caller.join().unwrap())
                .collect::<Vec<_>>()
        });
        assert_eq!(crashed.status, 500, "it was at work on that one");
        assert_eq!(queued, [503; 4]);
    }
}

#[test]
fn a_service_that_calls_itself_gets_an_error_at_once() {
    let server = pinned("").start();
    let begun = std::time::Instant::now();
    let said = text(&server, "/call-itself");
    assert_eq!(said.matches("call itself").count(), 2, "{said}");
    assert!(
        begun.elapsed() < std::time::Duration::from_secs(3),
        "{said}"
    );
}

#[test]
fn services_that_call_one_another_in_a_cycle_get_an_error_at_once() {
    for (cores, shard) in [("1", "0"), ("2", "1")] {
        if two_cores().as_str() < cores {
            continue;
        }
        let server = Serve::actors(|manifest| {
            let manifest = manifest.replace(
                "[components.subject]\nresident = true\n",
                &format!("{PINNED}capability = \"powerful\"\n"),
            );
            let relay = "[components.relay]\nresident = true\n";
            manifest.replace(relay, &format!("{relay}shard = {shard}\n"))
        })
        .args(["--cores", cores])
        .start();
        let begun = std::time::Instant::now();
        for _ in 0..4 {
            let said = text(&server, "/around/x");
            assert!(said.contains("a cycle of calls"), "{said}");
            assert!(said.contains("`subject` -> `relay` -> `subject`"), "{said}");
            // The handler that it fetches calls it.
            assert_eq!(text(&server, "/around-by-fetch"), "500");
            assert_eq!(text(&server, "/chain/on"), "on", "the other way round");
        }
        assert!(begun.elapsed() < std::time::Duration::from_secs(15));
        server.says("a cycle of calls, in which each would wait for the next: `subject` -> <");
    }
}

#[test]
fn handlers_that_set_timers_without_end_take_none_of_the_others() {
    let server = pinned("").start();
    for _ in 0..3 {
        let set = text(&server, "/set-timers/150000");
        assert_eq!(set, rusm_core::quota::PROCESS_TIMERS.to_string());
    }
    assert_eq!(text(&server, "/timers"), "true first second none");
    server.says("`send-after` did nothing");
    server.says("timers were dropped");
    let told = server.log().matches("`send-after` did nothing").count();
    assert_eq!(told, 3, "once for each process: {}", server.log());
}
