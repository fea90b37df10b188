//! Calls of functions of other processes.

use std::fmt;
use std::time::Duration;

use crate::bindings::rusm::runtime::{actor, types};
use crate::mail::millis;
use crate::{IntoResponse, Pid, Request, Response};

/// Why a call has no answer.
///
/// As the error of an action it is status 503 if nobody could take the call, 504 if the answer
/// did not come in time, 500 else; what it was stands in the operator's log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallError {
    /// There is no such process, or no such component; or the callee ended before it began the
    /// call. The function has not run.
    NoProcess,
    /// No process has this name: a service of it is not there, or about to be started again.
    NoName(String),
    /// The callee has as many messages waiting as it may have.
    MailboxFull,
    /// The callee ended while it was at work on the call: why. What the function does besides
    /// answering, it may have done.
    Died(String),
    /// The answer did not come in time. The callee may still be at it.
    Timeout,
    /// The callee has no such function: the names it has.
    NoFunction(String),
    /// The function answered with an error of its own. Or the host could not make the call: it is
    /// larger than the callee's mailbox, the process called itself, or the callee waits for it.
    Failed(String),
    /// This process's capability profile lacks a grant: which.
    Denied(String),
    /// An argument has no JSON, so nobody was called.
    Encode(String),
    /// The answer is not the JSON of what was expected.
    Decode(String),
}

impl CallError {
    /// Whether the function has not run, and the same call may be well if it is made again: the
    /// service was not there, was gone before it began the call, or has too much waiting.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::NoProcess | Self::NoName(_) | Self::MailboxFull)
    }

    /// Why a stream that answers a call failed. The host has only text for it: that of its own
    /// errors is known, and the rest is the function's.
    pub(crate) fn from_failure(why: String) -> Self {
        if let Some(why) = why.strip_prefix("the process ended before it answered: ") {
            return Self::Died(why.to_owned());
        }
        match why.as_str() {
            "no such process" => Self::NoProcess,
            "the process has too much mail waiting" => Self::MailboxFull,
            _ if why.starts_with("the process ended before it began the call: ") => Self::NoProcess,
            _ => Self::Failed(why),
        }
    }

    fn from_wit(error: types::CallError) -> Self {
        match error {
            types::CallError::NoProcess => Self::NoProcess,
            types::CallError::MailboxFull => Self::MailboxFull,
            types::CallError::Died(why) => Self::Died(why),
            types::CallError::Timeout => Self::Timeout,
            types::CallError::NoFunction(names) => Self::NoFunction(names),
            types::CallError::Failed(why) => Self::Failed(why),
            types::CallError::Denied(which) => Self::Denied(which),
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProcess => f.write_str("there is no such process"),
            Self::NoName(name) => write!(f, "no process has the name `{name}`"),
            Self::MailboxFull => f.write_str("the process has too many messages waiting"),
            Self::Died(why) => write!(f, "the process ended before it answered: {why}"),
            Self::Timeout => f.write_str("the answer did not come in time"),
            Self::NoFunction(names) => {
                write!(f, "the process has no such function; it has {names}")
            }
            Self::Failed(why) => f.write_str(why),
            Self::Denied(which) => write!(f, "not allowed: {which}"),
            Self::Encode(why) => write!(f, "an argument has no JSON: {why}"),
            Self::Decode(why) => write!(f, "the answer is not the JSON asked for: {why}"),
        }
    }
}

impl std::error::Error for CallError {}

impl IntoResponse for CallError {
    fn into_response(self) -> Response {
        eprintln!("call: {self}");
        let (status, text) = match self {
            error if error.is_retryable() => (503, "service unavailable\n"),
            Self::Timeout => (504, "gateway timeout\n"),
            _ => (500, "internal server error\n"),
        };
        Response::text(text).status(status)
    }
}

/// Calls a function of a process, and waits for its answer: the arguments as a tuple, or `[(); 0]`
/// for none. The `Client` of a service does this with the service's own types.
///
/// # Errors
/// See [`CallError`].
#[cfg(feature = "json")]
pub fn call<A: serde::Serialize, R: serde::de::DeserializeOwned>(
    to: Pid,
    function: &str,
    arguments: &A,
    timeout: Duration,
) -> Result<R, CallError> {
    use crate::service::wire;
    let answer = call_bytes(to, function, &wire::arguments(arguments)?, timeout)?;
    wire::answer(&answer)
}

/// Calls a function of a component in a fresh process, which ends with the answer. Needs
/// `allow-spawn`.
///
/// # Errors
/// See [`CallError`].
#[cfg(feature = "json")]
pub fn run<A: serde::Serialize, R: serde::de::DeserializeOwned>(
    component: &str,
    function: &str,
    arguments: &A,
    timeout: Duration,
) -> Result<R, CallError> {
    use crate::service::wire;
    let arguments = wire::arguments(arguments)?;
    let answer = actor::run(component, function, &arguments, millis(timeout));
    wire::answer(&answer.map_err(CallError::from_wit)?)
}

/// Calls a function of a process and does not wait; there is no answer. If this is `Ok`, the call has
/// its place in the mailbox: it is lost only with the process.
///
/// # Errors
/// [`CallError::NoProcess`], [`CallError::MailboxFull`], [`CallError::Encode`]; and
/// [`CallError::Failed`] if it is larger than the mailbox.
#[cfg(feature = "json")]
pub fn cast<A: serde::Serialize>(to: Pid, function: &str, arguments: &A) -> Result<(), CallError> {
    let arguments = crate::service::wire::arguments(arguments)?;
    actor::cast(to.0, function, &arguments).map_err(CallError::from_wit)
}

/// As [`call`](crate::call), with the bytes as they go over the wire.
///
/// # Errors
/// See [`CallError`].
pub fn call_bytes(
    to: Pid,
    function: &str,
    arguments: &[u8],
    timeout: Duration,
) -> Result<Vec<u8>, CallError> {
    actor::call(to.0, function, arguments, millis(timeout)).map_err(CallError::from_wit)
}

/// Calls an action of a handler component, in a fresh process. Needs `allow-spawn`.
///
/// # Errors
/// See [`CallError`].
pub fn fetch(
    component: &str,
    action: &str,
    request: Request,
    timeout: Duration,
) -> Result<Response, CallError> {
    actor::fetch(component, action, &request.into_wit(), millis(timeout))
        .map(Response::from_wit)
        .map_err(CallError::from_wit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_was_never_begun_is_told_from_one_that_died() {
        let failure = |why: &str| CallError::from_failure(why.to_owned());
        let not_begun = failure("the process ended before it began the call: a bug");
        assert_eq!(not_begun, CallError::NoProcess);
        let died = failure("the process ended before it answered: a bug");
        assert_eq!(died, CallError::Died("a bug".to_owned()));
        assert_eq!(failure("no such process"), CallError::NoProcess);
        let full = failure("the process has too much mail waiting");
        assert_eq!(full, CallError::MailboxFull);
        assert_eq!(failure("its own"), CallError::Failed("its own".to_owned()));
        assert!(not_begun.is_retryable() && full.is_retryable() && !died.is_retryable());
    }
}
