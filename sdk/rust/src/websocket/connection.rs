//! The connection that a process serves.

use std::cell::OnceCell;
use std::mem::ManuallyDrop;

use crate::bindings::rusm::runtime::serve;

/// The WebSocket of this process, see [`websocket`](macro@crate::websocket).
///
/// A send waits while the client is slow, and says whether it is still there. What was sent before
/// the process ends still goes to the client.
#[derive(Debug)]
pub struct Connection {
    /// Asked for once; many processes never do. It is never dropped: the process ends without a
    /// word.
    info: OnceCell<ManuallyDrop<ConnectionInfo>>,
}

impl Connection {
    /// The request that opened it.
    pub fn info(&self) -> &ConnectionInfo {
        self.info.get_or_init(|| {
            // The host knows it in every process that serves a connection.
            let info = serve::connection().unwrap_or_else(|| serve::ConnectionInfo {
                method: String::new(),
                path: String::new(),
                query: String::new(),
                params: Vec::new(),
                headers: Vec::new(),
                remote_addr: String::new(),
                subprotocol: None,
            });
            ManuallyDrop::new(ConnectionInfo(info))
        })
    }

    /// Sends a text message.
    pub fn send_text(&self, text: impl AsRef<str>) -> bool {
        serve::ws_send_text(text.as_ref().as_bytes())
    }

    /// Sends a binary message.
    pub fn send_binary(&self, bytes: impl AsRef<[u8]>) -> bool {
        serve::ws_send_binary(bytes.as_ref())
    }

    /// Closes the connection with a code (RFC 6455, section 7.4: 1000 is normal, 3000 to 4999 are
    /// the app's own) and a reason for people, of at most 123 bytes. Nothing can be sent after it.
    pub fn close(&self, code: u16, reason: &str) {
        serve::ws_close(code, reason);
    }
}

/// The request that opened a connection.
#[derive(Clone, Debug)]
pub struct ConnectionInfo(serve::ConnectionInfo);

impl ConnectionInfo {
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
    pub fn query_param(&self, name: &str) -> Option<std::borrow::Cow<'_, str>> {
        form_urlencoded::parse(self.query().as_bytes())
            .find(|(n, _)| n == name)
            .map(|(_, value)| value)
    }

    /// What `:name` of the route captured, percent-decoded; `*` is what its trailing `*` did.
    pub fn param(&self, name: &str) -> Option<&str> {
        value(&self.0.params, |n| n == name)
    }

    /// The first header of that name, in whatever case. What is not UTF-8 in it became U+FFFD.
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

/// Calls `f` with the connection of this process.
pub fn with_connection<R>(f: impl FnOnce(&Connection) -> R) -> R {
    thread_local! {
        static CONNECTION: Connection = const { Connection { info: OnceCell::new() } };
    }
    CONNECTION.with(f)
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
        let info = ConnectionInfo(serve::ConnectionInfo {
            method: "GET".into(),
            path: "/rooms/a%20b".into(),
            query: "name=Ada+L&name=B".into(),
            params: vec![field("room", "a b")],
            headers: vec![field("origin", "x"), field("Cookie", "c=1")],
            remote_addr: "127.0.0.1:4242".into(),
            subprotocol: None,
        });
        assert_eq!(info.param("room"), Some("a b"));
        assert_eq!(info.param("Room"), None);
        assert_eq!(info.header("Origin"), Some("x"));
        assert_eq!(info.header("cookie"), Some("c=1"));
        assert_eq!(info.query_param("name").as_deref(), Some("Ada L"));
        assert_eq!(info.query_param("other"), None);
    }
}
