//! The interface between connections and what handles their requests.

mod body;
mod informational;
mod response;
mod streamed;

use std::future::Future;
use std::net::SocketAddr;

pub use self::body::{Aborted, Body, BodyStream};
pub use self::informational::{Informational, InvalidInformational};
pub use self::response::{Response, ServiceResponse};
pub use self::streamed::{BodyError, BodySink, Closed, PendingResponse, Streamed, StreamedRequest};
pub use crate::error_response::ErrorResponse;
use crate::http1::{Head, Status};
use crate::request_id::RequestId;

/// Answers the requests of one listener on one shard.
pub trait Service: 'static {
    /// What [`Service::route`] found, for [`Service::call`] to use.
    type Route<'r>;

    /// Decide, from the head alone, whether the request is worth its body.
    ///
    /// # Errors
    /// The response, where there is nothing to run.
    fn route<'r>(&'r self, head: &Head<'r>) -> Result<Self::Route<'r>, ErrorResponse>;

    /// Answer a request.
    fn call(
        &self,
        route: Self::Route<'_>,
        request: Request<'_>,
    ) -> impl Future<Output = Result<ServiceResponse, ErrorResponse>>;

    /// Whether a request of this route is answered while its body still comes:
    /// [`Service::call_streaming`] is called for it, and not [`Service::call`].
    fn wants_stream(&self, _route: &Self::Route<'_>) -> bool {
        false
    }

    /// Answer a request whose body goes to a sink as it comes.
    ///
    /// # Errors
    /// The response, where there is nothing to run.
    fn call_streaming(
        &self,
        _route: Self::Route<'_>,
        _request: StreamedRequest<'_>,
    ) -> Result<Streamed, ErrorResponse> {
        Err(ErrorResponse::new(Status::NOT_IMPLEMENTED))
    }
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
    /// What it is called in the logs.
    pub id: RequestId<'r>,
}
