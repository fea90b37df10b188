//! Counts by name, kept in memory by one process. `resident = true` in `rusm.toml` starts it with
//! the node, and again if it ends; what it counted is gone then.

#[rusm_rs::service]
pub mod counter {
    use std::collections::HashMap;

    /// Made when the service starts, and kept from call to call.
    #[derive(Default)]
    pub struct State {
        counts: HashMap<String, u64>,
    }

    /// Adds one to a count; the new one.
    pub fn increment(state: &mut State, name: String) -> u64 {
        let count = state.counts.entry(name).or_default();
        *count += 1;
        *count
    }

    /// A count, which is 0 until it is incremented.
    pub fn get(state: &State, name: String) -> u64 {
        state.counts.get(&name).copied().unwrap_or_default()
    }

    /// Takes one from a count and adds it to another; the other.
    pub fn transfer(state: &mut State, from: String, to: String) -> Result<u64, String> {
        match state.counts.get_mut(&from) {
            Some(count) if *count > 0 => *count -= 1,
            _ => return Err(format!("nothing is left of {from}")),
        }
        Ok(increment(state, to))
    }

    /// All counts, one after the other.
    pub fn list(state: &State) -> impl Iterator<Item = (String, u64)> {
        state
            .counts
            .iter()
            .map(|(name, count)| (name.clone(), *count))
    }

    /// Ends the process, in the way of a bug.
    pub fn crash() {
        panic!("crash was called");
    }
}
