//! Callee's side of calls: from the bytes of the arguments to those of the result.

use std::fmt::Display;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::callback::Open;
use super::wire;
use crate::Stream;
use crate::bindings::rusm::runtime::actor;

/// The arguments, as a tuple or as `[(); 0]`.
pub fn arguments<A: DeserializeOwned>(function: &str, arguments: &[u8]) -> Result<A, String> {
    serde_json::from_slice(arguments)
        .map_err(|error| format!("the arguments of `{function}` are not what it takes: {error}"))
}

/// The answer of a function that answers with a value.
pub fn value<T: Serialize>(value: &T) -> Result<Vec<u8>, String> {
    serde_json::to_vec(value).map_err(no_json)
}

/// The value of a function that may fail.
pub fn fallible<T, E: Display>(result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

/// The answer of a function that answers with an iterator: its items go where the caller reads
/// them, until they end or the caller is gone.
pub fn items<T: Serialize, I: IntoIterator<Item = T>>(
    function: &str,
    make: impl FnOnce() -> Result<I, String>,
) -> Result<Vec<u8>, String> {
    let stream = reply_stream(function)?;
    for item in make()? {
        if !stream.write(&wire::item(&item).map_err(no_json)?) {
            break;
        }
    }
    Ok(Vec::new())
}

/// The answer of a function that takes callbacks: `make` reads the arguments, too.
pub fn answer_with_callbacks<T: Serialize>(
    function: &str,
    make: impl FnOnce() -> Result<T, String>,
) -> Result<Vec<u8>, String> {
    let call = Open::new(reply_stream(function)?);
    let answer = make()?;
    let answer = wire::final_answer(&answer).map_err(no_json)?;
    // A caller that is gone wants no answer.
    call.stream().write(&answer);
    Ok(Vec::new())
}

fn reply_stream(function: &str) -> Result<Stream, String> {
    let stream = actor::reply_stream().map(Stream::from_handle);
    stream.ok_or_else(|| format!("`{function}` answers with a stream: call it by `call-stream`"))
}

fn no_json(error: serde_json::Error) -> String {
    format!("the answer has no JSON: {error}")
}

/// What the `main` of a free-form process may return.
#[diagnostic::on_unimplemented(
    message = "`main` returns nothing or a `Result<(), E>` where `E: Display`, not `{Self}`"
)]
pub trait End {
    /// Why the process ends otherwise than normally.
    fn failure(self) -> Option<String>;
}

impl End for () {
    fn failure(self) -> Option<String> {
        None
    }
}

impl<E: Display> End for Result<(), E> {
    fn failure(self) -> Option<String> {
        self.err().map(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_arguments_name_the_function() {
        assert_eq!(arguments("sum", b"[1,2]"), Ok((1, 2)));
        assert_eq!(arguments("none", b"[]"), Ok([(); 0]));
        for wrong in [&b"[1]"[..], b"[1,2,3]", b"{}", b"[1,\"2\"]", b""] {
            let error = arguments::<(u8, u8)>("sum", wrong).unwrap_err();
            assert!(error.contains("`sum`"), "{error}");
        }
        assert!(arguments::<[(); 0]>("none", b"[1]").is_err());
    }

    #[test]
    fn a_failure_is_its_text() {
        assert_eq!(fallible(Ok::<_, String>(1)), Ok(1));
        assert_eq!(
            fallible("x".parse::<u8>()),
            Err("invalid digit found in string".into())
        );
        assert_eq!(End::failure(Err::<(), _>("lost")), Some("lost".to_owned()));
        assert_eq!(End::failure(()), None);
    }
}
