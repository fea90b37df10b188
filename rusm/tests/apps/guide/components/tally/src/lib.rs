//! The votes, in the memory of one process.

#[rusm_rs::service]
pub mod tally {
    /// Made when the service starts, and kept from call to call.
    #[derive(Default)]
    pub struct State {
        coffee: u64,
        tea: u64,
    }

    /// Counts a vote, and tells the result to the group `poll`.
    pub fn vote(state: &mut State, choice: String) -> Result<(), String> {
        match &*choice {
            "coffee" => state.coffee += 1,
            "tea" => state.tea += 1,
            _ => return Err(format!("vote for coffee or tea, not for {choice}")),
        }
        rusm_rs::publish("poll", result(state).as_bytes());
        Ok(())
    }

    /// The result so far.
    pub fn result(state: &State) -> String {
        format!("coffee {}, tea {}", state.coffee, state.tea)
    }

    /// Sends the result so far to the caller, as `vote` sends the next ones.
    pub fn show(state: &State) {
        if let Some(caller) = rusm_rs::caller() {
            rusm_rs::send_bytes(caller, result(state).as_bytes());
        }
    }
}
