//! The interface between connections and what handles their requests.

mod body;
mod informational;
mod response;
mod streamed;

use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;

pub use self::body::{Aborted, Body, BodyStream, WrongLength};
pub(crate) use self::informational::InformationalHead;
pub use self::informational::{Informational, InvalidInformational};
pub use self::response::{Response, ServiceResponse};
pub use self::streamed::{BodyError, BodySink, Closed, PendingResponse, Streamed, StreamedRequest};
pub use crate::error_response::ErrorResponse;
use crate::http1::Head;
use crate::meter::RequestMeter;
use crate::request_id::RequestId;

/// Answers the requests of one listener on one shard.
pub trait Service: 'static {
    /// The target of a request whose body is read first.
    type Buffered<'r>;
    /// The target of a request that is answered while its body still comes; `Infallible` if there are none.
    type Streaming<'r>;

    /// Finds the target of a request by its head alone, before its body is read.
    ///
    /// # Errors
    /// The response, if there is no target.
    fn route<'r>(
        &'r self,
        head: &Head<'r>,
    ) -> Result<Route<Self::Buffered<'r>, Self::Streaming<'r>>, ErrorResponse>;

    /// Returns the number of a route, for the [`RequestMeter`].
    fn route_number<'r>(
        &self,
        _route: &Route<Self::Buffered<'r>, Self::Streaming<'r>>,
    ) -> Option<u32> {
        None
    }

    /// Returns the meter of the requests, if they are counted.
    fn meter(&self) -> Option<Rc<dyn RequestMeter>> {
        None
    }

    /// Answers a request that was read whole.
    fn call(
        &self,
        target: Self::Buffered<'_>,
        request: Request<'_>,
    ) -> impl Future<Output = Result<ServiceResponse, ErrorResponse>>;

    /// Answers a request whose body goes to a sink as it comes.
    ///
    /// # Errors
    /// The response, if there is nothing to run.
    fn call_streaming(
        &self,
        target: Self::Streaming<'_>,
        request: StreamedRequest<'_>,
    ) -> Result<Streamed, ErrorResponse>;
}

/// The target of a request, by whether its body is read first.
#[derive(Clone, Copy, Debug)]
pub enum Route<B, S> {
    /// [`Service::call`], when the body was read.
    Buffered(B),
    /// [`Service::call_streaming`], while the body still comes.
    Streaming(S),
}

/// A request, read whole.
#[derive(Clone, Copy, Debug)]
pub struct Request<'r> {
    /// Its head.
    pub head: Head<'r>,
    /// Its content.
    pub body: &'r [u8],
    /// The client's address.
    pub peer: SocketAddr,
    /// The identifier of the request in the logs.
    pub id: RequestId<'r>,
}
