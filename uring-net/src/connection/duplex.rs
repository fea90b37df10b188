//! A request that is answered while its body still comes: one task, in which the body is read
//! and the answer written side by side.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use monoio::buf::IoBuf;
use monoio::io::{AsyncWriteRent, OwnedWriteHalf};
use monoio::net::TcpStream;

use super::intake::{Intake, Moment};
use super::receive::exhausted;
use super::respond::{
    Filled, Filling, Framing, HEAD_WAITS, SMALL_BODY, encode_answer, encode_refusal,
};
use super::{Reply, Step};
use crate::http1::{self, BodyDecoder, BodyEncoding, Connection, Head, Payload, Status, Version};
use crate::memory::Reserved;
use crate::service::{
    Answer, Body, BodyError, BodyStream, Interim, PendingAnswer, Refusal, Response, Streamed,
};
use crate::settings::Settings;
use crate::shard::{Phase, Shard};
use crate::socket::{Client, Gone, Reader};
use crate::sse;
use crate::watch::Watch;
use crate::websocket::WebSocket;

/// A request whose body still comes, and its answer, which borrow nothing of the input any more.
pub(super) struct Exchange {
    streamed: Streamed,
    interim: Interim,
    decoder: BodyDecoder,
    /// Bytes of the input that were the head.
    head: usize,
    expects_continue: bool,
    /// Whether the client lets the connection live on.
    keep_alive: bool,
    reply: Reply,
    /// For what is held of the body.
    reserved: Reserved,
}

impl Exchange {
    pub(super) fn new(
        head: &Head<'_>,
        decoder: BodyDecoder,
        streamed: Streamed,
        interim: Interim,
        reserved: Reserved,
    ) -> Self {
        Self {
            reserved,
            streamed,
            interim,
            decoder,
            head: head.len,
            expects_continue: head.expect_continue,
            keep_alive: head.keep_alive,
            reply: Reply {
                version: head.version,
                to_head: head.method == "HEAD",
                connection: Connection::Close,
                trailers: head.takes_trailers,
            },
        }
    }
}

/// See the exchange to its end. `input` begins with the request's head; what is left in it is
/// the next request's.
pub(super) async fn serve(
    client: &mut Client,
    exchange: Box<Exchange>,
    input: &mut Vec<u8>,
) -> Step {
    let Exchange {
        streamed,
        interim,
        decoder,
        head,
        expects_continue,
        keep_alive,
        reply,
        reserved: _reserved,
    } = *exchange;
    let mut body = std::mem::take(input);
    body.drain(..head.min(body.len()));
    let timeout = client.settings.body_timeout;
    let intake = Intake::new(streamed.sink, decoder, body, expects_continue, timeout);
    let ends = Ends {
        intake: RefCell::new(intake),
        watch: &client.watch,
        shard: &client.shard,
        settings: &client.settings,
        interim,
        keep_alive,
        reply,
        started: client.shard.now(),
        writing: Cell::new(None),
        begun: Cell::new(false),
        is_events: Cell::new(false),
        head_due: Cell::new(None),
        probe: Cell::new(None),
    };
    let ended = ends.run(&mut client.reader, &mut client.writer, streamed.answer);
    let ended = ended.await;
    let untouched = !ends.begun.get() && ends.writing.get().is_none();
    let mut intake = ends.intake.into_inner();
    let step = match ended {
        Ok(Ended::Answered(Connection::KeepAlive)) => client.finish(&mut intake).await,
        // The client knew that this was the last, and has nothing more to say.
        Ok(Ended::Answered(_)) if intake.is_complete() && !keep_alive => Step::Gone,
        Ok(Ended::Answered(_)) => Step::Close,
        Ok(Ended::Upgraded(websocket)) => Step::Upgrade(*websocket),
        Ok(Ended::Aborted) => Step::Gone,
        Err(why) => {
            intake.fail(why);
            match refusal(why) {
                Some(refusal) if untouched => match client.refuse(&refusal, reply).await {
                    Ok(_) => Step::Close,
                    Err(Gone) => Step::Gone,
                },
                // That the end of the answer is missing tells the client.
                _ => Step::Gone,
            }
        }
    };
    *input = intake.into_rest();
    input.shrink_to(crate::socket::IDLE_INPUT);
    if matches!(step, Step::Upgrade(_)) {
        client.take_ahead(input);
    }
    step
}

impl Client {
    /// The answer is complete: read what is left of the body, if it is little and comes soon.
    async fn finish(&mut self, intake: &mut Intake) -> Step {
        intake.abandon();
        self.watch.enter(Phase::Body, Some(REST));
        let read = poll_fn(|cx| {
            let moment = Moment::now(&self.shard, &self.watch);
            intake.poll(moment, |room, cx| self.reader.poll_in_time(room, cx), cx)
        })
        .await;
        match read {
            Ok(()) if intake.is_complete() => Step::Next,
            Err(BodyError::Left) => Step::Gone,
            Ok(()) | Err(_) => Step::Close,
        }
    }
}

/// What the two ends of an exchange share.
struct Ends<'c> {
    intake: RefCell<Intake>,
    watch: &'c Watch,
    shard: &'c Shard,
    settings: &'c Settings,
    interim: Interim,
    keep_alive: bool,
    /// To which only the connection has to be added.
    reply: Reply,
    started: Instant,
    /// Until when the client has to take some of what is being written.
    writing: Cell<Option<Instant>>,
    /// Whether any of the final response has been given to the socket.
    begun: Cell<bool>,
    /// Whether the final response is a stream of events.
    is_events: Cell<bool>,
    /// When the head of a stream is to be sent, while it waits for the first chunk.
    head_due: Cell<Option<Instant>>,
    /// When to look whether the client has left, while nothing else tells.
    probe: Cell<Option<Instant>>,
}

/// How an exchange ended.
enum Ended {
    /// The answer is complete, and said this.
    Answered(Connection),
    /// The connection goes on as a WebSocket.
    Upgraded(Box<WebSocket>),
    /// The source of the answer failed, and the client must see it.
    Aborted,
}

type Writer = OwnedWriteHalf<TcpStream>;

impl Ends<'_> {
    /// Read and write until the answer is complete, or there is nobody to write it to.
    async fn run(
        &self,
        reader: &mut Reader,
        writer: &mut Writer,
        answer: PendingAnswer,
    ) -> Result<Ended, BodyError> {
        let mut responding = pin!(self.respond(writer, answer));
        poll_fn(|cx| {
            // Reading comes first: it is what most often gives cause to write.
            let moment = Moment::now(self.shard, self.watch);
            let read =
                self.intake
                    .borrow_mut()
                    .poll(moment, |room, cx| reader.poll_in_time(room, cx), cx);
            if let Poll::Ready(Err(why)) = read {
                return Poll::Ready(Err(why));
            }
            if let Poll::Ready(ended) = responding.as_mut().poll(cx) {
                return Poll::Ready(ended.map_err(|Gone| BodyError::Left));
            }
            match self.poll_left(reader, cx) {
                Poll::Ready(()) => Poll::Ready(Err(BodyError::Left)),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    /// Nothing more can be done now: ready if the client has left. Else the watch knows what we
    /// wait for.
    fn poll_left(&self, reader: &mut Reader, cx: &mut Context<'_>) -> Poll<()> {
        let intake = self.intake.borrow();
        let (writing, reading) = (self.writing.get(), intake.deadline());
        // Where one limit has to stand for both, it is the one that is over first.
        match (writing, reading) {
            (Some(writing), reading) if reading.is_none_or(|reading| writing <= reading) => {
                self.watch.enter_until(Phase::Writing, writing);
            }
            _ if self.head_due.get().is_some() => {
                self.watch.enter_open(self.head_due.get(), cx.waker());
            }
            (_, Some(reading)) => self.watch.enter_until(Phase::Body, reading),
            // Most answers come before it is worth to read for this alone.
            _ if intake.is_complete() && self.shard.now() == self.started => {
                let next_tick = self.started + Duration::from_nanos(1);
                self.watch.enter_open(Some(next_tick), cx.waker());
            }
            _ if intake.is_complete() => {
                self.wait_for_guest(cx);
                return reader.poll_left(cx);
            }
            _ if intake.is_blind() => return self.poll_probe(cx),
            _ => self.wait_for_guest(cx),
        }
        Poll::Pending
    }

    fn wait_for_guest(&self, cx: &mut Context<'_>) {
        match self.is_events.get() {
            // To be woken when the shard drains.
            true => self.watch.enter_open(None, cx.waker()),
            false => self.watch.enter(Phase::Guest, None),
        }
    }

    /// No read may tell that the client has left. Ask the socket, now and then.
    fn poll_probe(&self, cx: &mut Context<'_>) -> Poll<()> {
        let now = self.shard.now();
        let due = match self.probe.get() {
            Some(due) if now < due => due,
            _ => {
                // A client that has ended its own side may have sent all of a body that the sink
                // still wants.
                let wanted = !self.intake.borrow().is_abandoned();
                if self.watch.is_reset() || !wanted && self.watch.is_half_closed() {
                    return Poll::Ready(());
                }
                now + PROBE
            }
        };
        self.probe.set(Some(due));
        self.watch.enter_open(Some(due), cx.waker());
        Poll::Pending
    }

    /// Wait for the answer, and write it.
    async fn respond(&self, writer: &mut Writer, mut answer: PendingAnswer) -> Result<Ended, Gone> {
        let response = loop {
            let next = poll_fn(|cx| match answer.as_mut().poll(cx) {
                Poll::Ready(response) => Poll::Ready(Ok(response)),
                Poll::Pending => self.poll_interim(cx).map(Err),
            });
            match next.await {
                Ok(response) => break response,
                Err(interim) => self.write(writer, interim).await?,
            }
        };
        drop(answer);
        match response {
            Ok(Response::Answer(answer)) => self.send(writer, answer).await,
            Ok(Response::WebSocket(websocket)) => self.upgrade(writer, websocket).await,
            Err(refusal) => self.refuse(writer, &refusal).await,
        }
    }

    async fn send(&self, writer: &mut Writer, mut answer: Answer) -> Result<Ended, Gone> {
        if answer.is_event_stream() {
            self.is_events.set(true);
            sse::set_unbuffered(&mut answer.headers, &self.settings.headers);
        }
        match answer.body {
            Body::Bytes(mut body) => {
                let payload = Payload::Length(body.len() as u64);
                let reply = self.begin(true);
                let start = Start {
                    status: answer.status,
                    headers: answer.headers,
                    payload,
                };
                let Some((mut out, encoding)) = self.encode(&start, reply) else {
                    return self.refuse(writer, &internal_error()).await;
                };
                if encoding != BodyEncoding::Plain {
                    body.clear();
                }
                if body.len() <= SMALL_BODY {
                    out.append(&mut body);
                }
                // Held until the client has taken it.
                let mut reserved = Reserved::none(self.shard.body_memory());
                if reserved.grow_to(out.len() + body.len()).is_err() {
                    drop((out, body));
                    self.shard.body_memory().note_refusal();
                    return self.refuse(writer, &exhausted()).await;
                }
                self.write_first(writer, out).await?;
                self.write(writer, body).await?;
                Ok(Ended::Answered(reply.connection))
            }
            Body::Stream(body) => {
                let start = Start {
                    status: answer.status,
                    headers: answer.headers,
                    payload: Payload::of(&*body),
                };
                self.stream(writer, start, body).await
            }
        }
    }

    /// Write the chunks of `body` behind the head, which waits for the first of them.
    async fn stream(
        &self,
        writer: &mut Writer,
        start: Start,
        mut body: Box<dyn BodyStream>,
    ) -> Result<Ended, Gone> {
        // What becomes of the connection is decided when the head is written.
        let unsaid = Reply {
            connection: Connection::KeepAlive,
            ..self.reply
        };
        let Some((mut out, encoding)) = self.encode(&start, unsaid) else {
            return self.refuse(writer, &internal_error()).await;
        };
        let Some(mut framing) = Framing::of(encoding, start.payload) else {
            drop(body);
            let reply = self.begin(true);
            let out = self.encode(&start, reply).map(|(out, _)| out);
            self.write_first(writer, out.unwrap_or_default()).await?;
            return Ok(Ended::Answered(reply.connection));
        };
        let head = out.len();
        let mut said = None;
        self.head_due.set(Some(self.shard.now() + HEAD_WAITS));
        loop {
            let filling = Filling {
                any: said.is_some() && !out.is_empty(),
                head_due: self.head_due.get(),
                framing: &mut framing,
                trailers: self.reply.trailers,
            };
            let filled = self.fill(writer, filling, &mut out, &mut *body).await?;
            self.head_due.set(None);
            if matches!(filled, Filled::Aborted { any: false }) && said.is_none() {
                drop(body);
                return self.refuse(writer, &internal_error()).await;
            }
            let connection = match said {
                Some(connection) => {
                    self.write(writer, out).await?;
                    connection
                }
                None => {
                    let reply = self.begin(false);
                    if reply.connection != unsaid.connection
                        && let Some((decided, _)) = self.encode(&start, reply)
                    {
                        out.splice(..head, decided);
                    }
                    self.write_first(writer, out).await?;
                    reply.connection
                }
            };
            said = Some(connection);
            // A stream that waits holds no buffer.
            out = Vec::new();
            match filled {
                Filled::More => {}
                Filled::Large(chunk) => {
                    self.write(writer, chunk).await?;
                    framing.end_chunk(&mut out);
                }
                Filled::End => {
                    return Ok(Ended::Answered(match framing {
                        Framing::UntilClose => Connection::Close,
                        Framing::Chunked | Framing::Length(_) => connection,
                    }));
                }
                Filled::Aborted { .. } => return Ok(Ended::Aborted),
                Filled::Left => return Err(Gone),
            }
        }
    }

    /// Append to `out` the chunks that are there, or wait for the next one.
    async fn fill(
        &self,
        writer: &mut Writer,
        mut filling: Filling<'_>,
        out: &mut Vec<u8>,
        body: &mut dyn BodyStream,
    ) -> Result<Filled, Gone> {
        loop {
            let next = poll_fn(|cx| {
                if self.is_events.get() && self.shard.is_draining() {
                    return Poll::Ready(Ok(filling.end_early(out)));
                }
                match filling.poll(self.shard, body, out, cx) {
                    Poll::Ready(filled) => Poll::Ready(Ok(filled)),
                    Poll::Pending if filling.head_due.is_none() => Poll::Pending,
                    Poll::Pending => match self.poll_interim(cx) {
                        Poll::Pending if filling.is_head_due(self.shard) => {
                            Poll::Ready(Ok(Filled::More))
                        }
                        interim => interim.map(Err),
                    },
                }
            });
            match next.await {
                Ok(filled) => return Ok(filled),
                Err(interim) => self.write(writer, interim).await?,
            }
        }
    }

    async fn refuse(&self, writer: &mut Writer, refusal: &Refusal) -> Result<Ended, Gone> {
        let reply = self.begin(true);
        let out = encode_refusal(self.shard, self.settings, self.watch, refusal, reply);
        self.write_first(writer, out).await?;
        Ok(Ended::Answered(reply.connection))
    }

    /// Write the head that changes the protocol, which can't be done amid a body.
    async fn upgrade(&self, writer: &mut Writer, mut websocket: WebSocket) -> Result<Ended, Gone> {
        if !self.intake.borrow().is_complete() {
            tracing::warn!("a WebSocket was refused: the request's body isn't complete");
            return self.refuse(writer, &internal_error()).await;
        }
        let reply = Reply {
            version: Version::Http11,
            connection: Connection::Upgrade("websocket"),
            ..self.reply
        };
        let start = Start {
            status: Status::SWITCHING_PROTOCOLS,
            headers: websocket.take_headers(),
            payload: Payload::Stream,
        };
        match self.encode(&start, reply) {
            Some((out, _)) => {
                self.write_first(writer, out).await?;
                Ok(Ended::Upgraded(Box::new(websocket)))
            }
            None => self.refuse(writer, &internal_error()).await,
        }
    }

    /// The final response begins: what it says of the connection.
    fn begin(&self, whole: bool) -> Reply {
        let lives_on = self.intake.borrow_mut().answer_begins(whole);
        let lives_on = lives_on && self.keep_alive && !self.shard.is_draining();
        Reply {
            connection: match lives_on {
                true => Connection::KeepAlive,
                false => Connection::Close,
            },
            ..self.reply
        }
    }

    /// The head, and how the body is written behind it. `None` if it can't be sent.
    fn encode(&self, start: &Start, reply: Reply) -> Option<(Vec<u8>, BodyEncoding)> {
        let mut out = self.shard.take_buffer();
        let encoded = encode_answer(
            self.shard,
            self.settings,
            &mut out,
            start.status,
            reply,
            start.payload,
            &start.headers,
        );
        match encoded {
            Ok(encoding) => {
                self.watch.recorder.answer(start.status, out.len());
                Some((out, encoding))
            }
            Err(invalid) => {
                tracing::warn!("a response was refused: {invalid}");
                self.shard.give_buffer(out);
                None
            }
        }
    }

    /// What is to be written before the final response begins.
    fn poll_interim(&self, cx: &mut Context<'_>) -> Poll<Vec<u8>> {
        let mut interim = self.interim.take(cx.waker());
        if self.reply.version == Version::Http10 {
            interim.clear();
        }
        if self.intake.borrow_mut().take_continue() {
            interim.extend_from_slice(http1::CONTINUE);
        }
        match interim.is_empty() {
            true => Poll::Pending,
            false => Poll::Ready(interim),
        }
    }

    /// Write the beginning of the final response.
    async fn write_first(&self, writer: &mut Writer, out: Vec<u8>) -> Result<(), Gone> {
        let interim = self.interim.close();
        if !interim.is_empty() && self.reply.version == Version::Http11 {
            self.write(writer, interim).await?;
        }
        self.begun.set(true);
        self.write(writer, out).await
    }

    /// Write all of `bytes`.
    async fn write(&self, writer: &mut Writer, mut bytes: Vec<u8>) -> Result<(), Gone> {
        let timeout = self.settings.write_timeout;
        let mut written = 0;
        while written < bytes.len() {
            self.writing.set(self.shard.now().checked_add(timeout));
            let (result, slice) = writer.write(bytes.slice(written..)).await;
            bytes = slice.into_inner();
            match result {
                Ok(0) | Err(_) => return Err(Gone),
                Ok(count) => {
                    self.watch.recorder.wrote(count);
                    written += count;
                }
            }
        }
        self.writing.set(None);
        self.shard.give_buffer(bytes);
        Ok(())
    }
}

/// What the head of an answer is made from.
struct Start {
    status: Status,
    headers: Vec<(String, Vec<u8>)>,
    payload: Payload,
}

impl Moment {
    fn now(shard: &Shard, watch: &Watch) -> Self {
        Self {
            now: shard.now(),
            // It may also be the client's reading that took too long.
            expired: watch.interrupted().is_some() && watch.phase() == Phase::Body,
        }
    }
}

/// What a client is told whose body did not come, if it is there.
fn refusal(why: BodyError) -> Option<Refusal> {
    match why {
        BodyError::Left => None,
        BodyError::Malformed(error) => Some(Refusal::new(error.status()).with_text(error.reason())),
        BodyError::TooLarge => {
            Some(Refusal::new(Status::CONTENT_TOO_LARGE).with_text("the body is too large"))
        }
        BodyError::TooSlow => Some(Refusal::new(Status::REQUEST_TIMEOUT)),
    }
}

fn internal_error() -> Refusal {
    Refusal::new(Status::INTERNAL_SERVER_ERROR)
}

/// How long the rest of a body may take that is read only so that the connection can live on.
const REST: Duration = Duration::from_secs(2);
/// How often a client that nothing is read from is looked at.
const PROBE: Duration = Duration::from_secs(1);
