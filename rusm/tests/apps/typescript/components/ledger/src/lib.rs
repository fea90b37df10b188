//! A service in Rust, which handlers in TypeScript call.

#[rusm_rs::service]
pub mod ledger {
    use serde::{Deserialize, Serialize};

    #[derive(Default)]
    pub struct State {
        of: Vec<i64>,
    }

    #[derive(Serialize, Deserialize)]
    pub struct Sum {
        sum: i64,
        of: Vec<i64>,
    }

    pub fn add_entry(state: &mut State, entry: i64) -> Result<Sum, String> {
        if entry < 0 {
            return Err(format!("{entry} can't be added"));
        }
        state.of.push(entry);
        Ok(Sum {
            sum: state.of.iter().sum(),
            of: state.of.clone(),
        })
    }

    pub fn count_down(from: u64) -> impl Iterator<Item = u64> {
        (1..=from).rev()
    }
}
