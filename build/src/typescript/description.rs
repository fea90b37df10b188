//! Description of an author's module, as the runner reports it.

use serde::Deserialize;

/// What an author's module exports.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Description {
    /// What the component is for.
    pub kind: Kind,
    /// Of a handler: the actions, by their JavaScript names; an index is a place in this list.
    #[serde(default)]
    pub actions: Vec<String>,
    /// Of a handler or a service: the functions.
    #[serde(default)]
    pub functions: Vec<String>,
    /// Whether it takes mail that is no call.
    #[serde(default)]
    pub on_mail: bool,
}

/// What a component is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// It answers requests.
    Handler,
    /// It stays, and answers calls.
    Service,
    /// A process for each WebSocket.
    Websocket,
    /// A free-form process.
    Process,
}
