//! Description of an author's module, as the runner reports it.

use serde::Deserialize;

/// The exports of an author's module.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Description {
    /// The kind of component.
    pub kind: Kind,
    /// The actions of a handler, by their JavaScript names; an index is a position in this list.
    #[serde(default)]
    pub actions: Vec<String>,
    /// The functions of a handler or a service.
    #[serde(default)]
    pub functions: Vec<String>,
    /// True if it takes mail that is not a call.
    #[serde(default)]
    pub on_mail: bool,
}

/// The kind of a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// It answers requests.
    Handler,
    /// It is long-lived, and answers calls.
    Service,
    /// A process for each WebSocket.
    Websocket,
    /// A free-form process.
    Process,
}
