//! The life of one connection: a request is read, answered and written, and then the next.
//!
//! - `receive`: a request's body, whole
//! - `respond`: answers, whole and streamed
//! - `duplex`: a request that is answered while its body still comes; `intake`: that body
//!
//! One that is upgraded leaves this module for [`websocket`].

mod duplex;
mod intake;
mod receive;
mod respond;

use std::net::SocketAddr;
use std::rc::Rc;

use monoio::net::TcpStream;

use self::duplex::Exchange;
use crate::http1::{
    BodyDecoder, BodyFraming, Connection, Head, HeadParser, RequestError, Status, Version,
};
use crate::memory::Reserved;
use crate::request_id::RequestId;
use crate::service::{Body, Interim, Refusal, Request, Response, Service, StreamedRequest};
pub use crate::settings::Settings;
use crate::shard::{FIRST_REQUEST, Interrupt, Phase, Shard};
use crate::socket::{Client, Gone, IDLE_INPUT};
use crate::watch::Linger;
use crate::websocket::{self, WebSocket};

/// Serve one connection until it ends.
pub(crate) async fn serve<S: Service>(
    socket: TcpStream,
    peer: SocketAddr,
    shard: Shard,
    settings: Rc<Settings>,
    service: Rc<S>,
) {
    let client = Client::new(socket, peer, shard, settings);
    // In a box of its own: a connection that is upgraded gives back the memory of HTTP.
    let upgraded = Box::pin(http(client, peer, service)).await;
    if let Some(Upgraded {
        client,
        input,
        websocket,
    }) = upgraded
    {
        Box::pin(websocket::serve(client, input, websocket)).await;
    }
}

/// Tell a client that there is no room for it, and close.
pub(crate) async fn turn_away(
    socket: TcpStream,
    peer: SocketAddr,
    shard: Shard,
    settings: Rc<Settings>,
) {
    let mut client = Client::turned_away(socket, peer, shard, settings);
    let refusal = receive::exhausted().with_text("too many connections");
    if client.refuse(&refusal, Reply::UNKNOWN).await.is_ok() {
        client.close(Linger::TURNED_AWAY).await;
    }
}

/// The bytes of what [`turn_away`] says.
pub(crate) fn over_limit(shard: &Shard, settings: &Settings) -> Vec<u8> {
    let refusal = receive::exhausted().with_text("too many connections");
    respond::encode_unrecorded(shard, settings, &refusal)
}

/// A connection that has changed its protocol.
struct Upgraded {
    client: Client,
    /// What was read behind the request.
    input: Vec<u8>,
    websocket: WebSocket,
}

async fn http<S: Service>(
    mut client: Client,
    peer: SocketAddr,
    service: Rc<S>,
) -> Option<Upgraded> {
    let mut parser = HeadParser::default();
    let mut input = Vec::with_capacity(IDLE_INPUT);
    let first = match client.shard.is_draining() {
        true => FIRST_REQUEST.min(client.settings.idle_timeout),
        false => client.settings.idle_timeout,
    };
    client.watch.enter(Phase::Idle, Some(first));
    loop {
        let mut step = if input.is_empty() {
            Step::NeedInput
        } else {
            one_request(&mut client, peer, &*service, &mut parser, &mut input).await
        };
        if let Step::Exchange(exchange) = step {
            step = Box::pin(duplex::serve(&mut client, exchange, &mut input)).await;
        }
        if matches!(step, Step::Next | Step::Close | Step::Gone) {
            client.watch.recorder.end();
        }
        match step {
            // What there is may have come behind the last request: that starts the clock, too.
            Step::NeedInput if !input.is_empty() && client.watch.phase() == Phase::Idle => {
                client
                    .watch
                    .enter(Phase::Head, Some(client.settings.header_timeout));
            }
            Step::NeedInput => {}
            Step::Next => {
                client.take_ahead(&mut input);
                client
                    .watch
                    .enter(Phase::Idle, Some(client.settings.idle_timeout));
                continue;
            }
            Step::Upgrade(websocket) => {
                client.watch.recorder.upgrade();
                return Some(Upgraded {
                    client,
                    input,
                    websocket,
                });
            }
            Step::Close => {
                // What is left may take half a minute.
                drop((parser, input));
                client.close(Linger::SERVED).await;
                return None;
            }
            Step::Gone | Step::Exchange(_) => return None,
        }
        if client.shard.is_draining() && !parser.is_amid_head() && !client.watch.is_fresh() {
            return None;
        }
        match client.read_more(&mut input).await {
            Ok(0) if client.watch.interrupted() == Some(Interrupt::Expired) => {
                if parser.is_amid_head() {
                    client.watch.recorder.begin_unparsed(&input);
                    let late = Refusal::new(Status::REQUEST_TIMEOUT);
                    let _ = client.refuse(&late, Reply::to_unparsed(&input)).await;
                    drop((parser, input));
                    client.close(Linger::SERVED).await;
                }
                return None;
            }
            Ok(0) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}

/// What came of an attempt to serve the request that the input begins with.
enum Step {
    /// Its head isn't complete.
    NeedInput,
    /// Its body still comes, and it is to be answered in the meantime.
    Exchange(Box<Exchange>),
    /// It was answered and taken from the input, and the connection lives on.
    Next,
    /// It was answered with a change of protocol.
    Upgrade(WebSocket),
    /// It was answered, and the answer was the last.
    Close,
    /// Nobody is there to answer.
    Gone,
}

/// What a request says about its response.
#[derive(Clone, Copy)]
struct Reply {
    version: Version,
    to_head: bool,
    connection: Connection,
    /// Whether the client takes trailers.
    trailers: bool,
}

impl Reply {
    /// To a request that was not understood.
    const UNKNOWN: Self = Self {
        version: Version::Http11,
        to_head: false,
        connection: Connection::Close,
        trailers: false,
    };

    /// The last on a connection, to a request that begins with `input` and is not understood. What
    /// answers HEAD has no content, whatever is wrong with the rest (RFC 9110, section 9.3.2).
    fn to_unparsed(input: &[u8]) -> Self {
        let line = input.iter().position(|byte| !b"\r\n".contains(byte));
        let line = line.and_then(|at| input.get(at..)).unwrap_or_default();
        Self {
            to_head: line.starts_with(b"HEAD "),
            ..Self::UNKNOWN
        }
    }

    /// The last on a connection, to a request with this head.
    fn last(head: &Head<'_>) -> Self {
        Self {
            version: head.version,
            to_head: head.method == "HEAD",
            ..Self::UNKNOWN
        }
    }
}

/// A request that has an answer, which borrows nothing of the input any more.
struct Answered {
    response: Result<Response, Refusal>,
    version: Version,
    to_head: bool,
    takes_trailers: bool,
    /// Whether the client lets the connection live on.
    keep_alive: bool,
    /// Where the next request begins; `None` where that isn't worth finding.
    consumed: Option<usize>,
    /// Bytes that were read behind the body.
    excess: Vec<u8>,
}

async fn one_request<S: Service>(
    client: &mut Client,
    peer: SocketAddr,
    service: &S,
    parser: &mut HeadParser,
    input: &mut Vec<u8>,
) -> Step {
    let answered = match answer(client, peer, service, parser, input).await {
        Ok(answered) => answered,
        Err(step) => return step,
    };
    // A streamed response may take hours: what the request took is given back before.
    match answered.consumed {
        Some(consumed) => drop(input.drain(..consumed.min(input.len()))),
        None => input.clear(),
    }
    input.extend_from_slice(&answered.excess);
    if input.is_empty() {
        input.shrink_to(IDLE_INPUT);
    }
    let lives_on = answered.keep_alive && answered.consumed.is_some();
    let reply = Reply {
        version: answered.version,
        to_head: answered.to_head,
        trailers: answered.takes_trailers,
        connection: if lives_on && !client.shard.is_draining() {
            Connection::KeepAlive
        } else {
            Connection::Close
        },
    };
    let sent = match answered.response {
        Ok(Response::Answer(answer)) => {
            if input.is_empty() && matches!(answer.body, Body::Stream(_)) {
                *input = Vec::new();
            }
            client.send(answer, reply).await
        }
        Ok(Response::WebSocket(mut websocket)) => {
            return match client.send_upgrade(&mut websocket, reply).await {
                Ok(Connection::Upgrade(_)) => Step::Upgrade(websocket),
                Ok(_) => Step::Close,
                Err(Gone) => Step::Gone,
            };
        }
        Err(refusal) => client.refuse(&refusal, reply).await,
    };
    match sent {
        Err(Gone) => Step::Gone,
        Ok(Connection::KeepAlive) => Step::Next,
        // The client knew that this was the last, and has nothing more to say.
        Ok(_) if !answered.keep_alive && answered.consumed.is_some() => Step::Gone,
        Ok(_) => Step::Close,
    }
}

/// Read the request that `input` begins with, and have it answered.
async fn answer<S: Service>(
    client: &mut Client,
    peer: SocketAddr,
    service: &S,
    parser: &mut HeadParser,
    input: &mut [u8],
) -> Result<Answered, Step> {
    let head = match parser.parse(input, &client.settings.head) {
        Ok(None) => return Err(Step::NeedInput),
        Ok(Some(head)) => head,
        Err(error) => {
            client.watch.recorder.begin_unparsed(input);
            let reply = Reply::to_unparsed(input);
            return Err(client.reject(error, reply).await);
        }
    };
    let id = RequestId::of(&head, client.shard.next_request_id());
    client.watch.recorder.begin(&head, id);
    let answered = |response, consumed: Option<usize>, excess| Answered {
        response,
        version: head.version,
        to_head: head.method == "HEAD",
        takes_trailers: head.takes_trailers,
        keep_alive: head.keep_alive,
        consumed: consumed.map(|consumed| head.len + consumed),
        excess,
    };
    let route = match service.route(&head) {
        Ok(route) => route,
        Err(refusal) => return Ok(answered(Err(refusal), whole_in(&head), Vec::new())),
    };
    if service.wants_stream(&route) {
        let Ok(reserved) = client.reserve_for_streaming(&head) else {
            return Err(client.reject_exhausted(Reply::last(&head)).await);
        };
        return match exchange(&client.settings, (peer, id), service, head, route, reserved) {
            Ok(Ok(exchange)) => Err(Step::Exchange(exchange)),
            Ok(Err(refusal)) => Ok(answered(Err(refusal), whole_in(&head), Vec::new())),
            Err(error) => Err(client.reject(error, Reply::last(&head)).await),
        };
    }
    let body = client.read_body(&head).await?;
    client.watch.enter(Phase::Guest, None);
    let request = Request {
        head,
        body: body.content(&head),
        peer,
        id,
    };
    let response = service.answer(route, request).await;
    Ok(answered(response, Some(body.consumed), body.excess))
}

/// Have a request answered whose body goes to a sink as it comes.
fn exchange<S: Service>(
    settings: &Settings,
    (peer, id): (SocketAddr, RequestId<'_>),
    service: &S,
    head: Head<'_>,
    route: S::Route<'_>,
    reserved: Reserved,
) -> Result<Result<Box<Exchange>, Refusal>, RequestError> {
    let decoder = BodyDecoder::with_trailers(head.framing, settings.max_body, &settings.head)?;
    let interim = Interim::default();
    let request = StreamedRequest {
        head,
        peer,
        id,
        interim: interim.clone(),
    };
    let streamed = service.answer_streamed(route, request);
    Ok(streamed
        .map(|streamed| Box::new(Exchange::new(&head, decoder, streamed, interim, reserved))))
}

/// How much of what stands behind the head is its body, if all of the body is there already
/// and needs no decoding.
fn whole_in(head: &Head<'_>) -> Option<usize> {
    match head.framing {
        BodyFraming::None => Some(0),
        BodyFraming::Length(len) => usize::try_from(len)
            .ok()
            .filter(|len| *len <= head.rest.len()),
        BodyFraming::Chunked => None,
    }
}
