//! A service that the others call, and that does what a service should not.

#[rusm_rs::client]
pub trait Relay {
    fn pass_on(text: String) -> Result<String, String>;
}

#[rusm_rs::service]
pub mod subject {
    use std::time::Duration;

    use rusm_rs::{Callback, Mail, Request};

    use super::Relay;

    #[derive(Default)]
    pub struct State {
        ticks: u64,
        messages: u64,
        absorbed: u64,
    }

    pub fn echo(text: String) -> String {
        text
    }

    /// Traps at every third call.
    pub fn tick(state: &mut State) -> u64 {
        state.ticks += 1;
        assert!(state.ticks < 3, "the third tick");
        state.ticks
    }

    pub fn wait(ms: u64) {
        rusm_rs::receive_mail(Some(Duration::from_millis(ms)));
    }

    pub fn spin() {
        loop {
            std::hint::black_box(());
        }
    }

    pub fn numbers(n: u64) -> impl Iterator<Item = u64> {
        0..n
    }

    /// Traps before the last.
    pub fn broken_numbers(n: u64) -> impl Iterator<Item = u64> {
        (0..n).inspect(move |i| assert!(*i < n - 1, "the last number"))
    }

    pub fn count_down(from: u64, each: Callback<u64>) -> String {
        for i in (1..=from).rev() {
            each.call(i);
        }
        "lift-off".to_owned()
    }

    /// Traps while others wait.
    pub fn crash_after(ms: u64) {
        wait(ms);
        panic!("as it was told");
    }

    /// Counts the calls that nobody waits for.
    pub fn absorb(state: &mut State, _text: String) {
        state.absorbed += 1;
    }

    pub fn absorbed(state: &State) -> u64 {
        state.absorbed
    }

    /// What comes of calls of its own.
    pub fn call_itself() -> String {
        let own = Client::connect(rusm_rs::me()).timeout(Duration::from_secs(20));
        let sum: Result<Vec<u64>, _> = own.numbers(3).collect();
        format!("{:?} {:?}", own.echo("me".to_owned()), sum)
    }

    /// What comes of a call of a service that calls this one.
    pub fn around(text: String) -> String {
        let relay = Relay::whereis("relay").map(|relay| relay.timeout(Duration::from_secs(20)));
        format!("{:?}", relay.and_then(|relay| relay.pass_on(text)))
    }

    /// The same of an action that does.
    pub fn around_by_fetch() -> String {
        let request = Request::new("GET", "/");
        let fetched = rusm_rs::fetch("probe", "echo", request, Duration::from_secs(20));
        fetched.map_or_else(|error| error.to_string(), |it| it.status_code().to_string())
    }

    /// A line in the log, and one without an end.
    pub fn say(text: String) {
        rusm_rs::log::info(format!("said {text}"));
        eprint!("began {text}");
    }

    /// The same, as it streams.
    pub fn say_and_count(text: String) -> impl Iterator<Item = u64> {
        say(text);
        0..1
    }

    pub fn who() -> (u64, Option<u64>) {
        (rusm_rs::me().0, rusm_rs::caller().map(|pid| pid.0))
    }

    pub fn received(state: &State) -> u64 {
        state.messages
    }

    pub fn on_mail(state: &mut State, mail: Mail) {
        if let Mail::Message(_) = mail {
            state.messages += 1;
        }
    }
}
