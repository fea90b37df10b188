//! Status codes (RFC 9110 section 15) and their status lines.

use thiserror::Error;

/// A status code of a final response, or 101.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Status(u16);

/// A number that isn't the status code of a final response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{0} is not the status of a final response: use 200 to 599")]
pub struct InvalidStatus(pub u16);

impl Status {
    /// A final status code: 200 to 599.
    ///
    /// # Errors
    /// Any other number. An informational response (1xx) in a final one's place would make the client
    /// take the next response for this request's.
    pub const fn new(code: u16) -> Result<Self, InvalidStatus> {
        match code {
            200..=599 => Ok(Self(code)),
            _ => Err(InvalidStatus(code)),
        }
    }

    /// The number.
    #[must_use]
    pub const fn code(self) -> u16 {
        self.0
    }

    /// Returns whether a response of this status has neither a body nor a header about one
    /// (RFC 9110 section 8.6).
    #[must_use]
    pub const fn forbids_body(self) -> bool {
        matches!(self.0, 100..=199 | 204 | 304)
    }
}

impl From<Status> for u16 {
    fn from(status: Status) -> Self {
        status.0
    }
}

macro_rules! statuses {
    ($($code:literal $name:ident $reason:literal)+) => {
        impl Status {
            $(
                #[doc = concat!("`", $code, " ", $reason, "`")]
                pub const $name: Self = Self($code);
            )+

            /// The reason phrase; empty if the code isn't a registered one.
            #[must_use]
            pub const fn reason(self) -> &'static str {
                match self.0 {
                    $($code => $reason,)+
                    _ => "",
                }
            }

            /// Appends the status line. It says HTTP/1.1 to clients of HTTP/1.0 too
            /// (RFC 9110 section 6.2).
            pub(super) fn put_line(self, out: &mut Vec<u8>) {
                let line: &[u8] = match self.0 {
                    $($code => concat!("HTTP/1.1 ", $code, " ", $reason, "\r\n").as_bytes(),)+
                    _ => return self.put_unregistered(out),
                };
                out.extend_from_slice(line);
            }
        }
    };
}

impl Status {
    fn put_unregistered(self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"HTTP/1.1 ");
        out.extend_from_slice(itoa::Buffer::new().format(self.0).as_bytes());
        // The space before an absent reason phrase is not optional (RFC 9112 section 4).
        out.extend_from_slice(b" \r\n");
    }
}

statuses! {
    101 SWITCHING_PROTOCOLS "Switching Protocols"
    200 OK "OK"
    201 CREATED "Created"
    202 ACCEPTED "Accepted"
    203 NON_AUTHORITATIVE_INFORMATION "Non-Authoritative Information"
    204 NO_CONTENT "No Content"
    205 RESET_CONTENT "Reset Content"
    206 PARTIAL_CONTENT "Partial Content"
    207 MULTI_STATUS "Multi-Status"
    300 MULTIPLE_CHOICES "Multiple Choices"
    301 MOVED_PERMANENTLY "Moved Permanently"
    302 FOUND "Found"
    303 SEE_OTHER "See Other"
    304 NOT_MODIFIED "Not Modified"
    307 TEMPORARY_REDIRECT "Temporary Redirect"
    308 PERMANENT_REDIRECT "Permanent Redirect"
    400 BAD_REQUEST "Bad Request"
    401 UNAUTHORIZED "Unauthorized"
    402 PAYMENT_REQUIRED "Payment Required"
    403 FORBIDDEN "Forbidden"
    404 NOT_FOUND "Not Found"
    405 METHOD_NOT_ALLOWED "Method Not Allowed"
    406 NOT_ACCEPTABLE "Not Acceptable"
    408 REQUEST_TIMEOUT "Request Timeout"
    409 CONFLICT "Conflict"
    410 GONE "Gone"
    411 LENGTH_REQUIRED "Length Required"
    412 PRECONDITION_FAILED "Precondition Failed"
    413 CONTENT_TOO_LARGE "Content Too Large"
    414 URI_TOO_LONG "URI Too Long"
    415 UNSUPPORTED_MEDIA_TYPE "Unsupported Media Type"
    416 RANGE_NOT_SATISFIABLE "Range Not Satisfiable"
    417 EXPECTATION_FAILED "Expectation Failed"
    421 MISDIRECTED_REQUEST "Misdirected Request"
    422 UNPROCESSABLE_CONTENT "Unprocessable Content"
    423 LOCKED "Locked"
    425 TOO_EARLY "Too Early"
    426 UPGRADE_REQUIRED "Upgrade Required"
    428 PRECONDITION_REQUIRED "Precondition Required"
    429 TOO_MANY_REQUESTS "Too Many Requests"
    431 REQUEST_HEADER_FIELDS_TOO_LARGE "Request Header Fields Too Large"
    451 UNAVAILABLE_FOR_LEGAL_REASONS "Unavailable For Legal Reasons"
    500 INTERNAL_SERVER_ERROR "Internal Server Error"
    501 NOT_IMPLEMENTED "Not Implemented"
    502 BAD_GATEWAY "Bad Gateway"
    503 SERVICE_UNAVAILABLE "Service Unavailable"
    504 GATEWAY_TIMEOUT "Gateway Timeout"
    505 HTTP_VERSION_NOT_SUPPORTED "HTTP Version Not Supported"
    507 INSUFFICIENT_STORAGE "Insufficient Storage"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_final_statuses_are_made_from_numbers() {
        for code in [0, 99, 100, 101, 103, 199, 600, 999, u16::MAX] {
            assert_eq!(Status::new(code), Err(InvalidStatus(code)));
        }
        for code in [200, 204, 299, 404, 599] {
            assert_eq!(Status::new(code).map(Status::code), Ok(code));
        }
    }

    #[test]
    fn status_lines() {
        for (status, line) in [
            (Status::OK, "HTTP/1.1 200 OK\r\n"),
            (Status::GATEWAY_TIMEOUT, "HTTP/1.1 504 Gateway Timeout\r\n"),
            (Status::new(299).unwrap(), "HTTP/1.1 299 \r\n"),
        ] {
            let mut out = Vec::new();
            status.put_line(&mut out);
            assert_eq!(out, line.as_bytes());
        }
    }
}
