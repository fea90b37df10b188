//! The client's side of HTTP/1.1 (RFC 9112), pure over bytes.
//!
//! - [`request`]: a request to bytes.
//! - [`response`]: bytes to responses, in whatever pieces they come.

pub mod request;
pub mod response;

/// Parses the head of a response, of as many fields as it has: who limits its bytes limits them.
/// `read` gets the outcome, and the head as far as it was understood.
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
    // Each takes a line.
    let lines = memchr::memchr_iter(b'\n', input).count();
    let mut fields = vec![httparse::EMPTY_HEADER; lines];
    let mut response = httparse::Response::new(&mut fields);
    let parsed = response.parse(input);
    read(parsed, &response)
}

/// As many fields as there is room for on the stack.
const USUAL_FIELDS: usize = 64;
