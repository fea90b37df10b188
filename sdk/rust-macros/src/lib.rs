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

/// Makes the public functions of an inline module the actions of this component.
///
/// An action takes the `Request` and, if it wants them, the route's `Params`; it returns a
/// `Response`, or a `Result<Response, E>` where `E: IntoResponse`. Functions that are not `pub`
/// are helpers.
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
/// With a third parameter, `Sse`, it answers by Server-Sent Events instead, and returns nothing or
/// a `Result<(), E>` where `E: IntoResponse`:
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
/// Each action is exported by its name in kebab case, as WIT has it, and so it is called in a
/// route of `rusm.toml`: `"GET /users" = "hello#list-users"`.
///
/// There is one such module in a component.
#[proc_macro_attribute]
pub fn handlers(arguments: TokenStream, item: TokenStream) -> TokenStream {
    handlers::handlers(arguments.into(), item.into()).into()
}

/// Makes the public functions of an inline module the functions of a service: a process that
/// lives on between calls, which the host keeps and enters for one message at a time.
///
/// ```ignore
/// #[rusm_rs::service]
/// pub mod counter {
///     use std::collections::HashMap;
///     use rusm_rs::{Callback, Mail};
///
///     /// Made by `Default` when the service starts, and held until the process ends.
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
///     /// An `Err` is `CallError::Failed` with its text for the caller.
///     pub fn get(state: &State, name: String) -> Result<u64, String> {
///         state.counts.get(&name).copied().ok_or_else(|| format!("no count {name}"))
///     }
///
///     /// Streams; the caller's pace is the function's.
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
///     /// Messages, and the ends of processes that this one monitors.
///     pub fn on_mail(state: &mut State, mail: Mail) {
///         if let Mail::Message(_) = mail {
///             state.counts.clear();
///         }
///     }
/// }
/// ```
///
/// - A first parameter `&mut State` or `&State` is the state of the process: of the type `State`
///   in the module, made when the service starts by `pub fn init() -> State` if the module has that
///   function, else by `Default`.
/// - The other parameters and the answer go between processes as JSON: types with both of serde's
///   derives, that own what they have.
/// - Without `on_mail` other mail than calls is dropped.
/// - A function may wait, for a call of its own say: the process is parked then, and what is sent
///   to it waits. A panic ends the process; a resident one is started again, without its state.
/// - The functions of the module that are not `pub` are helpers.
///
/// The module gains a `Client` with a method for each function, which waits for the answer, and a
/// `Client::cast` with those that do not wait. For another component [`macro@client`] makes one.
///
/// There is one such module in a component. The functions are exported by their names in kebab
/// case, so no action of a `handlers` module beside it has the same.
#[proc_macro_attribute]
pub fn service(arguments: TokenStream, item: TokenStream) -> TokenStream {
    service::service(arguments.into(), item.into()).into()
}

/// Makes the signatures of a service's functions a client of that service, for the components
/// that call it: a struct with the name of the trait.
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
/// The signatures are those of the service, without its state. The same type does for the
/// `Client` that `#[service]` makes: `Counter::connect(pid)`, `Counter::spawn("counter")`,
/// `Counter::fresh("counter")` for a fresh process each call, and `.timeout(duration)`.
#[proc_macro_attribute]
pub fn client(arguments: TokenStream, item: TokenStream) -> TokenStream {
    service::client(arguments.into(), item.into()).into()
}

/// Makes the public functions of an inline module those of a WebSocket. Each connection has a
/// process of its own, which the host enters for what happens to it.
///
/// ```ignore
/// #[rusm_rs::websocket]
/// pub mod room {
///     use rusm_rs::{Connection, Mail, Message};
///
///     /// Made when the connection opens, and held until the process ends.
///     pub struct State {
///         room: String,
///     }
///
///     pub fn init(connection: &Connection) -> State {
///         let room = connection.info().param("room").unwrap_or_default();
///         State { room: format!("room:{room}") }
///     }
///
///     /// The connection is open.
///     pub fn open(state: &mut State) {
///         rusm_rs::register_tag(&state.room);
///     }
///
///     /// The client has sent a message.
///     pub fn message(state: &mut State, connection: &Connection, message: Message) {
///         match message {
///             Message::Text(text) => { rusm_rs::publish(&state.room, text.as_bytes()); }
///             Message::Binary(_) => connection.close(1003, "text alone"),
///         }
///     }
///
///     /// Messages of other processes, and the ends of those that this one monitors.
///     pub fn on_mail(connection: &Connection, mail: Mail) {
///         if let Mail::Message(message) = mail {
///             connection.send_text(String::from_utf8_lossy(&message));
///         }
///     }
///
///     /// The connection is closed, by the client or by `connection.close`; 1006 if the client is
///     /// just gone. The process ends with it.
///     pub fn close(state: &mut State, code: u16, reason: &str) {
///         eprintln!("{} lost one: {code} {reason}", state.room);
///     }
/// }
/// ```
///
/// - `message` is always there; `open`, `close` and `on_mail` if you want them. Each takes the state,
///   `&mut State` or `&State`, and the `&Connection` if it wants them, in this order.
/// - The state is of the type `State` in the module, made when the connection opens: by
///   `pub fn init(connection: &Connection) -> State` or `pub fn init() -> State` if the module has
///   that function, else by `Default`.
/// - A function may wait: the process is parked then, and what comes for it waits. Between
///   them it needs no stack.
/// - A panic closes this connection with 1011, and no other.
/// - The functions of the module that are not `pub` are helpers.
///
/// A route of `rusm.toml` names the component without an action: `"GET /rooms/:room" = "room"`.
///
/// There is one such module in a component.
#[proc_macro_attribute]
pub fn websocket(arguments: TokenStream, item: TokenStream) -> TokenStream {
    connection::websocket(arguments.into(), item.into()).into()
}

/// Makes the public functions of an inline module those of a stream of Server-Sent Events. Each
/// connection has a process of its own, which the host enters for what happens.
///
/// ```ignore
/// #[rusm_rs::sse]
/// pub mod feed {
///     use rusm_rs::{Event, Mail, Sse};
///
///     /// Made when the connection opens, and held until the process ends.
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
///     /// The connection is open.
///     pub fn open(state: &mut State) {
///         rusm_rs::register_tag(&state.room);
///     }
///
///     /// Another process has sent or published this.
///     pub fn message(state: &mut State, sse: &Sse, message: Vec<u8>) {
///         state.sent += 1;
///         sse.send(Event::new().id(state.sent).data(message));
///     }
///
///     /// The ends of processes that this one monitors.
///     pub fn on_mail(sse: &Sse, mail: Mail) {
///         if let Mail::Down { .. } = mail {
///             sse.close();
///         }
///     }
///
///     /// The client is gone. The process ends with it.
///     pub fn close(state: &mut State) {
///         eprintln!("{} lost one", state.room);
///     }
/// }
/// ```
///
/// - Of `open`, `message` and `on_mail` at least one is there; `close` if you want it. Each takes
///   the state, `&mut State` or `&State`, and the `&Sse` if it wants them, in this order.
/// - Beside `message`, `on_mail` gets what is no message; without it, all mail.
/// - The state is of the type `State` in the module, made when the connection opens: by
///   `pub fn init(sse: &Sse) -> State` or `pub fn init() -> State` if the module has that
///   function, else by `Default`.
/// - A function may wait: the process is parked then, and what comes for it waits. Between
///   them it needs no stack, and the host keeps the connection alive by comments.
/// - `Sse::close` ends the stream and, when the function has returned, the process; the module's
///   `close` is for a client that is gone by itself. One that is closed in `open` before anything
///   was sent gets 204, which tells an `EventSource` not to come again.
/// - A panic ends this stream, and no other.
/// - The functions of the module that are not `pub` are helpers.
///
/// A route of `rusm.toml` names the component without an action: `"GET /rooms/:room" = "feed"`.
///
/// There is one such module in a component. An action with a third parameter, `Sse`, answers by
/// events as well: from beginning to end in one function, with a stack of its own while it waits.
#[proc_macro_attribute]
pub fn sse(arguments: TokenStream, item: TokenStream) -> TokenStream {
    connection::sse(arguments.into(), item.into()).into()
}

/// Makes a function the whole life of a process, which receives its mail itself.
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
/// It returns nothing, or a `Result<(), E>` where `E: Display`: an error is the reason of the
/// process's end that its links and monitors see.
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    process::main(arguments.into(), item.into()).into()
}
