//! Messages between processes, exit signals and timers.

use std::time::Duration;

use crate::Pid;
use crate::bindings::rusm::runtime::actor;

/// An item of a process's mailbox: a message, or the end of another process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mail {
    /// A message that was sent to this process.
    Message(Vec<u8>),
    /// A [monitored](crate::monitor) process has ended.
    Down {
        /// The process that ended.
        pid: Pid,
        /// The reason.
        reason: String,
    },
    /// A [linked](crate::link) process has ended, and this one [traps exits](crate::trap_exit).
    Exit {
        /// The process that ended.
        pid: Pid,
        /// The reason.
        reason: String,
    },
}

impl Mail {
    /// Parses a message as the JSON of a `T`. Returns `None` for other mail, and for a message that is
    /// not the JSON of a `T`.
    #[cfg(feature = "json")]
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Option<T> {
        match self {
            Self::Message(message) => serde_json::from_slice(message).ok(),
            Self::Down { .. } | Self::Exit { .. } => None,
        }
    }

    fn from_wit(mail: actor::Mail) -> Self {
        match mail {
            actor::Mail::Message(message) => Self::Message(message),
            actor::Mail::Down(actor::Ended { pid, reason }) => Self::Down {
                pid: Pid(pid),
                reason,
            },
            actor::Mail::Exit(actor::Ended { pid, reason }) => Self::Exit {
                pid: Pid(pid),
                reason,
            },
        }
    }
}

/// Sends a value as JSON, as TypeScript guests do. The message is dropped if the process has ended.
///
/// # Errors
/// The value cannot be serialized as JSON.
#[cfg(feature = "json")]
pub fn send<T: serde::Serialize + ?Sized>(to: Pid, message: &T) -> serde_json::Result<()> {
    send_bytes(to, &serde_json::to_vec(message)?);
    Ok(())
}

/// Sends a message of bytes. It is dropped if the process has ended.
pub fn send_bytes(to: Pid, message: &[u8]) {
    actor::send(to.0, message);
}

/// Waits for the next message, and parses it as the JSON of a `T`.
///
/// # Errors
/// The message is not the JSON of a `T`.
#[cfg(feature = "json")]
pub fn receive<T: serde::de::DeserializeOwned>() -> serde_json::Result<T> {
    serde_json::from_slice(&receive_bytes())
}

/// Waits like [`receive`], at most `timeout_ms` milliseconds. Returns `None` after the timeout.
#[cfg(feature = "json")]
pub fn receive_timeout<T: serde::de::DeserializeOwned>(
    timeout_ms: u64,
) -> Option<serde_json::Result<T>> {
    receive_bytes_timeout(timeout_ms).map(|message| serde_json::from_slice(&message))
}

/// Waits for the next message. The end of a monitored process arrives as the JSON
/// `{"__down":"<pid>","reason":"<reason>"}`; use [`receive_mail`] to distinguish the two.
pub fn receive_bytes() -> Vec<u8> {
    actor::receive()
}

/// Waits like [`receive_bytes`], at most `timeout_ms` milliseconds. Returns `None` after the timeout.
pub fn receive_bytes_timeout(timeout_ms: u64) -> Option<Vec<u8>> {
    actor::receive_timeout(timeout_ms)
}

/// Waits for the next mail of any kind. Returns `None` after the timeout; without one it waits forever.
pub fn receive_mail(timeout: Option<Duration>) -> Option<Mail> {
    actor::receive_mail(timeout.map(millis)).map(Mail::from_wit)
}

/// Returns the process that ended, if a message of [`receive_bytes`] reports one.
#[cfg(feature = "json")]
pub fn down_pid(message: &[u8]) -> Option<Pid> {
    // The host writes it in just this way; no other message needs to be parsed.
    if !message.starts_with(br#"{"__down":"#) {
        return None;
    }
    let down: serde_json::Value = serde_json::from_slice(message).ok()?;
    down.get("__down")?.as_str()?.parse().ok()
}

/// Saves a message that was received, until [`unstash`] puts it back into the mailbox.
pub fn stash(message: &[u8]) {
    actor::stash(message);
}

/// Puts all saved messages back to the front of the mailbox, in order.
pub fn unstash() {
    actor::unstash();
}

/// Sends a message after `delay_ms` milliseconds. Returns a reference for [`cancel_timer`], or 0 if
/// this process has reached its limit of timers; then nothing is sent. The timer is cancelled when
/// the receiving process ends.
pub fn send_after(to: Pid, delay_ms: u64, message: &[u8]) -> u64 {
    actor::send_after(to.0, delay_ms, message)
}

/// Cancels a timer. Returns false if it has already fired, or is not a timer of this process.
pub fn cancel_timer(timer_ref: u64) -> bool {
    actor::cancel_timer(timer_ref)
}

/// Converts to whole milliseconds, rounded up: a wait is never shorter than requested.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_rounded_up() {
        assert_eq!(millis(Duration::from_micros(1)), 1);
        assert_eq!(millis(Duration::from_millis(7)), 7);
        assert_eq!(millis(Duration::ZERO), 0);
        assert_eq!(millis(Duration::MAX), u64::MAX);
    }

    #[cfg(feature = "json")]
    #[test]
    fn the_end_of_a_process_is_told_from_messages() {
        let down = br#"{"__down":"7","reason":"trap"}"#;
        assert_eq!(down_pid(down), Some(Pid(7)));
        assert_eq!(down_pid(br#"{"op":"__down"}"#), None);
        assert_eq!(down_pid(br#"{"__down":7}"#), None);
    }

    #[cfg(feature = "json")]
    #[test]
    fn only_a_message_has_json() {
        assert_eq!(Mail::Message(b"[1,2]".to_vec()).json(), Some([1, 2]));
        assert_eq!(Mail::Message(b"[1,".to_vec()).json::<Vec<u8>>(), None);
        let down = Mail::Down {
            pid: Pid(1),
            reason: "1".into(),
        };
        assert_eq!(down.json::<u8>(), None);
    }
}
