//! Handlers that do with processes all that their API offers, and tell what came of it.

use std::time::Duration;

use rusm_rs::{CallError, Mail, Params, Pid, Request, Response, Stream};

#[rusm_rs::client]
pub trait Subject {
    fn echo(text: String) -> String;
    fn tick() -> u64;
    fn wait(ms: u64);
    fn spin();
    fn numbers(n: u64) -> impl Iterator<Item = u64>;
    fn broken_numbers(n: u64) -> impl Iterator<Item = u64>;
    fn count_down(from: u64, each: rusm_rs::Callback<u64>) -> String;
    fn who() -> (u64, Option<u64>);
    fn crash_after(ms: u64);
    fn absorb(text: String);
    fn absorbed() -> u64;
    fn call_itself() -> String;
    fn around(text: String) -> String;
    fn around_by_fetch() -> String;
    fn say(text: String);
    fn say_and_count(text: String) -> impl Iterator<Item = u64>;
    fn received() -> u64;
    fn absent();
}

#[rusm_rs::client]
pub trait Relay {
    fn pass_on(text: String) -> Result<String, String>;
    fn say(text: String) -> Result<(), String>;
}

#[rusm_rs::handlers]
pub mod handlers {
    use super::*;

    pub fn echo(_: Request, params: Params) -> Result<Response, CallError> {
        Ok(Response::text(subject()?.echo(text(&params, "text"))?))
    }

    pub fn tick(_: Request) -> Response {
        told(subject().and_then(|subject| subject.timeout(SOON).tick()))
    }

    pub fn wait(_: Request, params: Params) -> Response {
        let timeout = Duration::from_millis(number(&params, "timeout"));
        told(subject().and_then(|t| t.timeout(timeout).wait(number(&params, "ms"))))
    }

    pub fn spin(_: Request, params: Params) -> Response {
        let timeout = Duration::from_millis(number(&params, "timeout"));
        told(subject().and_then(|subject| subject.timeout(timeout).spin()))
    }

    pub fn numbers(_: Request, params: Params) -> Result<Response, CallError> {
        let numbers = subject()?.numbers(number(&params, "n"));
        let sum = numbers.sum::<Result<u64, CallError>>()?;
        Ok(Response::text(sum.to_string()))
    }

    pub fn broken_numbers(_: Request, params: Params) -> Result<Response, CallError> {
        let mut said = String::new();
        for number in subject()?.broken_numbers(number(&params, "n")) {
            match number {
                Ok(number) => said += &format!("{number} "),
                Err(error) => said += &error.to_string(),
            }
        }
        Ok(Response::text(said))
    }

    pub fn count_down(_: Request, params: Params) -> Result<Response, CallError> {
        let mut said = String::new();
        let end = subject()?.count_down(number(&params, "n"), |i| said += &format!("{i} "))?;
        Ok(Response::text(said + &end))
    }

    pub fn no_function(_: Request) -> Response {
        told(subject().and_then(|subject| subject.absent()))
    }

    pub fn no_service(_: Request) -> Response {
        told(Subject::whereis("nobody").map(|_| ()))
    }

    pub fn chain(_: Request, params: Params) -> Result<Response, CallError> {
        let relay = Relay::whereis("relay")?;
        Ok(Response::text(relay.pass_on(text(&params, "text"))?))
    }

    /// Whether the service is on another shard, and whether it knows its caller.
    pub fn who(_: Request) -> Result<Response, CallError> {
        let (service, caller) = subject()?.who()?;
        let me = rusm_rs::me().0;
        let apart = service >> 48 != me >> 48;
        Ok(Response::text(format!(
            "{} {}",
            if apart { "apart" } else { "together" },
            caller == Some(me)
        )))
    }

    pub fn crash_after(_: Request, params: Params) -> Result<Response, CallError> {
        subject()?.crash_after(number(&params, "ms"))?;
        Ok(Response::text("it lives on"))
    }

    /// How many of so many casts were well.
    pub fn casts(_: Request, params: Params) -> Result<Response, CallError> {
        let subject = subject()?;
        let casts = (0..number(&params, "n")).map(|_| subject.cast().absorb(String::new()));
        let well = casts.filter(Result::is_ok).count();
        Ok(Response::text(well.to_string()))
    }

    pub fn absorbed(_: Request) -> Response {
        told(subject().and_then(|subject| subject.timeout(SOON).absorbed()))
    }

    /// A cast and an echo of so many KiB.
    pub fn large(_: Request, params: Params) -> Response {
        let text = "x".repeat(1024 * usize::try_from(number(&params, "kb")).unwrap());
        let cast = subject().and_then(|subject| subject.cast().absorb(text.clone()));
        if let Err(error) = cast {
            eprintln!("cast: {error}");
        }
        let echo = subject().and_then(|subject| subject.echo(text));
        told(echo.map(|text| text.len()))
    }

    pub fn call_itself(_: Request) -> Result<Response, CallError> {
        Ok(Response::text(subject()?.call_itself()?))
    }

    pub fn around(_: Request, params: Params) -> Result<Response, CallError> {
        let subject = subject()?.timeout(Duration::from_secs(20));
        Ok(Response::text(subject.around(text(&params, "text"))?))
    }

    pub fn around_by_fetch(_: Request) -> Result<Response, CallError> {
        let subject = subject()?.timeout(Duration::from_secs(20));
        Ok(Response::text(subject.around_by_fetch()?))
    }

    /// Has the service say something, in one way or another.
    pub fn say(request: Request, params: Params) -> Result<Response, CallError> {
        let text = text(&params, "text");
        match params.get("how") {
            Some("call") => subject()?.say(text)?,
            Some("cast") => subject()?.cast().say(text)?,
            Some("stream") => subject()?.say_and_count(text).for_each(drop),
            Some("relay") => Relay::whereis("relay")?.say(text)?,
            _ => drop(rusm_rs::fetch("probe", "say_it", request, SOON)?),
        }
        Ok(Response::text("said"))
    }

    /// As it is fetched: `/say/fetch/:text`.
    pub fn say_it(request: Request) -> Result<Response, CallError> {
        let text = request.path().rsplit('/').next().unwrap_or_default();
        subject()?.say(text.to_owned())?;
        Ok(Response::text("said"))
    }

    /// Whether it got a name.
    pub fn take(_: Request, params: Params) -> Response {
        Response::text(rusm_rs::register(&text(&params, "name")).to_string())
    }

    /// How many timers it could set for the service, of so many tries.
    pub fn set_timers(_: Request, params: Params) -> Response {
        let Some(subject) = rusm_rs::whereis("subject") else {
            return Response::text("no subject").status(503);
        };
        let hour = 3_600_000;
        let timers = (0..number(&params, "tries")).map(|_| rusm_rs::send_after(subject, hour, b""));
        Response::text(timers.filter(|timer| *timer != 0).count().to_string())
    }

    pub fn flood(_: Request, params: Params) -> Result<Response, CallError> {
        let target = rusm_rs::whereis("subject").ok_or(CallError::NoProcess)?;
        let message = vec![b'x'; 1024];
        for _ in 0..number(&params, "messages") {
            rusm_rs::send_bytes(target, &message);
        }
        Ok(Response::text("flooded"))
    }

    pub fn received(_: Request) -> Response {
        told(subject().and_then(|subject| subject.timeout(SOON).received()))
    }

    /// How many it could spawn, and why no more; they stay.
    pub fn spawn_all(_: Request) -> Response {
        let mut spawned = 0;
        loop {
            match rusm_rs::spawn("loner") {
                Ok(_) => spawned += 1,
                Err(error) => return Response::text(format!("{spawned} {error}")),
            }
        }
    }

    pub fn loner(_: Request, params: Params) -> Response {
        let loner = spawned();
        tell(loner, &text(&params, "text"));
        let answer = rusm_rs::receive_bytes_timeout(5000).unwrap_or_default();
        tell(loner, "quit");
        rusm_rs::monitor(loner);
        let Some(Mail::Down { pid, reason }) = rusm_rs::receive_mail(Some(SOON)) else {
            return Response::text("it did not end");
        };
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let same = pid == loner;
        Response::text(format!(
            "{answer} {same} {reason} {}",
            rusm_rs::is_alive(loner)
        ))
    }

    /// A linked process crashes: first trapped, then not.
    pub fn links(_: Request) -> Response {
        rusm_rs::trap_exit(true);
        let loner = spawned();
        rusm_rs::link(loner).unwrap();
        tell(loner, "crash");
        let trapped = match rusm_rs::receive_mail(Some(SOON)) {
            Some(Mail::Exit { pid, reason }) => pid == loner && reason.contains("unreachable"),
            _ => false,
        };
        eprintln!("trapped: {trapped}");
        rusm_rs::trap_exit(false);
        let loner = spawned();
        rusm_rs::link(loner).unwrap();
        tell(loner, "crash");
        rusm_rs::receive_bytes_timeout(5000);
        Response::text("it lives on")
    }

    pub fn monitor(_: Request) -> Response {
        let loner = spawned();
        rusm_rs::monitor(loner);
        rusm_rs::kill(loner);
        let first = rusm_rs::receive_bytes_timeout(5000).unwrap_or_default();
        let known = rusm_rs::down_pid(&first) == Some(loner);
        rusm_rs::monitor(loner);
        let gone = match rusm_rs::receive_mail(Some(SOON)) {
            Some(Mail::Down { reason, .. }) => reason,
            other => format!("{other:?}"),
        };
        Response::text(format!("{known} {gone}"))
    }

    pub fn groups(_: Request) -> Response {
        rusm_rs::register_tag("room");
        rusm_rs::register_tag("room");
        let me = rusm_rs::me();
        let joined = rusm_rs::whereis_tag("room") == [me];
        let sent = rusm_rs::publish("room", b"to all");
        let heard = rusm_rs::receive_bytes_timeout(5000).as_deref() == Some(b"to all");
        rusm_rs::unregister_tag("room");
        let left = rusm_rs::whereis_tag("room").is_empty();
        Response::text(format!("{joined} {sent} {heard} {left}"))
    }

    /// Says the message to a group; how many are in it.
    pub fn publish(request: Request, params: Params) -> Response {
        let group = params.get("group").unwrap_or_default();
        let members = rusm_rs::whereis_tag(group).len();
        rusm_rs::publish(group, request.body());
        Response::text(members.to_string())
    }

    pub fn timers(_: Request) -> Response {
        let me = rusm_rs::me();
        rusm_rs::send_after(me, 60, b"second");
        rusm_rs::send_after(me, 20, b"first");
        let third = rusm_rs::send_after(me, 40, b"cancelled");
        let cancelled = rusm_rs::cancel_timer(third);
        let mut said = format!("{cancelled}");
        for _ in 0..3 {
            let message = rusm_rs::receive_bytes_timeout(300);
            let message = message.unwrap_or_else(|| b"none".to_vec());
            said += &format!(" {}", String::from_utf8_lossy(&message));
        }
        Response::text(said)
    }

    /// A message that is due when the world has ended, and one that does not come.
    pub fn far(_: Request) -> Response {
        rusm_rs::send_after(rusm_rs::me(), u64::MAX, b"never");
        let message = rusm_rs::receive_bytes_timeout(20);
        Response::text(message.map_or("nothing", |_| "a message"))
    }

    pub fn stash(_: Request) -> Response {
        let me = rusm_rs::me();
        for message in ["a", "b", "c"] {
            rusm_rs::send_bytes(me, message.as_bytes());
        }
        let mut said = String::new();
        for _ in 0..2 {
            let message = rusm_rs::receive_bytes();
            rusm_rs::stash(&message);
        }
        let mut next = || {
            let message = rusm_rs::receive_bytes();
            said += &String::from_utf8_lossy(&message);
        };
        next();
        rusm_rs::unstash();
        next();
        next();
        Response::text(said)
    }

    /// A stream to itself, as far as it goes without a reader, and then to a process that ends.
    pub fn streams(_: Request, params: Params) -> Response {
        let me = rusm_rs::me();
        let out = Stream::open(me).unwrap();
        for i in 0..number(&params, "chunks") {
            assert!(out.write(i.to_string().as_bytes()));
        }
        out.close();
        let input = Stream::accept();
        let mut read = 0;
        while let Some(chunk) = input.read() {
            assert_eq!(chunk, read.to_string().as_bytes());
            read += 1;
        }
        let loner = spawned();
        let out = Stream::open(loner).unwrap();
        rusm_rs::kill(loner);
        let unread = out.write(b"x");
        Response::text(format!("{read} {unread}"))
    }

    pub fn supervised(_: Request) -> Response {
        rusm_rs::trap_exit(true);
        let supervisor = rusm_rs::Supervisor::new(rusm_rs::Strategy::OneForOne)
            .child("loner")
            .max_restarts(2)
            .within(Duration::from_secs(60))
            .start()
            .unwrap();
        let mut ended = 0;
        loop {
            let loner = rusm_rs::list().into_iter().find(|pid| {
                let label = rusm_rs::info(*pid).and_then(|info| info.label);
                label.as_deref() == Some("the loner")
            });
            if let Some(loner) = loner {
                ended += u32::from(rusm_rs::kill(loner));
            }
            if let Some(Mail::Exit { pid, reason }) =
                rusm_rs::receive_mail(Some(Duration::from_millis(5)))
            {
                return Response::text(format!("{ended} {} {reason}", pid == supervisor));
            }
        }
    }

    /// Links itself to processes, and ends in one way or another.
    pub fn take_along(request: Request) -> Response {
        for _ in 0..3 {
            rusm_rs::link(rusm_rs::spawn("loner").unwrap()).unwrap();
        }
        match request.query_param("how").as_deref() {
            Some("trap") => panic!("as it was told"),
            Some("spin") => loop {
                std::hint::black_box(());
            },
            Some("wait") => Response::bytes(rusm_rs::receive_bytes()),
            Some("exit") => rusm_rs::exit(Some("as it was told")),
            Some("kill") => {
                rusm_rs::kill(rusm_rs::me());
                Response::bytes(rusm_rs::receive_bytes())
            }
            _ => Response::text("they stay"),
        }
    }

    /// The same in a process of its own.
    pub fn fetch_take_along(request: Request) -> Result<Response, CallError> {
        rusm_rs::fetch("probe", "take-along", request, Duration::from_millis(500))
    }

    /// How many there are.
    pub fn loners(_: Request) -> Response {
        let label = |pid: &Pid| rusm_rs::info(*pid).and_then(|info| info.label);
        let all = rusm_rs::list();
        let loners = all
            .iter()
            .filter(|pid| label(pid).as_deref() == Some("the loner"));
        Response::text(loners.count().to_string())
    }

    pub fn fetch(_: Request) -> Result<Response, CallError> {
        let request = Request::new("GET", "/both");
        rusm_rs::fetch("both", "index", request, SOON)
    }

    pub fn kill(_: Request) -> Result<Response, CallError> {
        let target = rusm_rs::whereis("subject").ok_or(CallError::NoProcess)?;
        Ok(Response::text(format!("{}", rusm_rs::kill(target))))
    }

    fn subject() -> Result<Subject, CallError> {
        Subject::whereis("subject")
    }

    fn spawned() -> Pid {
        rusm_rs::spawn("loner").unwrap()
    }

    fn tell(loner: Pid, text: &str) {
        rusm_rs::send(loner, &(rusm_rs::me().0, text)).unwrap();
    }

    fn told<T: std::fmt::Debug>(result: Result<T, CallError>) -> Response {
        match result {
            Ok(value) => Response::text(format!("{value:?}")),
            Err(error) => Response::text(error.to_string()).status(503),
        }
    }

    fn text(params: &Params, name: &str) -> String {
        params.get(name).unwrap_or_default().to_owned()
    }

    fn number(params: &Params, name: &str) -> u64 {
        params.parse(name).unwrap_or_default()
    }

    const SOON: Duration = Duration::from_secs(5);
}
