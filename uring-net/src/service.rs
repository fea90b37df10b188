//! Who answers requests.

use std::borrow::Cow;
use std::future::Future;
use std::net::SocketAddr;

use crate::http1::{Head, HeaderLines, Status};

/// Answers the requests of one listener on one shard.
pub trait Service: 'static {
    /// What [`Service::route`] found, for [`Service::answer`] to use.
    type Route<'r>;

    /// Decide, from the head alone, whether the request is worth its body.
    ///
    /// # Errors
    /// The response, where there is nothing to run.
    fn route<'r>(&'r self, head: &Head<'r>) -> Result<Self::Route<'r>, Refusal>;

    /// Answer a request.
    fn answer(
        &self,
        route: Self::Route<'_>,
        request: Request<'_>,
    ) -> impl Future<Output = Result<Answer, Refusal>>;
}

/// A request, read whole.
#[derive(Clone, Copy, Debug)]
pub struct Request<'r> {
    /// Its head.
    pub head: Head<'r>,
    /// Its content.
    pub body: &'r [u8],
    /// Who sent it.
    pub peer: SocketAddr,
}

/// A response, before the host has framed it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: Status,
    /// Names and values. Those that frame the message are the host's, and are left out.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Its content.
    pub body: Vec<u8>,
}

/// A response that the host gives of itself: one line of text.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Its status.
    pub status: Status,
    /// Headers of its own, such as `Allow`.
    pub headers: HeaderLines,
    /// The line.
    pub text: Cow<'static, str>,
}

impl Refusal {
    /// A refusal that says no more than its status does.
    pub fn new(status: Status) -> Self {
        Self {
            status,
            headers: HeaderLines::default(),
            text: status.reason().into(),
        }
    }

    /// The same with this line of text.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.text = text.into();
        self
    }

    /// The same with these headers.
    #[must_use]
    pub fn with_headers(mut self, headers: HeaderLines) -> Self {
        self.headers = headers;
        self
    }
}
