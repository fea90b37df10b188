//! A request's body, from wherever its bytes are.

use super::client::Client;
use super::{Reply, Step, whole_in};
use crate::http1::{self, BodyDecoder, Head, RequestError, Status};
use crate::service::Refusal;
use crate::shard::Phase;

/// The body of a request.
#[derive(Default)]
pub(super) struct Received {
    /// The content, if it had to be put together.
    gathered: Option<Vec<u8>>,
    /// Bytes of the input behind the head that were the body's.
    pub(super) consumed: usize,
    /// Bytes that were read behind the body.
    pub(super) excess: Vec<u8>,
}

impl Received {
    pub(super) fn content<'a>(&'a self, head: &'a Head<'_>) -> &'a [u8] {
        match &self.gathered {
            Some(content) => content,
            None => head.rest.get(..self.consumed).unwrap_or_default(),
        }
    }
}

impl Client {
    pub(super) async fn read_body(&mut self, head: &Head<'_>) -> Result<Received, Step> {
        let max_body = self.settings.max_body;
        let mut decoder = match BodyDecoder::new(head.framing, max_body) {
            Ok(decoder) => decoder,
            Err(error) => return Err(self.reject(error).await),
        };
        if let Some(consumed) = whole_in(head) {
            return Ok(Received {
                consumed,
                ..Received::default()
            });
        }
        self.watch
            .enter(Phase::Body, Some(self.settings.body_timeout));
        if head.expect_continue && head.rest.is_empty() {
            let interim = http1::CONTINUE.to_vec();
            if self.write(interim).await.is_err() {
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
                    let reply = Reply {
                        version: head.version,
                        ..Reply::UNKNOWN
                    };
                    let _ = self.refuse(&late, reply).await;
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
        Ok(Received {
            gathered: Some(content),
            consumed,
            excess,
        })
    }

    /// Answer a request that can't be understood, or is too large, and close.
    pub(super) async fn reject(&mut self, error: RequestError) -> Step {
        let refusal = Refusal::new(error.status()).with_text(error.reason());
        match self.refuse(&refusal, Reply::UNKNOWN).await {
            Ok(_) => Step::Close,
            Err(_) => Step::Gone,
        }
    }
}

/// Bytes of a body that are read at once.
const BODY_CHUNK: usize = 64 * 1024;
