//! Responses of other servers.

use super::FetchError;
use crate::bindings::rusm::runtime::client;
use crate::{IntoResponse, Response, header};

/// The complete response of another server.
///
/// Returned by an action, it is passed on to the client, except for hop-by-hop headers,
/// `content-length` and `date`.
#[derive(Clone, Debug)]
pub struct Fetched(client::Fetched);

impl Fetched {
    /// Returns the status.
    pub fn status_code(&self) -> u16 {
        self.0.status
    }

    /// Returns whether the status is 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status_code())
    }

    /// Returns the headers in order of arrival, with names in lower case. A name may repeat.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        header::iter(&self.0.headers)
    }

    /// Returns the first header of that name, case-insensitively, if it is UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.header_bytes(name)
            .and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Returns the first header of that name, case-insensitively.
    pub fn header_bytes(&self, name: &str) -> Option<&[u8]> {
        header::get(&self.0.headers, name)
    }

    /// Returns the body, after transfer decoding.
    pub fn body(&self) -> &[u8] {
        &self.0.body
    }

    /// Returns the body by value, without a copy.
    pub fn into_body(self) -> Vec<u8> {
        self.0.body
    }

    /// Returns the body as text.
    ///
    /// # Errors
    /// [`FetchError::Decode`] if it is not UTF-8.
    pub fn text(&self) -> Result<&str, FetchError> {
        std::str::from_utf8(self.body())
            .map_err(|_| FetchError::Decode("it is not UTF-8".to_owned()))
    }

    /// Parses the body as the JSON of a `T`, regardless of its content type.
    ///
    /// # Errors
    /// [`FetchError::Decode`], which says where, if it is not JSON or not that of a `T`.
    #[cfg(feature = "json")]
    pub fn json<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, FetchError> {
        serde_json::from_slice(self.body())
            .map_err(|error| FetchError::Decode(format!("it is not the JSON asked for: {error}")))
    }

    pub(super) fn from_wit(fetched: client::Fetched) -> Self {
        Self(fetched)
    }
}

impl IntoResponse for Fetched {
    fn into_response(self) -> Response {
        let client::Fetched {
            status,
            headers,
            body,
        } = self.0;
        let mut response = Response::new(status).with_body(body);
        response.head.headers = headers;
        response
            .head
            .headers
            .retain(|(name, _)| !OF_THE_CONNECTION.contains(&name.as_str()));
        response
    }
}

/// Fields that say how a message is framed, or are for the next hop alone (RFC 9110, section
/// 7.6.1): the host sets its own.
const OF_THE_CONNECTION: [&str; 9] = [
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn fetched(body: &[u8]) -> Fetched {
        Fetched::from_wit(client::Fetched {
            status: 203,
            headers: vec![
                header::header("content-type", "text/plain"),
                header::header("transfer-encoding", "chunked"),
                header::header("set-cookie", "a=1"),
                header::header("set-cookie", "b=2"),
            ],
            body: body.to_vec(),
        })
    }

    #[test]
    fn what_the_server_said_is_found() {
        let fetched = fetched(b"yes");
        assert_eq!(fetched.status_code(), 203);
        assert!(fetched.is_success());
        assert_eq!(fetched.header("Content-Type"), Some("text/plain"));
        assert_eq!(fetched.headers().count(), 4);
        assert_eq!(fetched.text(), Ok("yes"));
        assert_eq!(fetched.into_body(), b"yes");
    }

    #[test]
    fn it_is_passed_on_without_what_concerned_the_connection() {
        let response = fetched(b"yes").into_response();
        let names: Vec<_> = response.headers().map(|(name, _)| name).collect();
        assert_eq!(names, ["content-type", "set-cookie", "set-cookie"]);
        assert_eq!(
            (response.status_code(), response.body()),
            (203, &b"yes"[..])
        );
    }

    #[test]
    fn content_of_another_form_is_an_error() {
        assert!(matches!(
            fetched(&[0xC3, 0x28]).text(),
            Err(FetchError::Decode(_))
        ));
        #[cfg(feature = "json")]
        {
            assert_eq!(fetched(b"[1,2]").json(), Ok([1, 2]));
            let error = fetched(b"[1,\n2,").json::<Vec<u8>>().unwrap_err();
            assert!(error.to_string().contains("line 2"), "{error}");
        }
    }
}
