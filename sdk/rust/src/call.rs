//! Calls to functions of other processes.

use std::fmt;
use std::time::Duration;

use crate::bindings::rusm::runtime::{actor, types};
use crate::mail::millis;
use crate::{IntoResponse, Pid, Request, Response};

/// Error of a call to another process.
///
/// Returned by an action, it becomes status 503 if the call could not be delivered, 504 if it timed
/// out, and 500 otherwise. The operator's log has the error itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallError {
    /// The process or component does not exist, or the callee ended before it began the call. The
    /// function has not run.
    NoProcess,
    /// No process has this name. The service is not running, or is about to be restarted.
    NoName(String),
    /// The callee's mailbox is full.
    MailboxFull,
    /// The callee ended while it executed the call, for this reason. Side effects of the function
    /// may have happened.
    Died(String),
    /// The timeout passed. The callee may still execute the call.
    Timeout,
    /// The callee has no such function. Holds the names of those it has.
    NoFunction(String),
    /// The function returned an error, or the host refused the call: it is larger than the callee's
    /// mailbox, the process called itself, or the callee waits for this process.
    Failed(String),
    /// The capability profile of this process lacks this grant.
    Denied(String),
    /// An argument cannot be serialized as JSON. The call was not made.
    Encode(String),
    /// The result is not the expected JSON.
    Decode(String),
}

impl CallError {
    /// Returns whether the call can be retried safely: the function has not run, because the service
    /// was not running, ended before it began the call, or has a full mailbox.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::NoProcess | Self::NoName(_) | Self::MailboxFull)
    }

    /// Parses the failure of a stream that answers a call. The host passes text alone: its own errors
    /// have known texts, any other is the function's.
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

/// Calls a function of a process and waits for its result. `arguments` is a tuple, or `[(); 0]` for a
/// function without parameters. The `Client` of a service does this with the service's types.
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

/// Calls a function of a component in a fresh process, which ends after the call. Needs
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

/// Calls a function of a process without waiting for it; the result is discarded. After `Ok` the call
/// is in the mailbox, and is lost only if the process ends.
///
/// # Errors
/// [`CallError::NoProcess`], [`CallError::MailboxFull`], [`CallError::Encode`]; and
/// [`CallError::Failed`] if it is larger than the mailbox.
#[cfg(feature = "json")]
pub fn cast<A: serde::Serialize>(to: Pid, function: &str, arguments: &A) -> Result<(), CallError> {
    let arguments = crate::service::wire::arguments(arguments)?;
    actor::cast(to.0, function, &arguments).map_err(CallError::from_wit)
}

/// Calls a function like [`call`](crate::call), with arguments and result as bytes of JSON.
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
