//! The attribute macros of `rusm-rs`, which re-exports them: depend on that crate.

mod connection;
mod errors;
mod handlers;
mod input;
mod kind;
mod module;
mod names;
mod process;
mod service;
mod state;
mod types;
mod world;

use proc_macro::TokenStream;

/// Exports the public functions of an inline module as the actions of the component.
///
/// An action takes the `Request` and, optionally, the route's `Params`. It returns a `Response`, or a
/// `Result<Response, E>` where `E: IntoResponse`. Functions that are not `pub` are helpers.
///
/// ```ignore
/// use rusm_rs::{Params, Request, Response};
///
/// #[rusm_rs::handlers]
/// pub mod handlers {
///     use super::*;
///
///     pub fn list_users(_request: Request) -> Response {
///         Response::text("Ada\n")
///     }
///
///     pub fn user(_request: Request, params: Params) -> Response {
///         Response::text(greeting(params.get("id").unwrap_or_default()))
///     }
///
///     fn greeting(id: &str) -> String {
///         format!("user {id}\n")
///     }
/// }
/// ```
///
/// An action with a third parameter, `Sse`, responds with Server-Sent Events. It returns nothing or a
/// `Result<(), E>` where `E: IntoResponse`:
///
/// ```ignore
/// pub fn ticks(_request: Request, params: Params, sse: Sse) -> Result<(), BadRequest> {
///     let n: u32 = params.parse("n")?;
///     for tick in 1..=n {
///         sse.send(Event::new().id(tick).data(format!("tick {tick}")));
///     }
///     Ok(())
/// }
/// ```
///
/// The export's name is the function's in kebab case, which a route of `rusm.toml` refers to:
/// `"GET /users" = "hello#list-users"`.
///
/// A component has at most one such module.
#[proc_macro_attribute]
pub fn handlers(arguments: TokenStream, item: TokenStream) -> TokenStream {
    handlers::handlers(arguments.into(), item.into()).into()
}

/// Exports the public functions of an inline module as the functions of a service: a long-lived
/// process, which executes one call at a time.
///
/// ```ignore
/// #[rusm_rs::service]
/// pub mod counter {
///     use std::collections::HashMap;
///     use rusm_rs::{Callback, Mail};
///
///     /// Created by `Default` when the service starts; kept until the process ends.
///     #[derive(Default)]
///     pub struct State {
///         counts: HashMap<String, u64>,
///     }
///
///     pub fn increment(state: &mut State, name: String) -> u64 {
///         let count = state.counts.entry(name).or_default();
///         *count += 1;
///         *count
///     }
///
///     /// The caller receives an `Err` as `CallError::Failed` with its text.
///     pub fn get(state: &State, name: String) -> Result<u64, String> {
///         state.counts.get(&name).copied().ok_or_else(|| format!("no count {name}"))
///     }
///
///     /// Streams its items, and waits while the caller is slow.
///     pub fn range(n: u32) -> impl Iterator<Item = u64> {
///         0..u64::from(n)
///     }
///
///     /// Calls a closure of the caller.
///     pub fn slow(steps: u32, progress: Callback<u32>) {
///         for step in 0..steps {
///             progress.call(step);
///         }
///     }
///
///     /// Receives messages, and the ends of monitored processes.
///     pub fn on_mail(state: &mut State, mail: Mail) {
///         if let Mail::Message(_) = mail {
///             state.counts.clear();
///         }
///     }
/// }
/// ```
///
/// - The first parameter can be the state, `&mut State` or `&State`. Its type is the module's
///   `State`. It is created when the service starts, by `pub fn init() -> State` if the module has
///   it, else by `Default`.
/// - The other parameters and the result are passed as JSON: owned types that implement serde's
///   `Serialize` and `Deserialize`.
/// - Without `on_mail`, all mail but calls is dropped.
/// - A function can wait, for example for a call to another service. The process is parked
///   meanwhile, and new calls wait in its mailbox. A panic ends the process; a resident service is
///   restarted with a new state.
/// - Functions that are not `pub` are helpers.
///
/// The macro adds a `Client` to the module, with a method for each function that waits for the
/// result, and `Client::cast` with methods that do not wait. [`macro@client`] makes a client in
/// another component.
///
/// A component has at most one such module. The export's name is the function's in kebab case, which
/// must differ from the actions' of a `handlers` module in the same component.
#[proc_macro_attribute]
pub fn service(arguments: TokenStream, item: TokenStream) -> TokenStream {
    service::service(arguments.into(), item.into()).into()
}

/// Turns a trait with the signatures of a service's functions into a client of that service, a
/// struct with the trait's name.
///
/// ```ignore
/// #[rusm_rs::client]
/// pub trait Counter {
///     fn increment(name: String) -> u64;
///     fn get(name: String) -> Result<u64, String>;
///     fn range(n: u32) -> impl Iterator<Item = u64>;
///     fn slow(steps: u32, progress: rusm_rs::Callback<u32>);
/// }
///
/// let counter = Counter::whereis("counter")?;
/// let count: u64 = counter.increment("a".to_owned())?;
/// let some: u64 = counter.get("a".to_owned())?;
/// for n in counter.range(3) {
///     let n: u64 = n?;
/// }
/// counter.slow(10, |step| eprintln!("step {step}"))?;
/// counter.cast().increment("a".to_owned())?;
/// ```
///
/// The signatures are those of the service, without its state. The other functions are
/// `Counter::connect(pid)`, `Counter::spawn("counter")`, `Counter::fresh("counter")` for a fresh
/// process for each call, and `.timeout(duration)`; the `Client` that `#[service]` makes has them,
/// too.
#[proc_macro_attribute]
pub fn client(arguments: TokenStream, item: TokenStream) -> TokenStream {
    service::client(arguments.into(), item.into()).into()
}

/// Exports the public functions of an inline module as the callbacks of a WebSocket. Each connection
/// has its own process.
///
/// ```ignore
/// #[rusm_rs::websocket]
/// pub mod room {
///     use rusm_rs::{Connection, Mail, Message};
///
///     /// Created when the connection opens; kept until the process ends.
///     pub struct State {
///         room: String,
///     }
///
///     pub fn init(connection: &Connection) -> State {
///         let room = connection.info().param("room").unwrap_or_default();
///         State { room: format!("room:{room}") }
///     }
///
///     /// Called when the connection is open.
///     pub fn open(state: &mut State) {
///         rusm_rs::register_tag(&state.room);
///     }
///
///     /// Called for each message of the client.
///     pub fn message(state: &mut State, connection: &Connection, message: Message) {
///         match message {
///             Message::Text(text) => { rusm_rs::publish(&state.room, text.as_bytes()); }
///             Message::Binary(_) => connection.close(1003, "text alone"),
///         }
///     }
///
///     /// Called for messages of other processes, and for the ends of monitored ones.
///     pub fn on_mail(connection: &Connection, mail: Mail) {
///         if let Mail::Message(message) = mail {
///             connection.send_text(String::from_utf8_lossy(&message));
///         }
///     }
///
///     /// Called when the connection is closed, by the client or by `connection.close`. The code is
///     /// 1006 if the client disconnected without a close. The process ends afterwards.
///     pub fn close(state: &mut State, code: u16, reason: &str) {
///         eprintln!("{} lost one: {code} {reason}", state.room);
///     }
/// }
/// ```
///
/// - `message` is required; `open`, `close` and `on_mail` are optional. Each can take the state,
///   `&mut State` or `&State`, and the `&Connection`, in this order.
/// - The type of the state is the module's `State`. It is created when the connection opens, by
///   `pub fn init(connection: &Connection) -> State` or `pub fn init() -> State` if the module has
///   one of them, else by `Default`.
/// - A function can wait. The process is parked meanwhile, and new messages wait. Between the calls
///   the process needs no stack.
/// - A panic closes this one connection with code 1011.
/// - Functions that are not `pub` are helpers.
///
/// A route of `rusm.toml` names the component without an action: `"GET /rooms/:room" = "room"`.
///
/// A component has at most one such module.
#[proc_macro_attribute]
pub fn websocket(arguments: TokenStream, item: TokenStream) -> TokenStream {
    connection::websocket(arguments.into(), item.into()).into()
}

/// Exports the public functions of an inline module as the callbacks of a stream of Server-Sent
/// Events. Each connection has its own process.
///
/// ```ignore
/// #[rusm_rs::sse]
/// pub mod feed {
///     use rusm_rs::{Event, Mail, Sse};
///
///     /// Created when the connection opens; kept until the process ends.
///     pub struct State {
///         room: String,
///         sent: u64,
///     }
///
///     pub fn init(sse: &Sse) -> State {
///         let room = sse.info().param("room").unwrap_or_default();
///         let sent = sse.last_event_id().and_then(|id| id.parse().ok()).unwrap_or(0);
///         State { room: format!("room:{room}"), sent }
///     }
///
///     /// Called when the connection is open.
///     pub fn open(state: &mut State) {
///         rusm_rs::register_tag(&state.room);
///     }
///
///     /// Called for each message that another process has sent or published.
///     pub fn message(state: &mut State, sse: &Sse, message: Vec<u8>) {
///         state.sent += 1;
///         sse.send(Event::new().id(state.sent).data(message));
///     }
///
///     /// Called for the ends of monitored processes.
///     pub fn on_mail(sse: &Sse, mail: Mail) {
///         if let Mail::Down { .. } = mail {
///             sse.close();
///         }
///     }
///
///     /// Called when the client has disconnected. The process ends afterwards.
///     pub fn close(state: &mut State) {
///         eprintln!("{} lost one", state.room);
///     }
/// }
/// ```
///
/// - At least one of `open`, `message` and `on_mail` is required; `close` is optional. Each can take
///   the state, `&mut State` or `&State`, and the `&Sse`, in this order.
/// - With `message` in the module, `on_mail` receives only other mail; without it, all mail.
/// - The type of the state is the module's `State`. It is created when the connection opens, by
///   `pub fn init(sse: &Sse) -> State` or `pub fn init() -> State` if the module has one of them,
///   else by `Default`.
/// - A function can wait. The process is parked meanwhile, and new mail waits. Between the calls the
///   process needs no stack, and the host sends comments to keep the connection alive.
/// - `Sse::close` ends the stream and, when the function has returned, the process. The module's
///   `close` is called only when the client disconnects. If `open` closes the stream before anything
///   was sent, the response is 204, which tells an `EventSource` not to reconnect.
/// - A panic ends this one stream.
/// - Functions that are not `pub` are helpers.
///
/// A route of `rusm.toml` names the component without an action: `"GET /rooms/:room" = "feed"`.
///
/// A component has at most one such module. An action with a third parameter, `Sse`, sends events as
/// well: the whole stream in one function, which keeps its stack while it waits.
#[proc_macro_attribute]
pub fn sse(arguments: TokenStream, item: TokenStream) -> TokenStream {
    connection::sse(arguments.into(), item.into()).into()
}

/// Makes a function the body of a process, which receives its mail itself.
///
/// ```ignore
/// #[rusm_rs::main]
/// fn main() {
///     rusm_rs::register("echo");
///     while let Some(mail) = rusm_rs::receive_mail(None) {
///         // ...
///     }
/// }
/// ```
///
/// The process ends when the function returns. It returns nothing or a `Result<(), E>` where
/// `E: Display`; links and monitors receive an error as the exit reason.
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    process::main(arguments.into(), item.into()).into()
}
