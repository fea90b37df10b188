//! Sessions that expire: each has a timer, whose message arrives as mail.

#[rusm_rs::service]
pub mod sessions {
    use std::collections::HashMap;

    use rusm_rs::Mail;

    /// The sessions by their ids.
    #[derive(Default)]
    pub struct State {
        sessions: HashMap<String, Session>,
        /// How many were put so far.
        puts: u64,
    }

    struct Session {
        content: String,
        timer: u64,
        /// Which put it is of: the timer of one before may have fired already, and its message
        /// wait in the mailbox.
        put: u64,
    }

    /// Stores a session for so long, in place of the one of this id.
    pub fn put(
        state: &mut State,
        id: String,
        content: String,
        lifetime_ms: u64,
    ) -> Result<(), String> {
        state.puts += 1;
        let put = state.puts;
        let message = format!("{put} {id}");
        let timer = rusm_rs::send_after(rusm_rs::me(), lifetime_ms, message.as_bytes());
        if timer == 0 {
            return Err("there are too many sessions".to_owned());
        }
        let session = Session {
            content,
            timer,
            put,
        };
        if let Some(old) = state.sessions.insert(id, session) {
            rusm_rs::cancel_timer(old.timer);
        }
        Ok(())
    }

    /// The content of a session that has not expired.
    pub fn get(state: &State, id: String) -> Option<String> {
        let session = state.sessions.get(&id)?;
        Some(session.content.clone())
    }

    /// How many sessions there are.
    pub fn count(state: &State) -> usize {
        state.sessions.len()
    }

    /// A session's time is over.
    pub fn on_mail(state: &mut State, mail: Mail) {
        if let Mail::Message(message) = mail
            && let Some((put, id)) = expired(&message)
            && state
                .sessions
                .get(id)
                .is_some_and(|session| session.put == put)
        {
            state.sessions.remove(id);
        }
    }

    /// What a timer's message says.
    fn expired(message: &[u8]) -> Option<(u64, &str)> {
        let (put, id) = str::from_utf8(message).ok()?.split_once(' ')?;
        Some((put.parse().ok()?, id))
    }
}
