//! What another server has answered.

use super::FetchError;
use crate::bindings::rusm::runtime::client;
use crate::{IntoResponse, Response, header};

/// The response of another server, whole.
///
/// As the answer of an action it goes on to the client as it is, but for what concerned the
/// connection to that server.
#[derive(Clone, Debug)]
pub struct Fetched(client::Fetched);

impl Fetched {
    /// Its status.
    pub fn status_code(&self) -> u16 {
        self.0.status
    }

    /// Whether its status is 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status_code())
    }

    /// The headers in the order of arrival, names in lower case; a name may repeat.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        header::iter(&self.0.headers)
    }

    /// The first header of that name, in whatever case, if it is UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.header_bytes(name)
            .and_then(|value| std::str::from_utf8(value).ok())
    }

    /// The first header of that name, in whatever case.
    pub fn header_bytes(&self, name: &str) -> Option<&[u8]> {
        header::get(&self.0.headers, name)
    }

    /// The content, after its transfer coding was undone.
    pub fn body(&self) -> &[u8] {
        &self.0.body
    }

    /// The content by value, without a copy.
    pub fn into_body(self) -> Vec<u8> {
        self.0.body
    }

    /// The content as text.
    ///
    /// # Errors
    /// [`FetchError::Decode`] if it is not UTF-8.
    pub fn text(&self) -> Result<&str, FetchError> {
        std::str::from_utf8(self.body())
            .map_err(|_| FetchError::Decode("it is not UTF-8".to_owned()))
    }

    /// The content as the JSON of a `T`, whatever its content type says.
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
