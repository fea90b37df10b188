//! The request that opened a connection.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::mem::ManuallyDrop;

use crate::bindings::rusm::runtime::serve;

/// The request that opened a WebSocket, or that is answered by Server-Sent Events.
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

    /// Its method, `GET`.
    pub fn method(&self) -> &str {
        &self.0.method
    }

    /// Its path as sent, not percent-decoded, without the query.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// What follows the `?`, as sent; empty if there is none.
    pub fn query(&self) -> &str {
        &self.0.query
    }

    /// The decoded value of the query's first parameter of that name.
    pub fn query_param(&self, name: &str) -> Option<Cow<'_, str>> {
        form_urlencoded::parse(self.query().as_bytes())
            .find(|(n, _)| n == name)
            .map(|(_, value)| value)
    }

    /// What `:name` of the route captured, percent-decoded; `*` is what its trailing `*` did.
    pub fn param(&self, name: &str) -> Option<&str> {
        value(&self.0.params, |n| n == name)
    }

    /// The first header of that name, in whatever case. One that is not UTF-8 is taken for Latin-1.
    pub fn header(&self, name: &str) -> Option<&str> {
        value(&self.0.headers, |n| n.eq_ignore_ascii_case(name))
    }

    /// Address and port of the client.
    pub fn remote_addr(&self) -> &str {
        &self.0.remote_addr
    }

    /// The subprotocol that was agreed on, if any.
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
