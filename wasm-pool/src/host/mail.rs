//! What a process receives, as guests get it.

use rusm_core::{Delivery, ExitReason, Pid};

use crate::bindings::rusm::runtime::actor::{Ended, Mail};

/// What a guest gets of a mail; `None` for calls and streams, which go their own ways.
pub(crate) fn into_wit(delivery: Delivery) -> Option<Mail> {
    match delivery {
        Delivery::Message(bytes) => Some(Mail::Message(bytes.into())),
        Delivery::Down { pid, reason, .. } => Some(Mail::Down(ended(pid, &reason))),
        Delivery::Exit { from, reason } => Some(Mail::Exit(ended(from, &reason))),
        Delivery::Call(_) | Delivery::Stream { .. } => None,
    }
}

fn ended(pid: Pid, reason: &ExitReason) -> Ended {
    Ended {
        pid: pid.as_raw(),
        reason: reason.to_string(),
    }
}

/// A mail as RUSM 0.7 has it: the end of a process is a JSON object with its pid as text.
pub(super) fn as_bytes(delivery: Delivery) -> Vec<u8> {
    let json = |key: &str, pid: Pid, reason: &ExitReason| {
        let reason = serde_json::Value::from(reason.to_string());
        format!(r#"{{"__{key}":"{}","reason":{reason}}}"#, pid.as_raw()).into_bytes()
    };
    match delivery {
        Delivery::Message(bytes) => bytes.into(),
        Delivery::Down { pid, reason, .. } => json("down", pid, &reason),
        Delivery::Exit { from, reason } => json("exit", from, &reason),
        Delivery::Call(_) | Delivery::Stream { .. } => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_process_is_json_of_0_7() {
        let delivery = Delivery::Exit {
            from: Pid::from_raw(7),
            reason: ExitReason::Failed("a \"quoted\" reason".into()),
        };
        assert_eq!(
            String::from_utf8(as_bytes(delivery)).unwrap(),
            r#"{"__exit":"7","reason":"a \"quoted\" reason"}"#
        );
        assert_eq!(as_bytes(Delivery::Message("x".into())), b"x");
    }
}
