//! Request that opened a connection.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::mem::ManuallyDrop;

use crate::bindings::rusm::runtime::serve;

/// The request that opened a WebSocket or an event stream.
#[derive(Clone, Debug)]
pub struct ConnectionInfo(serve::ConnectionInfo);

impl ConnectionInfo {
    /// As the host gives it, which has a character for each byte of a header.
    fn of(mut info: serve::ConnectionInfo) -> Self {
        for (_, value) in &mut info.headers {
            if !value.is_ascii()
                && let Ok(bytes) = value
                    .chars()
                    .map(u8::try_from)
                    .collect::<Result<Vec<_>, _>>()
                && let Ok(text) = String::from_utf8(bytes)
            {
                *value = text;
            }
        }
        Self(info)
    }

    /// Returns the method, `GET`.
    pub fn method(&self) -> &str {
        &self.0.method
    }

    /// Returns the path as sent, without the query and not percent-decoded.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// Returns the query as sent, without the `?`; empty if the target has none.
    pub fn query(&self) -> &str {
        &self.0.query
    }

    /// Returns the decoded value of the first query parameter of that name.
    pub fn query_param(&self, name: &str) -> Option<Cow<'_, str>> {
        form_urlencoded::parse(self.query().as_bytes())
            .find(|(n, _)| n == name)
            .map(|(_, value)| value)
    }

    /// Returns what `:name` of the route captured, percent-decoded; `*` for the trailing `*`.
    pub fn param(&self, name: &str) -> Option<&str> {
        value(&self.0.params, |n| n == name)
    }

    /// Returns the first header of that name, case-insensitively. A value that is not UTF-8 is decoded
    /// as Latin-1.
    pub fn header(&self, name: &str) -> Option<&str> {
        value(&self.0.headers, |n| n.eq_ignore_ascii_case(name))
    }

    /// Returns the client's address and port.
    pub fn remote_addr(&self) -> &str {
        &self.0.remote_addr
    }

    /// Returns the negotiated WebSocket subprotocol, if any.
    pub fn subprotocol(&self) -> Option<&str> {
        self.0.subprotocol.as_deref()
    }
}

/// The request of the connection that this process serves, which the host is asked for once; many
/// processes never do. It is never dropped: the process ends without a word.
#[derive(Debug)]
pub(crate) struct OwnInfo(OnceCell<ManuallyDrop<ConnectionInfo>>);

impl OwnInfo {
    pub(crate) const fn new() -> Self {
        Self(OnceCell::new())
    }

    /// Empty in a process that serves no connection: in an action that another process calls.
    pub(crate) fn get(&self) -> &ConnectionInfo {
        self.0.get_or_init(|| {
            let info = serve::connection().unwrap_or_else(|| serve::ConnectionInfo {
                method: String::new(),
                path: String::new(),
                query: String::new(),
                params: Vec::new(),
                headers: Vec::new(),
                remote_addr: String::new(),
                subprotocol: None,
            });
            ManuallyDrop::new(ConnectionInfo::of(info))
        })
    }
}

fn value(fields: &[(String, String)], is_it: impl Fn(&str) -> bool) -> Option<&str> {
    let mut fields = fields.iter();
    fields.find_map(|(name, value)| is_it(name).then_some(value.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn what_the_host_knows_is_found() {
        let info = ConnectionInfo::of(serve::ConnectionInfo {
            method: "GET".into(),
            path: "/rooms/a%20b".into(),
            query: "name=Ada+L&name=B".into(),
            params: vec![field("room", "a b")],
            headers: vec![
                field("origin", "x"),
                field("Cookie", "c=1"),
                field("x-utf-8", "\u{c3}\u{bc}7"),
                field("x-latin-1", "\u{fc}7"),
            ],
            remote_addr: "127.0.0.1:4242".into(),
            subprotocol: None,
        });
        assert_eq!(info.param("room"), Some("a b"));
        assert_eq!(info.param("Room"), None);
        assert_eq!(info.header("Origin"), Some("x"));
        assert_eq!(info.header("cookie"), Some("c=1"));
        assert_eq!(info.header("x-utf-8"), Some("\u{fc}7"));
        assert_eq!(info.header("x-latin-1"), Some("\u{fc}7"));
        assert_eq!(info.query_param("name").as_deref(), Some("Ada L"));
        assert_eq!(info.query_param("other"), None);
    }
}
