//! The page of `examples/chat` in Chromium, where it stays connected whatever fails around it.
//! `clients/browser.py` says what each case is.

use crate::clients;
use crate::server::Serve;

#[test]
fn two_pages_chat() {
    passes("two_pages_chat");
}

#[test]
fn a_page_that_is_reloaded_hears_on() {
    passes("a_page_that_is_reloaded_hears_on");
}

#[test]
fn a_room_that_crashed_is_restarted() {
    let log = passes("a_room_that_crashed_is_restarted");
    assert_eq!(log.matches("crash was called").count(), 1, "{log}");
}

#[test]
fn a_connection_that_crashed_is_made_again() {
    let log = passes("a_connection_that_crashed_is_made_again");
    assert_eq!(log.matches("somebody said /crash").count(), 1, "{log}");
}

#[test]
fn a_feed_that_was_cut_goes_on() {
    passes("a_feed_that_was_cut_goes_on");
}

#[test]
fn ticks_that_were_cut_go_on() {
    passes("ticks_that_were_cut_go_on");
}

/// What the server has logged.
#[track_caller]
fn passes(case: &str) -> String {
    let server = Serve::chat().start();
    clients::python("browser.py", &server, &[case]);
    server.log()
}
