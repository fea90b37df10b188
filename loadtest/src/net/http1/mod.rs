//! The client's side of HTTP/1.1 (RFC 9112), pure over bytes.
//!
//! - [`request`]: encodes requests.
//! - [`response`]: parses responses from pieces of any size.

pub mod request;
pub mod response;

/// Parses the head of a response, with any number of fields: the caller limits its bytes. `read`
/// gets the result, and the head as far as it was parsed.
pub fn with_head<T>(
    input: &[u8],
    read: impl FnOnce(
        Result<httparse::Status<usize>, httparse::Error>,
        &httparse::Response<'_, '_>,
    ) -> T,
) -> T {
    let mut usual = [httparse::EMPTY_HEADER; USUAL_FIELDS];
    let mut response = httparse::Response::new(&mut usual);
    let parsed = response.parse(input);
    if parsed != Err(httparse::Error::TooManyHeaders) {
        return read(parsed, &response);
    }
    // Each field takes a line.
    let lines = memchr::memchr_iter(b'\n', input).count();
    let mut fields = vec![httparse::EMPTY_HEADER; lines];
    let mut response = httparse::Response::new(&mut fields);
    let parsed = response.parse(input);
    read(parsed, &response)
}

/// Fields that fit on the stack.
const USUAL_FIELDS: usize = 64;
