//! What processes send to one another besides calls.

use std::time::Duration;

use crate::Pid;
use crate::bindings::rusm::runtime::actor;

/// What arrives in a mailbox besides calls and streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mail {
    /// What somebody has sent.
    Message(Vec<u8>),
    /// A [monitored](crate::monitor) process has ended.
    Down {
        /// The process that was.
        pid: Pid,
        /// Why it ended.
        reason: String,
    },
    /// A [linked](crate::link) process has ended, and this one [traps exits](crate::trap_exit).
    Exit {
        /// The process that was.
        pid: Pid,
        /// Why it ended.
        reason: String,
    },
}

impl Mail {
    /// A message that [`send`] has made, as a `T`. `None` if it is no message, or not the JSON of
    /// a `T`.
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

/// Sends the JSON of a value, as TypeScript guests do. It is dropped if the process is gone.
///
/// # Errors
/// The value has no JSON.
#[cfg(feature = "json")]
pub fn send<T: serde::Serialize + ?Sized>(to: Pid, message: &T) -> serde_json::Result<()> {
    send_bytes(to, &serde_json::to_vec(message)?);
    Ok(())
}

/// Sends bytes. They are dropped if the process is gone.
pub fn send_bytes(to: Pid, message: &[u8]) {
    actor::send(to.0, message);
}

/// Waits for the next message, and takes it for the JSON of a `T`.
///
/// # Errors
/// It is not.
#[cfg(feature = "json")]
pub fn receive<T: serde::de::DeserializeOwned>() -> serde_json::Result<T> {
    serde_json::from_slice(&receive_bytes())
}

/// As [`receive`]; `None` after the timeout.
#[cfg(feature = "json")]
pub fn receive_timeout<T: serde::de::DeserializeOwned>(
    timeout_ms: u64,
) -> Option<serde_json::Result<T>> {
    receive_bytes_timeout(timeout_ms).map(|message| serde_json::from_slice(&message))
}

/// Waits for the next message. The end of a monitored process comes as the JSON
/// `{"__down":"<pid>","reason":"<why>"}`: [`receive_mail`] tells them apart.
pub fn receive_bytes() -> Vec<u8> {
    actor::receive()
}

/// As [`receive_bytes`]; `None` after the timeout.
pub fn receive_bytes_timeout(timeout_ms: u64) -> Option<Vec<u8>> {
    actor::receive_timeout(timeout_ms)
}

/// Waits for the next mail of any kind; `None` after the timeout, if there is one.
pub fn receive_mail(timeout: Option<Duration>) -> Option<Mail> {
    actor::receive_mail(timeout.map(millis)).map(Mail::from_wit)
}

/// The process whose end a message of [`receive_bytes`] tells; `None` for any other.
#[cfg(feature = "json")]
pub fn down_pid(message: &[u8]) -> Option<Pid> {
    // The host writes it in just this way; no other message needs to be parsed.
    if !message.starts_with(br#"{"__down":"#) {
        return None;
    }
    let down: serde_json::Value = serde_json::from_slice(message).ok()?;
    down.get("__down")?.as_str()?.parse().ok()
}

/// Sets the message that was received last aside, until [`unstash`].
pub fn stash(message: &[u8]) {
    actor::stash(message);
}

/// Puts all that was set aside back to the front, in order.
pub fn unstash() {
    actor::unstash();
}

/// Sends a message later; what it gives is for [`cancel_timer`]. The timer ends with the process that
/// it is for. 0, and nothing is sent, if this process has set as many timers as it may.
pub fn send_after(to: Pid, delay_ms: u64, message: &[u8]) -> u64 {
    actor::send_after(to.0, delay_ms, message)
}

/// False if the timer has fired already, or never was this process's.
pub fn cancel_timer(timer_ref: u64) -> bool {
    actor::cancel_timer(timer_ref)
}

/// In whole milliseconds, rounded up: a wait is never shorter than asked for.
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
