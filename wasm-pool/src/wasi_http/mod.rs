//! Stock `wasi:http` components: `wasi:http/incoming-handler@0.2`, and what they send out.
//!
//! - `incoming`: requests of clients
//! - `body`: the bodies of a request and its response, piece by piece
//! - `fields`: header fields that are for one connection alone
//! - `outbound`: requests of guests to other servers, and who may send them

pub(crate) mod body;
mod fields;
pub(crate) mod incoming;
pub(crate) mod outbound;

pub use body::{BodyFailure, Frame, RequestBody, RequestBodySender, ResponseBody};
pub use incoming::{IncomingRequest, InvalidRequest};

pub use crate::process::stock_http::Handling;
pub use crate::state::outparam::OutgoingResponse;
