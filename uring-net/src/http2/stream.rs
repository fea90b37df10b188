//! One stream: a request, and the response to it.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use h2::RecvStream;
use h2::server::SendResponse;

use super::body::{self, NotReceived, Pump};
use super::load::Load;
use super::piece::{Open, Piece};
use super::response::{Ended, ResponseWriter};
use super::waits::{Wait, Waits};
use crate::access::AccessRecorder;
use crate::content::Content;
use crate::error_response::ErrorResponse;
use crate::http1::{BodyFraming, Head, HeadParts, RequestError, Status};
use crate::memory::Reserved;
use crate::meter::RequestMeter;
use crate::request_id::RequestId;
use crate::service::{
    BodyError, Informational, Request, Route, Service, Streamed, StreamedRequest,
};
use crate::settings::Settings;
use crate::shard::Shard;

/// What the streams of a connection share.
pub(super) struct Shared<S> {
    pub(super) service: Rc<S>,
    pub(super) peer: SocketAddr,
    pub(super) shard: Shard,
    pub(super) settings: Rc<Settings>,
    pub(super) meter: Option<Rc<dyn RequestMeter>>,
    pub(super) load: Rc<Load>,
    pub(super) waits: Rc<Waits>,
}

/// Serves a stream to its end.
pub(super) async fn serve<S: Service>(
    shared: Rc<Shared<S>>,
    request: http::Request<RecvStream>,
    respond: SendResponse<Piece>,
) {
    let ids = shared.shard.request_ids().clone();
    let log = shared.settings.access_log.clone();
    let mut recorder = AccessRecorder::new(log, shared.peer, ids);
    recorder.count_with(shared.meter.clone());
    let writer = ResponseWriter {
        shard: &shared.shard,
        settings: &shared.settings,
        load: &shared.load,
        waits: &shared.waits,
        wait: Wait::new(shared.waits.clone()),
        respond,
        request: Open::new(recorder),
        to_head: request.method() == http::Method::HEAD,
        takes_trailers: false,
        informational: None,
        is_begun: false,
    };
    if let Err(Ended { by_client: true }) = answer(&shared, request, writer).await {
        tracing::trace!(peer = %shared.peer, "stream reset by the client");
        shared.load.reset();
    }
}

async fn answer<S: Service>(
    shared: &Shared<S>,
    request: http::Request<RecvStream>,
    mut writer: ResponseWriter<'_>,
) -> Result<(), Ended> {
    let (parts, body) = request.into_parts();
    let parts = match head_parts(&parts, !body.is_end_stream(), &shared.settings) {
        Ok(parts) => parts,
        Err(error) => {
            writer.request.recorder.begin_unparsed(&[]);
            return writer.write_error(&error.into()).await;
        }
    };
    let head = parts.head();
    let id = RequestId::of(&head, shared.shard.next_request_id());
    writer.takes_trailers = head.takes_trailers;
    writer.request.recorder.begin(&head, id);
    tracing::trace!(peer = %shared.peer, request_id = %id, method = head.method, target = head.target, "head received");
    let route = match shared.service.route(&head) {
        Ok(route) => route,
        Err(response) => return writer.write_error(&response).await,
    };
    let recorder = &writer.request.recorder;
    recorder.routed(|| shared.service.route_number(&route));
    if let Err(error) = body::check_length(head.framing, &shared.settings) {
        return writer.write_error(&error.into()).await;
    }
    match route {
        Route::Buffered(target) => buffered(shared, (head, id), target, body, writer).await,
        Route::Streaming(target) => {
            let Ok(_reserved) = reserve(&shared.shard, head.framing) else {
                return exhausted(shared, writer).await;
            };
            let informational = Informational::default();
            let request = StreamedRequest {
                head,
                peer: shared.peer,
                id,
                informational: informational.clone(),
            };
            tracing::trace!(request_id = %id, "handler called, its body is streamed");
            let streamed = match shared.service.call_streaming(target, request) {
                Ok(streamed) => streamed,
                Err(response) => return writer.write_error(&response).await,
            };
            writer.informational = Some(informational);
            let expects_continue = head.expect_continue;
            streaming(shared, streamed, body, expects_continue, writer).await
        }
    }
}

/// Answers a request whose body is received first.
async fn buffered<S: Service>(
    shared: &Shared<S>,
    (head, id): (Head<'_>, RequestId<'_>),
    target: S::Buffered<'_>,
    mut body: RecvStream,
    mut writer: ResponseWriter<'_>,
) -> Result<(), Ended> {
    let mut content = Content::new(Reserved::none(shared.shard.body_memory()));
    if head.framing != BodyFraming::None {
        if head.expect_continue {
            writer.write_continue()?;
        }
        let with = (&shared.shard, &*shared.settings, &*shared.load);
        let received = body::receive(&mut body, head.framing, &mut content, with, &writer.wait);
        let response: ErrorResponse = match received.await {
            Ok(()) => return called(shared, (head, id), target, content, writer).await,
            Err(NotReceived::Ended(by_client)) => return Err(Ended { by_client }),
            Err(NotReceived::Exhausted) => return exhausted(shared, writer).await,
            Err(NotReceived::TooSlow) => ErrorResponse::new(Status::REQUEST_TIMEOUT),
            Err(NotReceived::TooLarge) => body::too_large().into(),
        };
        drop(content);
        return writer.write_error(&response).await;
    }
    called(shared, (head, id), target, content, writer).await
}

/// Calls the service, and sends its response.
async fn called<S: Service>(
    shared: &Shared<S>,
    (head, id): (Head<'_>, RequestId<'_>),
    target: S::Buffered<'_>,
    content: Content,
    mut writer: ResponseWriter<'_>,
) -> Result<(), Ended> {
    let response = {
        let request = Request {
            head,
            body: &content.bytes,
            peer: shared.peer,
            id,
        };
        tracing::trace!(request_id = %id, body = request.body.len(), "handler called");
        let mut call = pin!(shared.service.call(target, request));
        let called = poll_fn(|cx| match call.as_mut().poll(cx) {
            Poll::Ready(response) => Poll::Ready(Ok(response)),
            Poll::Pending => writer.poll_reset(cx).map(Err),
        });
        called.await?
    };
    drop(content);
    writer.write(response).await
}

/// Answers a request whose body goes to a sink as it comes.
async fn streaming<S: Service>(
    shared: &Shared<S>,
    streamed: Streamed,
    body: RecvStream,
    expects_continue: bool,
    mut writer: ResponseWriter<'_>,
) -> Result<(), Ended> {
    let pump = Pump::new(body, streamed.sink, &shared.settings, expects_continue);
    let pump = RefCell::new(pump);
    let wait = Wait::new(shared.waits.clone());
    let not_received = {
        let mut responding = pin!(writer.write_pending(streamed.response, &pump));
        poll_fn(|cx| {
            let now = shared.shard.now();
            // Receiving comes first: it is what most often gives cause to send.
            let mut receiving = pump.borrow_mut();
            if let Poll::Ready(Err(why)) = receiving.poll(now, &shared.load, cx) {
                return Poll::Ready(Err(why));
            }
            wait.set(receiving.deadline(), cx);
            drop(receiving);
            responding.as_mut().poll(cx).map(Ok)
        })
        .await
    };
    // What is left of the body is not wanted.
    drop(pump);
    match not_received {
        Ok(sent) => sent,
        Err(BodyError::Disconnected) => Err(Ended { by_client: true }),
        Err(why) => match why.response() {
            Some(response) if !writer.is_begun => writer.write_error(&response).await,
            // That the end of the response is missing tells the client.
            _ => Err(Ended { by_client: false }),
        },
    }
}

async fn exhausted<S>(shared: &Shared<S>, mut writer: ResponseWriter<'_>) -> Result<(), Ended> {
    shared.shard.body_memory().note_rejected();
    writer.write_error(&ErrorResponse::exhausted()).await
}

/// Reserves memory for what is held of a body that is streamed to its consumer.
fn reserve(shard: &Shard, framing: BodyFraming) -> Result<Reserved, crate::memory::Exhausted> {
    let most = match framing {
        BodyFraming::None => 0,
        BodyFraming::Length(len) => usize::try_from(len).unwrap_or(usize::MAX),
        BodyFraming::Chunked => usize::MAX,
    };
    let mut reserved = Reserved::none(shard.body_memory());
    reserved.grow_to(most.min(super::STREAM_WINDOW as usize))?;
    Ok(reserved)
}

/// Puts the head together that the service sees.
fn head_parts(
    parts: &http::request::Parts,
    has_body: bool,
    settings: &Settings,
) -> Result<HeadParts, RequestError> {
    let authority = parts.uri.authority().map(http::uri::Authority::as_str);
    let target = match parts.uri.path_and_query() {
        Some(target) => target.as_str(),
        None => authority.unwrap_or_default(),
    };
    let fields = parts.headers.iter();
    let fields = fields.map(|(name, value)| (name.as_str(), value.as_bytes()));
    let method = parts.method.as_str();
    HeadParts::new(method, target, authority, fields, has_body, &settings.head)
}
