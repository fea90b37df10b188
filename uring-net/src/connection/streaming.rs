//! Requests that are answered while their bodies still come: one task, in which the body is read
//! and the response written side by side.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use super::body_reader::{BodyReader, PollContext};
use super::context::ResponseContext;
use super::exchange::{ExchangeState, Reading};
use super::response_writer::{ResponseWriter, Written};
use super::transition::Transition;
use crate::http1::{BodyDecoder, Connection, Head};
use crate::memory::Reserved;
use crate::service::{BodyError, Informational, Streamed};
use crate::shard::Phase;
use crate::socket::{Client, IDLE_INPUT};

/// A request whose body still comes, and its response, which borrow nothing of the input.
pub(super) struct StreamingExchange {
    streamed: Streamed,
    informational: Informational,
    decoder: BodyDecoder,
    /// Bytes of the input that were the head.
    head: usize,
    expects_continue: bool,
    context: ResponseContext,
    /// For what is held of the body.
    reserved: Reserved,
}

impl StreamingExchange {
    pub(super) fn new(
        head: &Head<'_>,
        decoder: BodyDecoder,
        streamed: Streamed,
        informational: Informational,
        reserved: Reserved,
    ) -> Self {
        Self {
            streamed,
            informational,
            decoder,
            head: head.len,
            expects_continue: head.expect_continue,
            context: ResponseContext::of(head),
            reserved,
        }
    }

    /// See the exchange to its end. `input` begins with the request's head; what is left in it is
    /// the next request's.
    pub(super) async fn serve(
        self: Box<Self>,
        client: &mut Client,
        input: &mut Vec<u8>,
    ) -> Transition {
        let Self {
            streamed,
            informational,
            decoder,
            head,
            expects_continue,
            context,
            reserved: _reserved,
        } = *self;
        let mut body = std::mem::take(input);
        body.drain(..head.min(body.len()));
        let timeout = client.settings.body_timeout;
        let body_reader = BodyReader::new(streamed.sink, decoder, body, expects_continue, timeout);
        let body_reader = RefCell::new(body_reader);
        let (ended, is_unwritten) = {
            let reading = Reading::Body(&body_reader, informational);
            let state = ExchangeState::new(&client.guard, &client.shard, &client.settings, reading);
            let mut writer = ResponseWriter::new(&mut client.writer, &state, context);
            let responding = pin!(writer.write_pending(streamed.response));
            let ended = state.run(&mut client.reader, responding).await;
            (ended, state.is_unwritten())
        };
        let mut body_reader = body_reader.into_inner();
        let transition = match ended {
            Ok(Written::Complete(Connection::KeepAlive)) => finish(client, &mut body_reader).await,
            // The client knew that this was the last, and has nothing more to say.
            Ok(Written::Complete(_)) if body_reader.is_complete() && !context.keep_alive => {
                Transition::Finished
            }
            Ok(Written::Complete(_)) => Transition::Close,
            Ok(Written::Upgraded(websocket)) => Transition::Upgrade(websocket),
            Ok(Written::Aborted) => Transition::Disconnected,
            Err(why) => {
                body_reader.fail(why);
                match why.response() {
                    Some(response) if is_unwritten => client.reject_with(&response, context).await,
                    // That the end of the response is missing tells the client.
                    _ => Transition::Disconnected,
                }
            }
        };
        *input = body_reader.into_rest();
        input.shrink_to(IDLE_INPUT);
        transition
    }
}

/// The response is complete: read what is left of the body, if it is little and comes soon.
async fn finish(client: &mut Client, body_reader: &mut BodyReader) -> Transition {
    body_reader.abandon();
    client.guard.set_phase(Phase::Body, Some(REST));
    let read = poll_fn(|cx| {
        let poll_context = PollContext::of(&client.shard, &client.guard);
        body_reader.poll(
            poll_context,
            |capacity, cx| client.reader.poll_in_time(capacity, cx),
            cx,
        )
    })
    .await;
    match read {
        Ok(()) if body_reader.is_complete() => Transition::Next,
        Err(BodyError::Disconnected) => Transition::Disconnected,
        Ok(()) | Err(_) => Transition::Close,
    }
}

/// The time for the rest of a body that is read only so that the connection can live on.
const REST: Duration = Duration::from_secs(2);
