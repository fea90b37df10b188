//! HTTP/1.1 as pure functions over bytes (RFC 9110, RFC 9112): no I/O, no clock, and in the
//! steady state no allocation.
//!
//! - [`HeadParser`]: the bytes of a connection to a [`Head`] that borrows from them
//! - [`BodyDecoder`]: the bytes after a head to a body, by its [`BodyFraming`]
//! - [`encode_head`], [`encode_chunk`], [`encode_last_chunk`], [`encode_trailers`],
//!   [`encode_plain`], [`encode_informational`]: a response to bytes
//! - `HeadParts`: a [`Head`] whose parts came one by one, as those of HTTP/2 do
//! - [`HeaderLines`]: headers that are checked and encoded once, and sent with every response
//! - [`Date`]: the `date` header
//!
//! Requests that the RFCs want rejected end in a [`RequestError`]: answer with
//! its status, then close, because the start of the next request is unknown.
//! A service's header can't end its line, and so can't add another: see [`ResponseHeaders`].

mod authority;
mod body;
mod chunked;
mod date;
mod error;
mod field;
mod fields;
mod length;
mod limits;
mod lines;
mod request;
mod response;
mod response_headers;
mod scan;
mod semantics;
mod status;
mod target;
mod trailers;
mod version;

pub use body::BodyDecoder;
pub use chunked::{CHUNK_END, ChunkedDecoder, encode_chunk, encode_chunk_size, encode_last_chunk};
pub use date::Date;
pub use error::RequestError;
pub use field::{InvalidHeader, is_host_owned, validate_header};
pub(crate) use fields::{Fields, Line};
pub use length::{LengthDecoder, Progress};
pub use limits::HeadLimits;
pub use lines::HeaderLines;
pub(crate) use request::HeadParts;
pub use request::{Head, HeadParser, Headers};
pub use response::{
    BodyEncoding, CONTINUE, Connection, Payload, ResponseHead, encode_head, encode_informational,
    encode_plain,
};
pub(crate) use response::{change_connection, put_head_fields, put_plain_head_fields};
pub use response_headers::ResponseHeaders;
pub use semantics::BodyFraming;
pub use status::{InvalidStatus, Status};
pub use trailers::{Trailers, encode_trailers};
pub(crate) use trailers::{check_trailers, received_trailers};
pub use version::Version;
