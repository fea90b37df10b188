//! The life of one connection: a request is read, answered and written, and then the next.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::time::Duration;

use monoio::buf::{IoBuf, IoBufMut, SliceMut};
use monoio::io::{AsyncReadRent, AsyncWriteRent};
use monoio::net::TcpStream;

use crate::http1::{
    self, BodyDecoder, BodyEncoding, BodyFraming, Connection, Head, HeadLimits, HeadParser,
    HeaderLines, Payload, RequestError, ResponseHead, Status, Version,
};
use crate::service::{Answer, Refusal, Request, Service};
use crate::shard::{Interrupt, Phase, Shard, Watch};

/// What a listener allows its clients.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How large a head may be.
    pub head: HeadLimits,
    /// Bytes a body may have; beyond, 413.
    pub max_body: u64,
    /// From a head's first byte to its last; beyond, 408.
    pub header_timeout: Duration,
    /// From a head's end to the body's end; beyond, 408.
    pub body_timeout: Duration,
    /// From one response to the first byte of the next request; beyond, the connection is closed.
    pub idle_timeout: Duration,
    /// How long a client may take none of a response; beyond, the connection is cut.
    pub write_timeout: Duration,
    /// Headers of every response.
    pub headers: HeaderLines,
}

/// Serve one connection until it ends.
pub(crate) async fn serve<S: Service>(
    socket: TcpStream,
    peer: SocketAddr,
    shard: Shard,
    settings: Rc<Settings>,
    service: Rc<S>,
) {
    let watch = shard.watch(socket.as_raw_fd());
    let mut client = Client {
        socket,
        watch,
        shard,
        settings,
    };
    let mut parser = HeadParser::default();
    let mut input = Vec::with_capacity(IDLE_INPUT);
    client
        .watch
        .enter(Phase::Idle, Some(client.settings.idle_timeout));
    loop {
        let step = if input.is_empty() {
            Step::NeedInput
        } else {
            one_request(&mut client, peer, &*service, &mut parser, &mut input).await
        };
        match step {
            // What there is may have come behind the last request: that starts the clock, too.
            Step::NeedInput if !input.is_empty() && client.watch.phase() == Phase::Idle => {
                client
                    .watch
                    .enter(Phase::Head, Some(client.settings.header_timeout));
            }
            Step::NeedInput => {}
            Step::Next { consumed, excess } => {
                input.drain(..consumed.min(input.len()));
                input.extend_from_slice(&excess);
                if input.is_empty() {
                    input.shrink_to(IDLE_INPUT);
                }
                client
                    .watch
                    .enter(Phase::Idle, Some(client.settings.idle_timeout));
                continue;
            }
            Step::Close => return client.close().await,
            Step::Gone => return,
        }
        if client.shard.is_draining() && !parser.is_amid_head() {
            return;
        }
        match client.read_more(&mut input).await {
            Ok(0) if client.watch.interrupted() == Some(Interrupt::Expired) => {
                if parser.is_amid_head() {
                    let late = Refusal::new(Status::REQUEST_TIMEOUT);
                    client
                        .refuse(&late, Version::Http11, false, Connection::Close)
                        .await;
                    client.close().await;
                }
                return;
            }
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

/// What came of an attempt to serve the request that the input begins with.
enum Step {
    /// Its head isn't complete.
    NeedInput,
    /// It was answered, and the connection lives on.
    Next {
        /// Bytes of the input that were this request.
        consumed: usize,
        /// Bytes that were read behind its body.
        excess: Vec<u8>,
    },
    /// It was answered, and the answer was the last.
    Close,
    /// Nobody is there to answer.
    Gone,
}

async fn one_request<S: Service>(
    client: &mut Client,
    peer: SocketAddr,
    service: &S,
    parser: &mut HeadParser,
    input: &mut [u8],
) -> Step {
    let head = match parser.parse(input, &client.settings.head) {
        Ok(None) => return Step::NeedInput,
        Ok(Some(head)) => head,
        Err(error) => return client.reject(error).await,
    };
    let to_head = head.method == "HEAD";
    let route = match service.route(&head) {
        Ok(route) => route,
        Err(refusal) => return client.turn_away(&head, &refusal).await,
    };
    let body = match client.read_body(&head).await {
        Ok(body) => body,
        Err(step) => return step,
    };
    client.watch.enter(Phase::Guest, None);
    let request = Request {
        head,
        body: body.content(&head),
        peer,
    };
    let answer = service.answer(route, request).await;
    let connection = client.after(&head);
    let sent = match answer {
        Ok(answer) => client.send(answer, head.version, to_head, connection).await,
        Err(refusal) => {
            client
                .refuse(&refusal, head.version, to_head, connection)
                .await
        }
    };
    match (sent, connection) {
        (false, _) => Step::Gone,
        // The client knew that this was the last, and has nothing more to say.
        (true, Connection::Close) if !head.keep_alive => Step::Gone,
        (true, Connection::Close) => Step::Close,
        (true, _) => Step::Next {
            consumed: head.len + body.consumed,
            excess: body.excess,
        },
    }
}

/// A request's body, wherever it is.
#[derive(Default)]
struct Body {
    /// The content, if it had to be put together.
    gathered: Option<Vec<u8>>,
    /// Bytes of the input behind the head that were the body's.
    consumed: usize,
    /// Bytes that were read behind the body.
    excess: Vec<u8>,
}

impl Body {
    fn content<'a>(&'a self, head: &'a Head<'_>) -> &'a [u8] {
        match &self.gathered {
            Some(content) => content,
            None => head.rest.get(..self.consumed).unwrap_or_default(),
        }
    }
}

/// The other end of a connection, and the watch over the wait for it.
struct Client {
    watch: Watch,
    socket: TcpStream,
    shard: Shard,
    settings: Rc<Settings>,
}

impl Client {
    /// What becomes of the connection after the answer to this request.
    fn after(&self, head: &Head<'_>) -> Connection {
        if head.keep_alive && !self.shard.is_draining() {
            Connection::KeepAlive
        } else {
            Connection::Close
        }
    }

    /// Read behind what `input` holds. 0 at the end.
    async fn read_more(&mut self, input: &mut Vec<u8>) -> io::Result<usize> {
        if input.capacity() - input.len() < MIN_READ {
            input.reserve(input.capacity().max(IDLE_INPUT));
        }
        let (len, capacity) = (input.len(), input.capacity());
        let (read, buffer) = self.socket.read(slice(input, len, capacity)).await;
        *input = buffer.into_inner();
        read
    }

    async fn read_body(&mut self, head: &Head<'_>) -> Result<Body, Step> {
        let max_body = self.settings.max_body;
        let mut decoder = match BodyDecoder::new(head.framing, max_body) {
            Ok(decoder) => decoder,
            Err(error) => return Err(self.reject(error).await),
        };
        if let Some(consumed) = whole_in(head) {
            return Ok(Body {
                consumed,
                ..Body::default()
            });
        }
        self.watch
            .enter(Phase::Body, Some(self.settings.body_timeout));
        if head.expect_continue && head.rest.is_empty() {
            let interim = http1::CONTINUE.to_vec();
            if !self.write(interim).await {
                return Err(Step::Gone);
            }
            self.watch
                .enter(Phase::Body, Some(self.settings.body_timeout));
        }
        let mut content = Vec::new();
        let mut progress = match decoder.decode(head.rest, &mut content) {
            Ok(progress) => progress,
            Err(error) => return Err(self.reject(error).await),
        };
        let consumed = progress.consumed;
        let mut chunk = Vec::with_capacity(BODY_CHUNK);
        while !progress.done {
            chunk.clear();
            match self.read_more(&mut chunk).await {
                Ok(0) if self.watch.interrupted().is_some() => {
                    let late = Refusal::new(Status::REQUEST_TIMEOUT);
                    self.refuse(&late, head.version, false, Connection::Close)
                        .await;
                    return Err(Step::Close);
                }
                Ok(0) | Err(_) => return Err(Step::Gone),
                Ok(_) => {}
            }
            progress = match decoder.decode(&chunk, &mut content) {
                Ok(progress) => progress,
                Err(error) => return Err(self.reject(error).await),
            };
        }
        let excess = if chunk.is_empty() {
            Vec::new()
        } else {
            chunk.split_off(progress.consumed.min(chunk.len()))
        };
        Ok(Body {
            gathered: Some(content),
            consumed,
            excess,
        })
    }

    /// Answer a request that can't be understood, or is too large, and close.
    async fn reject(&mut self, error: RequestError) -> Step {
        let refusal = Refusal::new(error.status()).with_text(error.reason());
        if self
            .refuse(&refusal, Version::Http11, false, Connection::Close)
            .await
        {
            Step::Close
        } else {
            Step::Gone
        }
    }

    /// Answer a request from its head alone. The connection lives on where its body is here
    /// already; else where the next request begins isn't worth finding.
    async fn turn_away(&mut self, head: &Head<'_>, refusal: &Refusal) -> Step {
        let body = whole_in(head);
        let connection = match body {
            Some(_) => self.after(head),
            None => Connection::Close,
        };
        let to_head = head.method == "HEAD";
        match (
            self.refuse(refusal, head.version, to_head, connection)
                .await,
            body,
        ) {
            (false, _) => Step::Gone,
            (true, Some(consumed)) if connection == Connection::KeepAlive => Step::Next {
                consumed: head.len + consumed,
                excess: Vec::new(),
            },
            (true, _) => Step::Close,
        }
    }

    /// Write the guest's answer. False if the client did not take it.
    async fn send(
        &mut self,
        answer: Answer,
        version: Version,
        to_head: bool,
        connection: Connection,
    ) -> bool {
        let mut out = self.shard.take_buffer();
        let encoded = self.shard.with_date(|date| {
            let head = ResponseHead {
                status: answer.status,
                version,
                to_head,
                connection,
                date,
                defaults: &self.settings.headers,
            };
            let length = Payload::Length(answer.body.len() as u64);
            let headers = answer.headers.iter().map(|(name, value)| (name, value));
            http1::encode_head(&mut out, &head, length, headers)
        });
        let encoding = match encoded {
            Ok(encoding) => encoding,
            Err(invalid) => {
                tracing::warn!("a response was refused: {invalid}");
                self.shard.give_buffer(out);
                let refusal = Refusal::new(Status::INTERNAL_SERVER_ERROR);
                return self.refuse(&refusal, version, to_head, connection).await;
            }
        };
        let mut body = answer.body;
        if encoding != BodyEncoding::Plain {
            body.clear();
        }
        // A small body is cheaper to copy than to write by itself.
        if body.len() <= SMALL_BODY {
            out.extend_from_slice(&body);
            body.clear();
        }
        self.write(out).await && (body.is_empty() || self.write(body).await)
    }

    /// Write an answer of the host's own. False if the client did not take it.
    async fn refuse(
        &mut self,
        refusal: &Refusal,
        version: Version,
        to_head: bool,
        connection: Connection,
    ) -> bool {
        let mut out = self.shard.take_buffer();
        self.shard.with_date(|date| {
            let head = ResponseHead {
                status: refusal.status,
                version,
                to_head,
                connection,
                date,
                defaults: &self.settings.headers,
            };
            http1::encode_plain(&mut out, &head, &refusal.headers, &refusal.text);
        });
        self.write(out).await
    }

    /// Write all of `bytes`. False if the client did not take them.
    async fn write(&mut self, mut bytes: Vec<u8>) -> bool {
        let mut written = 0;
        while written < bytes.len() {
            self.watch
                .enter(Phase::Writing, Some(self.settings.write_timeout));
            let (result, slice) = self.socket.write(bytes.slice(written..)).await;
            bytes = slice.into_inner();
            match result {
                Ok(0) | Err(_) => return false,
                Ok(count) => written += count,
            }
        }
        self.shard.give_buffer(bytes);
        true
    }

    /// Close so that the last answer arrives. A socket that is closed with input unread resets
    /// the connection, and the client may lose the answer to it (RFC 9112, section 9.6).
    async fn close(mut self) {
        if self.socket.shutdown().await.is_err() {
            return;
        }
        self.watch.enter(Phase::Closing, Some(LINGER));
        let mut discarded = Vec::with_capacity(BODY_CHUNK);
        let mut budget = LINGER_BYTES;
        while budget > 0 {
            discarded.clear();
            match self.read_more(&mut discarded).await {
                Ok(0) | Err(_) => return,
                Ok(count) => budget = budget.saturating_sub(count),
            }
        }
    }
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

/// Take `buffer` for a read into what is free of it.
fn slice(buffer: &mut Vec<u8>, begin: usize, end: usize) -> SliceMut<Vec<u8>> {
    std::mem::take(buffer).slice_mut(begin..end)
}

/// Bytes of input that an idle connection holds.
const IDLE_INPUT: usize = 2 * 1024;
/// A read into less room than this is not worth its system call.
const MIN_READ: usize = 1024;
/// Bytes of a body that are read at once.
const BODY_CHUNK: usize = 64 * 1024;
/// Bytes of a body that are copied behind its head.
const SMALL_BODY: usize = 16 * 1024;
/// How long, and how much, we read after the last answer.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 1 << 20;
