//! The rooms: who is in them, and what was said there last. All that is said goes through this one
//! process, so that everybody hears it in the same order. If it crashes, the host starts it again:
//! the history is gone, and the members, who watch it, tell it anew who they are.

#[rusm_rs::service]
pub mod rooms {
    use std::collections::{BTreeMap, HashMap, VecDeque};
    use std::time::{SystemTime, UNIX_EPOCH};

    use rusm_rs::{Mail, Pid};

    pub struct State {
        rooms: HashMap<String, Room>,
        last_id: u64,
    }

    /// A room that somebody was in.
    #[derive(Default)]
    struct Room {
        members: BTreeMap<Pid, String>,
        /// The last messages, each with its id, as `said` makes them.
        history: VecDeque<(u64, String)>,
    }

    /// The ids go on from the time of the start, in microseconds: whatever this process said
    /// before it crashed has a lower one, so that feeds can tell what they have seen.
    pub fn init() -> State {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let micros = now.map_or(0, |now| now.as_micros());
        State {
            rooms: HashMap::new(),
            last_id: u64::try_from(micros).unwrap_or_default(),
        }
    }

    /// The caller is in the room, until it ends.
    pub fn join(state: &mut State, room: String, name: String) {
        if let Some(caller) = rusm_rs::caller() {
            let members = &mut state.rooms.entry(room).or_default().members;
            if members.insert(caller, name).is_none() {
                rusm_rs::monitor(caller);
            }
        }
    }

    /// Tells it to the group of the room, as the JSON of the message's id and what was said.
    pub fn post(state: &mut State, room: String, from: String, text: String) {
        state.last_id += 1;
        let message = (state.last_id, said(&from, &text));
        let group = format!("room:{room}");
        rusm_rs::publish(&group, serde_json::json!(message).to_string().as_bytes());
        let history = &mut state.rooms.entry(room).or_default().history;
        if history.len() == HISTORY {
            history.pop_front();
        }
        history.push_back(message);
    }

    /// What was said in a room after the message of this id, as far as it is remembered.
    pub fn since(state: &State, room: String, id: u64) -> Vec<(u64, String)> {
        let history = state.rooms.get(&room).map(|room| &room.history);
        let messages = history.into_iter().flatten();
        messages.filter(|(i, _)| *i > id).cloned().collect()
    }

    /// The names of those who are in a room.
    pub fn members(state: &State, room: String) -> Vec<String> {
        let members = state.rooms.get(&room).map(|room| room.members.values());
        members.into_iter().flatten().cloned().collect()
    }

    /// Ends this process, as a bug would.
    pub fn crash() {
        panic!("crash was called");
    }

    /// A member is gone.
    pub fn on_mail(state: &mut State, mail: Mail) {
        if let Mail::Down { pid, .. } = mail {
            for room in state.rooms.values_mut() {
                room.members.remove(&pid);
            }
            // Nobody is there, and nothing was said.
            let is_used = |room: &Room| !(room.members.is_empty() && room.history.is_empty());
            state.rooms.retain(|_, room| is_used(room));
        }
    }

    /// What the members of a room see.
    fn said(from: &str, text: &str) -> String {
        serde_json::json!({ "from": from, "text": text }).to_string()
    }

    const HISTORY: usize = 100;
}
